/** Resolves an ARN with wildcards, or without a build number, to the resource that it currently means. */
import { formatArn, parseArn, resourceArn, versionArn, type Arn } from '../resources/arns.ts';
import {
  compareVersions,
  highestMatch,
  isVersion,
  matchesVersion,
  parseVersion,
  type BuildVersion,
  type VersionPattern,
} from '../resources/versions.ts';
import type { Catalog, Queryable } from './catalog.ts';
import { components, type StoredComponent } from './components.ts';
import { containerRecipes } from './container-recipes.ts';
import { imageRecipes } from './image-recipes.ts';
import { imageVersions } from './images.ts';
import { newestBaseImage } from './layers.ts';
import {
  findManagedComponent,
  findManagedImage,
  findManagedWorkflow,
  managedComponent,
  managedWorkflow,
  type ManagedRegister,
} from './managed.ts';
import { workflows, type StoredWorkflow } from './workflows.ts';

/**
 * The component that an ARN means: an account's own, or an `aws` one. A version without a build means its latest build.
 * @param db where to look for the account's own (default: outside of any transaction)
 */
export async function resolveComponent(
  catalog: Catalog,
  reference: string,
  db: Queryable = catalog.db,
): Promise<StoredComponent | undefined> {
  const arn = parseArn(reference);
  if (arn?.type !== 'component' || arn.version === undefined) return undefined;
  if (arn.owner === 'aws') {
    const found = findManagedComponent(catalog.managed, arn);
    return found === undefined ? undefined : (managedComponent(found, arn.region) as StoredComponent);
  }
  const found = pick(
    await components.versions(db, { account: arn.owner, region: arn.region }, arn),
    arn.version,
    arn.build,
  );
  return found === undefined ? undefined : components.get(db, found.arn);
}

/** The workflow that an ARN means, as `resolveComponent` finds components. */
export async function resolveWorkflow(
  catalog: Catalog,
  reference: string,
  db: Queryable = catalog.db,
): Promise<StoredWorkflow | undefined> {
  const arn = parseArn(reference);
  if (arn?.type !== 'workflow' || arn.version === undefined) return undefined;
  if (arn.owner === 'aws') {
    const found = findManagedWorkflow(catalog.managed, arn);
    return found === undefined ? undefined : managedWorkflow(found, arn.region);
  }
  const found = pick(
    await workflows.versions(db, { account: arn.owner, region: arn.region }, arn),
    arn.version,
    arn.build,
  );
  return found === undefined ? undefined : workflows.get(db, found.arn);
}

/**
 * The build version ARN that an image's ARN refers to: the named build, otherwise the latest AVAILABLE one. Only images
 * of accounts, not managed ones.
 * @returns `undefined` if there is none
 */
export async function resolveImage(db: Queryable, reference: string): Promise<string | undefined> {
  const arn = parseArn(reference);
  if (arn?.type !== 'image' || arn.version === undefined) return undefined;
  const versions = await imageVersions(db, { account: arn.owner, region: arn.region }, arn.slug);
  const usable = arn.build === undefined ? versions.filter(({ status }) => status === 'AVAILABLE') : versions;
  return pick(usable, arn.version, arn.build)?.arn;
}

/** Like `resolveImage`, for reading: if no build is AVAILABLE, the latest of any status. */
export async function resolveImageToRead(db: Queryable, reference: string): Promise<string | undefined> {
  // An ARN with a build is already resolved; the reader finds out whether it exists.
  if (parseArn(reference)?.build !== undefined) return reference;
  const available = await resolveImage(db, reference);
  if (available !== undefined) return available;
  const arn = parseArn(reference);
  if (arn?.type !== 'image' || arn.version === undefined) return undefined;
  return pick(await imageVersions(db, { account: arn.owner, region: arn.region }, arn.slug), arn.version, arn.build)
    ?.arn;
}

/** ARN of the image recipe or container recipe that an ARN resolves to, or `undefined`. */
export async function resolveRecipe(db: Queryable, reference: string): Promise<string | undefined> {
  const arn = parseArn(reference);
  if ((arn?.type !== 'image-recipe' && arn?.type !== 'container-recipe') || arn.version === undefined) return undefined;
  const recipes = arn.type === 'image-recipe' ? imageRecipes : containerRecipes;
  return highestMatch(arn.version, await recipes.versions(db, { account: arn.owner, region: arn.region }, arn.slug))
    ?.arn;
}

/** What a request's ARN resolves to. */
export interface Meaning {
  /**
   * The resource that it resolves to: the ARN itself, unless it has wildcards or no build; `undefined` if there is
   * none.
   */
  readonly arn: string | undefined;
  /** Other names under which lists show the same resource. */
  readonly aliases: readonly string[];
}

/** Resolves an ARN, which must be in canonical form. */
export async function meaningOf(
  { managed }: Pick<Catalog, 'managed'>,
  reference: string,
  db: Queryable,
): Promise<Meaning> {
  const arn = parseArn(reference);
  if (arn === undefined) return { arn: reference, aliases: [] };
  const meant = arn.owner === 'aws' ? await meantOfManaged(managed, arn, db) : await meantOfAccount(arn, reference, db);
  const found = meant === undefined ? undefined : parseArn(meant);
  // Versions of a managed image are the days on which it was made; each of them, and every wildcard, is the same image.
  if (arn.owner === 'aws' && arn.type === 'image')
    return { arn: meant, aliases: [versionArn({ ...arn, version: { major: 'x', minor: 'x', patch: 'x' } })] };
  return { arn: meant, aliases: found?.build === undefined ? [] : [versionArn(found)] };
}

async function meantOfAccount(arn: Arn, reference: string, db: Queryable): Promise<string | undefined> {
  if (arn.version === undefined || arn.build !== undefined) return reference;
  const place = { account: arn.owner, region: arn.region };
  switch (arn.type) {
    case 'component':
      return pick(await components.versions(db, place, arn), arn.version, undefined)?.arn;
    case 'workflow':
      return pick(await workflows.versions(db, place, arn), arn.version, undefined)?.arn;
    case 'image':
      return resolveImageToRead(db, reference);
    default:
      return isVersion(arn.version) ? reference : resolveRecipe(db, reference);
  }
}

async function meantOfManaged(managed: ManagedRegister, arn: Arn, db: Queryable): Promise<string | undefined> {
  const component = findManagedComponent(managed, arn);
  if (component !== undefined) return managedComponent(component, arn.region).arn;
  const workflow = findManagedWorkflow(managed, arn);
  if (workflow !== undefined) return managedWorkflow(workflow, arn.region).arn;
  const image = findManagedImage(managed, arn);
  const version =
    image === undefined ? undefined : parseVersion((await newestBaseImage(db, image.name))?.version ?? '');
  return version === undefined
    ? formatArn(arn)
    : resourceArn({ region: arn.region, account: 'aws' }, 'image', arn.slug, version, 1);
}

/** ARNs of all versions and builds of components or workflows that an ARN with wildcards matches. */
export async function versionsMeant(reference: string, db: Queryable): Promise<readonly string[]> {
  const arn = parseArn(reference);
  if (arn?.version === undefined || (arn.type !== 'component' && arn.type !== 'workflow')) return [];
  const queries = arn.type === 'component' ? components : workflows;
  const { version } = arn;
  return (await queries.versions(db, { account: arn.owner, region: arn.region }, arn))
    .filter((each) => matchesVersion(version, each))
    .map((each) => each.arn);
}

function pick<V extends BuildVersion>(
  versions: readonly V[],
  pattern: VersionPattern,
  build: number | undefined,
): V | undefined {
  if (build === undefined) return highestMatch(pattern, versions);
  return versions
    .filter((version) => matchesVersion(pattern, version) && version.build === build)
    .sort(compareVersions)
    .at(-1);
}
