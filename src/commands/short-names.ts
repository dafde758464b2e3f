/**
 * Short names of resources, wherever a command takes an ARN: `nginx`, `nginx/1.0.0`, `nginx/1.0.0/1`; if the type is
 * ambiguous, it comes first: `image/nginx`. They are looked up in the API's lists, in the command's Region.
 */
import {
  paginateListComponentBuildVersions,
  paginateListComponents,
  paginateListContainerRecipes,
  paginateListDistributionConfigurations,
  paginateListImageBuildVersions,
  paginateListImagePipelines,
  paginateListImageRecipes,
  paginateListImages,
  paginateListInfrastructureConfigurations,
  paginateListLifecyclePolicies,
  paginateListWorkflowBuildVersions,
  paginateListWorkflows,
  type ImagebuilderClient,
  type ImageSummary,
} from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient, type Connection } from '../platform/api-client.ts';
import { nearestWord } from '../documents/nearest.ts';
import { parseArn, type Arn, type ResourceType } from '../resources/arns.ts';
import { slug } from '../resources/names.ts';
import {
  compareVersions,
  isVersion,
  matchesVersion,
  parseVersionPattern,
  type VersionPattern,
} from '../resources/versions.ts';
import { CommandFailed, WrongUse } from './command.ts';

/** A parsed short name. */
export interface ShortName {
  readonly type?: ResourceType;
  readonly slug: string;
  readonly version?: VersionPattern;
  readonly build?: number;
}

/** Every type of resource. */
export const NAMED_TYPES: readonly ResourceType[] = [
  'image',
  'image-pipeline',
  'component',
  'image-recipe',
  'container-recipe',
  'infrastructure-configuration',
  'distribution-configuration',
  'workflow',
  'lifecycle-policy',
];
/** Maximum names in a message. */
const MOST_NAMED = 8;

/**
 * Parses `[TYPE/]NAME[/VERSION[/BUILD]]`; `undefined` for anything else. A name is converted as in ARNs: `Web Server`
 * is `web-server`.
 */
export function parseShortName(text: string): ShortName | undefined {
  const parts = text.split('/');
  const type = parts.length > 1 ? NAMED_TYPES.find((each) => each === parts[0]) : undefined;
  if (type !== undefined) parts.shift();
  if (type === 'workflow' && ['build', 'test', 'distribution'].includes(parts[0]!) && parts.length > 1) parts.shift();
  const [name = '', versionText, buildText, ...rest] = parts;
  if (!/^[A-Za-z0-9_-][A-Za-z0-9 _-]{0,127}$/.test(name) || rest.length > 0) return undefined;
  const version = versionText === undefined ? undefined : parseVersionPattern(versionText);
  if (versionText !== undefined && version === undefined) return undefined;
  if (buildText !== undefined && (!/^[1-9]\d{0,9}$/.test(buildText) || !isVersion(version!))) return undefined;
  return {
    type,
    slug: slug(name),
    version,
    ...(buildText === undefined ? {} : { build: Number(buildText) }),
  };
}

/** What a command accepts. */
export interface Wanted {
  /** Types of resources; a name may be of any of them. */
  readonly types: readonly ResourceType[];
  /** Its word in messages: `image`. */
  readonly what: string;
  /** Builds of an image that a name without a build may mean. */
  readonly builds?: (build: ImageSummary) => boolean;
  /** The condition of `builds`, as a word before `build`: `AVAILABLE`. */
  readonly buildWord?: string;
  /** Accepted ARNs, and the expectation for messages (default: all). */
  readonly arns?: { readonly fits: (arn: Arn) => boolean; readonly expected: string };
}

/**
 * The ARN that a user means: an ARN unchanged, or that of a short name. Without a version the highest is meant, without
 * a build the newest of that version.
 * @throws {WrongUse} if it is neither, or a name of several resources
 * @throws {CommandFailed} if nothing has that name
 */
export async function resolveName(connect: () => Promise<Connection>, text: string, wanted: Wanted): Promise<string> {
  if (text.startsWith('arn:')) {
    const arn = parseArn(text);
    if (wanted.arns !== undefined && (arn === undefined || !wanted.arns.fits(arn)))
      throw new WrongUse(`invalid ARN '${text}': expected ${wanted.arns.expected}`);
    return text;
  }
  const name = parseShortName(text);
  if (name === undefined || (name.type !== undefined && !wanted.types.includes(name.type)))
    throw new WrongUse(
      `invalid ${wanted.what} '${text}': ` +
        'expected an ARN or NAME[/VERSION[/BUILD]], such as web, web/1.0.0 or web/1.0.0/1',
    );
  const client = imagebuilderClient(await connect());
  const types = name.type === undefined ? wanted.types : [name.type];
  const known: string[] = [];
  for (const owner of ['Self', 'Amazon'] as const) {
    const arns = (await Promise.all(types.map((type) => LISTS[type](client, owner)))).flat();
    known.push(...arns);
    const found = versionsOf(arns, name);
    if (found.length === 0) continue;
    const build = await buildOf(client, found, name, wanted);
    if (build !== undefined) return build;
    const asked = name.build === undefined ? (wanted.buildWord === undefined ? '' : `${wanted.buildWord} `) : '';
    const number = name.build === undefined ? '' : ` ${name.build}`;
    throw new CommandFailed(`${text} has no ${asked}build${number}; \`ingot images ${name.slug}\` lists its builds`);
  }
  throw new CommandFailed(unknownName(text, name, known, wanted.what));
}

/**
 * The ARNs that a name can mean, highest version first.
 * @throws {WrongUse} if it is the name of several resources
 */
export function versionsOf(arns: readonly string[], name: ShortName): readonly string[] {
  const found = arns.flatMap((arn) => {
    const parsed = parseArn(arn);
    return parsed !== undefined && parsed.slug === name.slug && hasVersion(parsed, name) ? [{ arn, parsed }] : [];
  });
  const kinds = [...new Set(found.map(({ parsed }) => kindOf(parsed)))];
  if (kinds.length > 1)
    throw new WrongUse(
      `'${name.slug}' is the name of several resources: say which, ${listed(
        kinds.map((kind) => `${kind}/${name.slug}`),
        'or',
      )}`,
    );
  return found
    .toSorted((a, b) =>
      a.parsed.version === undefined || b.parsed.version === undefined
        ? 0
        : compareVersions(b.parsed.version as never, a.parsed.version as never),
    )
    .map(({ arn }) => arn);
}

function hasVersion({ version }: Arn, name: ShortName): boolean {
  if (name.version === undefined) return true;
  return version !== undefined && isVersion(version) && matchesVersion(name.version, version);
}

function kindOf({ type, workflowType }: Arn): string {
  return workflowType === undefined ? type : `${type}/${workflowType}`;
}

/** The newest build of the highest version that has one. */
async function buildOf(
  client: ImagebuilderClient,
  versions: readonly string[],
  { build }: ShortName,
  { builds = () => true }: Wanted,
): Promise<string | undefined> {
  for (const version of versions) {
    const { type } = parseArn(version)!;
    if (type !== 'image' && type !== 'component' && type !== 'workflow')
      return build === undefined ? version : undefined;
    const all: ImageSummary[] = await BUILDS[type](client, version);
    const fitting = all
      .filter((each) => (build === undefined ? builds(each) : parseArn(each.arn!)?.build === build))
      .toSorted((a, b) => (parseArn(b.arn!)?.build ?? 0) - (parseArn(a.arn!)?.build ?? 0));
    if (fitting.length > 0) return fitting[0]!.arn;
  }
  return undefined;
}

function unknownName(text: string, name: ShortName, arns: readonly string[], what: string): string {
  const parsed = arns.flatMap((arn) => parseArn(arn) ?? []);
  const own = parsed.filter((arn) => arn.slug === name.slug);
  if (own.length > 0 && own.every(({ version }) => version === undefined))
    return `no ${what} '${text}': ${what}s have no version`;
  if (own.length > 0) {
    const found = own.flatMap(({ version }) => (version === undefined ? [] : version));
    const versions = [...new Set(found.toSorted((a, b) => compareVersions(b as never, a as never)).map(versionText))];
    return `no ${what} '${text}': there ${versions.length === 1 ? 'is' : 'are'} ${listed(
      versions.map((version) => `${name.slug}/${version}`),
      'and',
    )}`;
  }
  const slugs = [...new Set(parsed.filter(({ owner }) => /^\d/.test(owner)).map((arn) => arn.slug))].toSorted();
  const near = nearestWord(name.slug, [...new Set(parsed.map((arn) => arn.slug))]);
  if (near !== undefined)
    return `no ${what} '${text}'; did you mean '${name.type === undefined ? near : `${name.type}/${near}`}'?`;
  const known = slugs.length === 0 ? 'none in this Region' : listed(slugs, 'and');
  return `no ${what} '${text}'; there are ${known}`;
}

function versionText({ major, minor, patch }: VersionPattern): string {
  return `${major}.${minor}.${patch}`;
}

/** `a, b and c`; a long list is shortened. */
function listed(words: readonly string[], last: 'and' | 'or'): string {
  if (words.length > MOST_NAMED)
    return `${words.slice(0, MOST_NAMED).join(', ')} ${last} ${words.length - MOST_NAMED} more`;
  return [words.slice(0, -1).join(', '), words.at(-1)!].filter((part) => part !== '').join(` ${last} `);
}

type Owner = 'Self' | 'Amazon';
type Lister = (client: ImagebuilderClient, owner: Owner) => Promise<readonly string[]>;

async function arnsOf<Page>(
  pages: AsyncIterable<Page>,
  items: (page: Page) => readonly { readonly arn?: string | undefined }[] | undefined,
): Promise<string[]> {
  const arns: string[] = [];
  for await (const page of pages) arns.push(...(items(page) ?? []).flatMap(({ arn }) => arn ?? []));
  return arns;
}

/** Types that Amazon does not publish are listed for the account only. */
function ownOnly(list: (client: ImagebuilderClient) => Promise<readonly string[]>): Lister {
  return async (client, owner) => (owner === 'Self' ? list(client) : []);
}

const LISTS: Readonly<Record<ResourceType, Lister>> = {
  image: (client, owner) => arnsOf(paginateListImages({ client }, { owner }), (page) => page.imageVersionList),
  component: (client, owner) =>
    arnsOf(paginateListComponents({ client }, { owner }), (page) => page.componentVersionList),
  workflow: (client, owner) => arnsOf(paginateListWorkflows({ client }, { owner }), (page) => page.workflowVersionList),
  'image-recipe': ownOnly((client) =>
    arnsOf(paginateListImageRecipes({ client }, {}), (page) => page.imageRecipeSummaryList),
  ),
  'container-recipe': ownOnly((client) =>
    arnsOf(paginateListContainerRecipes({ client }, {}), (page) => page.containerRecipeSummaryList),
  ),
  'image-pipeline': ownOnly((client) =>
    arnsOf(paginateListImagePipelines({ client }, {}), (page) => page.imagePipelineList),
  ),
  'infrastructure-configuration': ownOnly((client) =>
    arnsOf(
      paginateListInfrastructureConfigurations({ client }, {}),
      (page) => page.infrastructureConfigurationSummaryList,
    ),
  ),
  'distribution-configuration': ownOnly((client) =>
    arnsOf(paginateListDistributionConfigurations({ client }, {}), (page) => page.distributionConfigurationSummaryList),
  ),
  'lifecycle-policy': ownOnly((client) =>
    arnsOf(paginateListLifecyclePolicies({ client }, {}), (page) => page.lifecyclePolicySummaryList),
  ),
};

/** ARNs of the account's own resources of a type. */
export function ownArns(client: ImagebuilderClient, type: ResourceType): Promise<readonly string[]> {
  return LISTS[type](client, 'Self');
}

const BUILDS = {
  image: buildsOfImage,
  component: async (client: ImagebuilderClient, componentVersionArn: string): Promise<ImageSummary[]> =>
    (
      await arnsOf(
        paginateListComponentBuildVersions({ client }, { componentVersionArn }),
        (page) => page.componentSummaryList,
      )
    ).map((arn) => ({ arn })),
  workflow: async (client: ImagebuilderClient, workflowVersionArn: string): Promise<ImageSummary[]> =>
    (
      await arnsOf(
        paginateListWorkflowBuildVersions({ client }, { workflowVersionArn }),
        (page) => page.workflowSummaryList,
      )
    ).map((arn) => ({ arn })),
};

/** The build versions of an image's version. */
export async function buildsOfImage(client: ImagebuilderClient, imageVersionArn: string): Promise<ImageSummary[]> {
  const builds: ImageSummary[] = [];
  for await (const { imageSummaryList = [] } of paginateListImageBuildVersions({ client }, { imageVersionArn }))
    builds.push(...imageSummaryList);
  return builds;
}
