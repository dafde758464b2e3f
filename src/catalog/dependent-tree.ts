/** The tree of a resource's dependents. */
import { parseArn, type Arn } from '../resources/arns.ts';
import type { Version } from '../resources/versions.ts';
import type { Catalog } from './catalog.ts';
import { components } from './components.ts';
import { containerRecipes } from './container-recipes.ts';
import { dependentsOf } from './dependents.ts';
import { resourceExists } from './existence.ts';
import { imageRecipes } from './image-recipes.ts';
import { imageVersions } from './images.ts';
import { findManagedComponent, findManagedImage, findManagedWorkflow } from './managed.ts';
import { workflows } from './workflows.ts';

/** A resource and its dependents, ordered by ARN. */
export interface Dependent {
  readonly arn: string;
  readonly dependents: readonly Dependent[];
}

/** The tree of a resource's dependents, which prevent its deletion. */
export async function dependentTree(catalog: Catalog, arn: string, account: string): Promise<Dependent | undefined> {
  const parsed = parseArn(arn);
  if (
    parsed === undefined ||
    !(parsed.owner === 'aws' ? isManaged(catalog, parsed) : await resourceExists(catalog.db, arn))
  )
    return undefined;
  return treeOf(catalog, arn, account, new Set());
}

function isManaged({ managed }: Catalog, arn: Arn): boolean {
  return (
    (findManagedComponent(managed, arn) ?? findManagedWorkflow(managed, arn) ?? findManagedImage(managed, arn)) !==
    undefined
  );
}

async function treeOf(catalog: Catalog, arn: string, account: string, above: ReadonlySet<string>): Promise<Dependent> {
  const parsed = parseArn(arn)!;
  const found = await dependentsOf(catalog.db, arn, await versionsOf(catalog, parsed));
  const within = new Set(above).add(arn);
  const dependents: Dependent[] = [];
  for (const each of found) {
    if (within.has(each) || (parsed.owner === 'aws' && parseArn(each)?.owner !== account)) continue;
    dependents.push(await treeOf(catalog, each, account, within));
  }
  return { arn, dependents };
}

/** All versions of a resource's name, to resolve wildcards. */
async function versionsOf(
  { db, managed }: Catalog,
  arn: Arn,
): Promise<readonly (Version & { readonly build?: number })[]> {
  const place = { account: arn.owner, region: arn.region };
  switch (arn.type) {
    case 'component':
      return arn.owner === 'aws'
        ? managed.components.filter(({ name }) => name === arn.slug)
        : components.versions(db, place, arn);
    case 'workflow':
      return arn.owner === 'aws'
        ? managed.workflows.filter(({ name, type }) => name === arn.slug && type.toLowerCase() === arn.workflowType)
        : workflows.versions(db, place, arn);
    case 'image-recipe':
      return imageRecipes.versions(db, place, arn.slug);
    case 'container-recipe':
      return containerRecipes.versions(db, place, arn.slug);
    case 'image':
      return (await imageVersions(db, place, arn.slug)).filter(({ status }) => status === 'AVAILABLE');
    default:
      return [];
  }
}
