/**
 * Resolves a `parentImage`: follows Systems Manager parameters and `aws` names to an AMI, an image of an account, or a
 * base image that Ingot makes or downloads. No image replaces another unless the owner's configuration says so, and the
 * log shows each step.
 */
import { parseArn, resourceArn } from '../resources/arns.ts';
import type { Queryable } from './catalog.ts';
import { imageVersions } from './images.ts';
import { getParameter } from './parameters.ts';
import { findManagedImage, type ManagedImage, type ManagedRegister } from './managed.ts';
import { parseStoreArn } from '../resources/store-arns.ts';
import { compareVersions, formatVersion, isVersion } from '../resources/versions.ts';
import type { Place } from './slices.ts';
import { didYouMean } from '../documents/nearest.ts';
import { INGOT } from '../platform/own-program.ts';

/** The meaning of a name. `via` describes each step, for the log. */
export type ParentMeaning =
  | { readonly kind: 'ami'; readonly id: string; readonly via: readonly string[] }
  /** An image of an account; its version may have wildcards. */
  | { readonly kind: 'image'; readonly arn: string; readonly via: readonly string[] }
  | { readonly kind: 'managed'; readonly image: ManagedImage; readonly via: readonly string[] }
  /**
   * Unknown. `why` says why and what to do, in sentences. `known` is false for a name that does not exist at all, so
   * that a list of the existing ones helps.
   */
  | { readonly kind: 'none'; readonly why: string; readonly known: boolean; readonly via: readonly string[] };

/** Maximum steps from one name to another; more indicate a cycle. */
const LONGEST_WAY = 8;

/**
 * Resolves a parent image.
 * @param reference as in a recipe
 * @param place of the recipe
 */
export async function parentMeaning(
  db: Queryable,
  managed: ManagedRegister,
  reference: string,
  place: Place,
): Promise<ParentMeaning> {
  const { settings } = managed;
  const via: string[] = [];
  const seen = new Set<string>();
  let current = reference;
  for (let step = 0; step < LONGEST_WAY; step++) {
    if (current.startsWith('ssm:')) {
      if (step > 0)
        return {
          kind: 'none',
          why: `${via.join(', ')}: a parameter's value cannot be another parameter.`,
          known: true,
          via,
        };
      const name = parameterName(current);
      const value =
        settings.parameters[name] ??
        settings.parameters[name.replace(/^\//, '')] ??
        (await keptParameter(db, place, name)) ??
        managed.images.find(({ parameters }) => parameters?.includes(name))?.name;
      if (value === undefined) {
        const near = nearImage(managed, name);
        return {
          kind: 'none',
          why:
            `The Systems Manager parameter '${name}' has no value here. Set it in config.yaml of the data ` +
            `directory (parameters: {${name}: ${near?.name ?? 'ami-…'}}` +
            `${near === undefined ? '' : `, which is ${near.osVersion}`}) and restart the server, ` +
            'create it with aws ssm put-parameter, or deploy a template that has it (AWS::SSM::Parameter).',
          known: true,
          via,
        };
      }
      via.push(`the parameter ${name} is ${value}`);
      current = expanded(value, place);
      continue;
    }
    if (current.startsWith('ami-')) {
      const mapped = settings.parentImages[current];
      if (mapped === undefined || seen.has(current)) return { kind: 'ami', id: current, via };
      seen.add(current);
      via.push(`${current} is ${mapped} by config.yaml`);
      current = expanded(mapped, place);
      continue;
    }
    if (current.startsWith('prod-'))
      return {
        kind: 'none',
        why: `${within(via)}'${current}' is a product of AWS Marketplace, which only AWS has.`,
        known: false,
        via,
      };
    const arn = parseArn(current);
    if (arn?.type !== 'image' || arn.version === undefined)
      return {
        kind: 'none',
        why:
          `${within(via)}'${current}' is neither an AMI id, nor the ARN of an Image Builder image with its ` +
          'version, nor ssm: and a parameter.',
        known: false,
        via,
      };
    if (arn.region !== place.region)
      return {
        kind: 'none',
        why: `${within(via)}'${current}' is in ${arn.region}; this recipe is in ${place.region}.`,
        known: false,
        via,
      };
    if (arn.owner !== 'aws') return { kind: 'image', arn: current, via };
    const mapped = settings.parentImages[arn.slug];
    // A name that the owner maps to another is not mapped again, so that amazon-linux-2-x86 may refer to itself through
    // a second name.
    if (mapped !== undefined && !seen.has(arn.slug)) {
      seen.add(arn.slug);
      via.push(`${arn.slug} is ${mapped} by config.yaml`);
      current = expanded(mapped, place);
      continue;
    }
    const image = findManagedImage(managed, arn);
    if (image === undefined || (image.supply ?? 'made') !== 'made') {
      const imported = await importedAs(db, arn.slug, place);
      if (imported !== undefined)
        return { kind: 'image', arn: imported, via: [...via, `${arn.slug} was imported as ${imported}`] };
    }
    if (image === undefined) {
      const names = managed.images.map(({ name }) => name);
      const why =
        `${within(via)}Unknown managed image '${arn.slug}'.${didYouMean(arn.slug, names)} ` + supplyIt(arn.slug);
      return { kind: 'none', why, known: false, via };
    }
    if (image.supply === 'refused')
      return {
        kind: 'none',
        why:
          `${within(via)}The managed image '${arn.slug}' (${image.osVersion}) is not available here. ` +
          `${image.refusal ?? ''} ${supplyIt(arn.slug, image)}`,
        known: true,
        via,
      };
    // Its versions here are the dates on which it was made; AWS's are different.
    if (isVersion(arn.version))
      via.push(
        `${arn.slug}/${formatVersion(arn.version)} is the newest ${arn.slug} that is here, whatever its version`,
      );
    return { kind: 'managed', image, via };
  }
  return {
    kind: 'none',
    why: `${within(via)}The names in config.yaml refer to each other in a circle.`,
    known: true,
    via,
  };
}

/** The image here that a public parameter of AWS is nearest to: the one that has the most similar parameter. */
function nearImage({ images }: ManagedRegister, parameter: string): ManagedImage | undefined {
  const family = /^\/aws\/service\/.+\/[a-z]+\d+-/.exec(parameter)?.[0];
  if (family === undefined) return undefined;
  return images.find(
    ({ parameters, supply }) => supply !== 'refused' && parameters?.some((each) => each.startsWith(family)),
  );
}

/** The value of a stored parameter, with or without a leading slash in its name. */
async function keptParameter(db: Queryable, place: Place, name: string): Promise<string | undefined> {
  const kept =
    (await getParameter(db, place, name)) ??
    (name.startsWith('/') ? await getParameter(db, place, name.slice(1)) : undefined);
  return kept?.type === 'SecureString' ? undefined : kept?.value;
}

/** The name of a parameter, from `ssm:name` or `ssm:` and its ARN. */
function parameterName(reference: string): string {
  const given = reference.slice('ssm:'.length);
  const arn = parseStoreArn(given);
  return arn?.service === 'ssm' ? `/${arn.name}` : given;
}

/** A value of the configuration, in full form. */
function expanded(value: string, { region, account }: Place): string {
  if (value.startsWith('ami-') || value.startsWith('arn:')) return value;
  return value.startsWith('image/')
    ? `arn:aws:imagebuilder:${region}:${account}:${value}`
    : resourceArn({ region, account: 'aws' }, 'image', value, { major: 'x', minor: 'x', patch: 'x' });
}

/** The newest build imported under a name, in the account of the recipe. */
async function importedAs(db: Queryable, slug: string, place: Place): Promise<string | undefined> {
  const builds = (await imageVersions(db, place, slug)).filter(
    ({ status, build_type: type }) => status === 'AVAILABLE' && type === 'IMPORT',
  );
  return builds.toSorted(compareVersions).at(-1)?.arn;
}

/** The command that supplies a name, and the configuration line that maps it. */
function supplyIt(name: string, image?: ManagedImage): string {
  if (image?.type === 'DOCKER') return '';
  const platform = image === undefined || image.platform === 'Linux' ? '' : ` --platform ${image.platform}`;
  const os = image === undefined ? '' : ` --os-version "${image.osVersion}"`;
  const line = `parentImages: {${name}: ami-…} in config.yaml of the data directory.`;
  return image?.canRun === false
    ? `Set ${line}`
    : `Import its disk: ${INGOT} import FILE --name ${name}${platform}${os}; or set ${line}`;
}

function within(via: readonly string[]): string {
  return via.length === 0 ? '' : `${via.join(', ')}: `;
}
