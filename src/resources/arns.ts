/** ARNs of Image Builder's resources. Source: reference, `resources.md` section 2. */
import { formatVersion, isVersion, parseVersionPattern, type Version, type VersionPattern } from './versions.ts';

/** The kinds of resources. */
export type ResourceType =
  | 'component'
  | 'image-recipe'
  | 'container-recipe'
  | 'image'
  | 'workflow'
  | 'image-pipeline'
  | 'infrastructure-configuration'
  | 'distribution-configuration'
  | 'lifecycle-policy';

/** A parsed ARN. */
export interface Arn {
  readonly partition: string;
  readonly region: string;
  /** Account id, 12 digits, or `aws` for managed resources. */
  readonly owner: string;
  readonly type: ResourceType;
  /** For workflows. */
  readonly workflowType?: 'build' | 'test' | 'distribution';
  readonly slug: string;
  /** Of versioned types; absent in an ARN of the name alone. */
  readonly version?: VersionPattern;
  /** Of components, images and workflows. */
  readonly build?: number;
}

/** Types whose ARNs have a version, and whether a build number may follow it. */
const VERSIONED: Partial<Record<ResourceType, { readonly builds: boolean }>> = {
  component: { builds: true },
  image: { builds: true },
  workflow: { builds: true },
  'image-recipe': { builds: false },
  'container-recipe': { builds: false },
};

const FORM = new RegExp(
  '^arn:(aws):imagebuilder:([a-z0-9-]+):([0-9]{12}|aws(?:-[a-z-]+)?|third-party):' +
    '(component|image-recipe|container-recipe|image|image-pipeline|infrastructure-configuration|' +
    'distribution-configuration|lifecycle-policy|workflow/(?:build|test|distribution))' +
    '/([a-z0-9_-]+)(?:/([^/]+)(?:/([1-9][0-9]{0,9}))?)?$',
);

/**
 * Parses an ARN. Returns `undefined` for an invalid one, another partition than `aws`, or a version if its type has
 * none. Leading zeros in a version are dropped: `canonicalArn` returns the form that records use.
 */
export function parseArn(text: string): Arn | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, partition, region, owner, kind, slug, versionText, buildText] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string?,
    string?,
  ];
  const [type, workflowType] = kind.split('/') as [ResourceType, Arn['workflowType']];
  const version = versionText === undefined ? undefined : parseVersionPattern(versionText);
  if (versionText !== undefined && (version === undefined || VERSIONED[type] === undefined)) return undefined;
  if (buildText !== undefined && (!VERSIONED[type]!.builds || !isVersion(version!))) return undefined;
  return {
    partition,
    region,
    owner,
    type,
    slug,
    workflowType,
    version,
    ...(buildText === undefined ? {} : { build: Number(buildText) }),
  };
}

/**
 * The account of an ARN of any service: 12 digits, or `aws` for managed resources; `undefined` for an invalid ARN, or
 * one without an account.
 */
export function accountOfArn(text: string): string | undefined {
  return /^arn:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(text)?.[1];
}

/** Formats an ARN. */
export function formatArn(arn: Arn): string {
  const kind = arn.workflowType === undefined ? arn.type : `${arn.type}/${arn.workflowType}`;
  const version = arn.version === undefined ? '' : `/${formatVersion(arn.version)}`;
  const build = arn.build === undefined ? '' : `/${arn.build}`;
  return `arn:${arn.partition}:imagebuilder:${arn.region}:${arn.owner}:${kind}/${arn.slug}${version}${build}`;
}

/** The canonical form of an ARN, which records, tags and policies use; `undefined` if `parseArn` rejects it. */
export function canonicalArn(text: string): string | undefined {
  const arn = parseArn(text);
  return arn === undefined ? undefined : formatArn(arn);
}

/** Accounts in users' files, with the account of this server that replaces each. */
export type AccountMap = Readonly<Record<string, string>>;

/**
 * Maps the account of an ARN by `accounts`. The caller's own account is not mapped. Any other text is returned
 * unchanged. Permissions are checked on the result, as if the user had written it.
 * @param own the caller's account
 */
export function inAccountOfServer(text: string, accounts: AccountMap, own: string): string {
  const found = /^(arn:aws:[a-z0-9-]+:[a-z0-9-]*:)([0-9]{12})(:.*)$/s.exec(text);
  if (found === null) return text;
  const [, before, account, rest] = found as unknown as [string, string, string, string];
  return account === own || !Object.hasOwn(accounts, account) ? text : `${before}${accounts[account]}${rest}`;
}

/**
 * Whether a text is an ARN of Image Builder in another partition, or with capitals, which no resource of this server
 * has.
 */
export function isForeignSpelling(text: string): boolean {
  return /^arn:[^:]*:imagebuilder:/i.test(text) && !text.startsWith('arn:aws:imagebuilder:');
}

/** The ARN of the name alone, as in `…:component/my-component`. */
export function nameArn({ version: _version, build: _build, ...name }: Arn): string {
  return formatArn(name);
}

/** The ARN of the version, without a build number. */
export function versionArn({ build: _build, ...version }: Arn): string {
  return formatArn(version);
}

/** ARN of a resource of one account (or of `aws`) in one Region. */
export function resourceArn(
  place: { readonly region: string; readonly account: string },
  type: ResourceType,
  slug: string,
  version?: VersionPattern,
  build?: number,
): string {
  return formatArn({
    partition: 'aws',
    region: place.region,
    owner: place.account,
    type,
    slug,
    version,
    build,
  });
}

/** ARNs that always mean the latest of a resource's versions. */
export function latestVersionReferences(arn: Arn & { readonly version: Version }): {
  latestVersionArn: string;
  latestMajorVersionArn: string;
  latestMinorVersionArn: string;
  latestPatchVersionArn: string;
} {
  const { major, minor } = arn.version;
  const at = (version: VersionPattern): string => versionArn({ ...arn, version });
  return {
    latestVersionArn: at({ major: 'x', minor: 'x', patch: 'x' }),
    latestMajorVersionArn: at({ major, minor: 'x', patch: 'x' }),
    latestMinorVersionArn: at({ major, minor, patch: 'x' }),
    latestPatchVersionArn: at(arn.version),
  };
}
