/**
 * `config.yaml` of a data directory: the settings of its owner. Every member has a default, and the file is optional.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { cpus, totalmem } from 'node:os';
import { parseDocument } from 'yaml';
import { list, map, section, strings, text } from './reading.ts';
import { readCommandDocuments, type CommandDocuments } from './command-documents.ts';
import { readPools, type Pool } from './pools.ts';
import { DEFAULT_NAMES, readNames, type NameSettings } from './names.ts';
import { defaultNetworks, readNetworks, type Networks } from './networks.ts';
import { readStateMachines, type StateMachine } from './state-machines.ts';
import { readRegions, type RegionSettings } from './regions.ts';
import { DEFAULT_KEYS, readKeys, type KeySettings } from './keys.ts';
import { readRegistries, type Registry } from './registries.ts';
import { readInstanceProfiles, type InstanceProfile } from './profiles.ts';
import { DEFAULT_ACCOUNT, readCredentials } from '../credentials.ts';
import { dataPath } from '../data-layout.ts';
import { NotUtf8, readUtf8 } from '../utf8.ts';
import { withoutStacks } from '../without-stacks.ts';

/** An issuer of OpenID Connect tokens, for `AssumeRoleWithWebIdentity`. */
export interface OidcIssuer {
  /** The value of `iss` in its tokens: `https://token.actions.githubusercontent.com`. */
  readonly issuer: string;
  /** Audiences, one of which a token must name. */
  readonly audiences: readonly string[];
  /** Absolute path or URL of its keys (JWKS). Default: from the issuer's discovery document. */
  readonly jwks?: string;
}

/** Requests per second, and the size of a burst. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Names of the quotas. */
export const QUOTA_NAMES = [
  'components',
  'imageRecipes',
  'containerRecipes',
  'infrastructureConfigurations',
  'distributionConfigurations',
  'workflows',
  'imagePipelines',
  'lifecyclePolicies',
  'concurrentBuilds',
  'concurrentStateUpdates',
  'componentsPerRecipe',
  'workflowsPerImage',
] as const;
/** A quota. */
export type QuotaName = (typeof QUOTA_NAMES)[number];

/** Metrics that are sent to Amazon CloudWatch. */
export interface CloudWatchMetrics {
  readonly region: string;
  readonly namespace: string;
  /** Interval between two publications, in seconds. */
  readonly everySeconds: number;
  readonly endpoint?: string;
  readonly profile?: string;
}

/** The complete configuration, with defaults. */
export interface Config {
  /** Account of the first key pair. Everything that names no account belongs to it. */
  readonly homeAccount: string;
  readonly access: {
    /** Whether users' access keys are accepted, or only sessions. */
    readonly longLivedKeys: boolean;
    readonly oidcIssuers: readonly OidcIssuer[];
    /** Addresses of proxies whose `X-Forwarded-For` is trusted. */
    readonly proxies: readonly string[];
  };
  /** Maximum of each, per account and Region, per recipe or per image; `null` for no limit. */
  readonly quotas: Readonly<Record<QuotaName, number | null>>;
  /** Per account, and without a valid signature per address; `null` for no limit. */
  readonly rates: { readonly reads: Rate | null; readonly writes: Rate | null; readonly unsigned: Rate | null };
  /** Providers of secrets in the order in which they are tried, parsed by `secrets/` (default: the environment). */
  readonly secrets?: readonly Readonly<Record<string, unknown>>[];
  /** Receivers of events, parsed by `events/` (default: none). */
  readonly events?: Readonly<Record<string, unknown>>;
  /** Who may read `/metrics` from other hosts, and where metrics are sent. */
  readonly monitoring: {
    /** A text, or a reference to a secret (default: no access from other hosts). */
    readonly token?: string | undefined;
    /** Default: metrics are only served. */
    readonly cloudwatch?: CloudWatchMetrics | undefined;
  };
  /** Destinations of logs, parsed by `logs/` (default: none). */
  readonly logs?: Readonly<Record<string, unknown>>;
  readonly names: NameSettings;
  /** Limits of files that components name by `file:`. */
  readonly files: {
    /** Maximum size of one file, in bytes. */
    readonly maxBytes: number;
    /** Maximum size of an account's files together, in bytes. */
    readonly accountBytes: number;
  };
  readonly builds: {
    /** Maximum number of images that are built at once. */
    readonly atOnce: number;
    /** Free space in bytes below which no build starts beside another one, and none starts automatically. */
    readonly keepFreeBytes: number;
    /** Free space in bytes that each running build has set aside: what it may still write. */
    readonly diskBytes: number;
    /** Processors that the instance types of all builds in work may have together, */
    readonly cpus: number;
    /** and memory, in MiB. */
    readonly memoryMiB: number;
  };
  readonly audit: {
    /** Maximum size of a file before a new one begins, in bytes. */
    readonly maxBytes: number;
    /** Maximum age of a file before a new one begins, in seconds. */
    readonly maxSeconds: number;
    /** How long closed files are kept, in days. */
    readonly keepDays: number;
    /** Number of newest files that are kept. */
    readonly keepFiles: number;
  };
  /** Credentials of instances, by the name of their instance profile. Instances with another profile have none. */
  readonly instanceProfiles: Readonly<Record<string, InstanceProfile>>;
  /** Names of `instanceProfiles`. The server reads a `uri` with the first one that the caller's account may use. */
  readonly uriProfiles: readonly string[];
  /** What instances can reach, by subnets and security groups. */
  readonly networks: Networks;
  /** Command documents of the operator, which `RunCommand` finds by name. */
  readonly commandDocuments: CommandDocuments | undefined;
  /** What `ExecuteStateMachine` runs, by name. */
  readonly stateMachines: Readonly<Record<string, StateMachine>>;
  /** Virtual machines that wait for builds, by the name of their pool. */
  readonly pools: Readonly<Record<string, Pool>>;
  /** Container registries that images may be pushed to, by host. */
  readonly registries: Readonly<Record<string, Registry>>;
  /** Where the root key comes from. */
  readonly keys: KeySettings;
  /** Stores of Regions, by name; a Region that is not listed is a folder of the data directory. */
  readonly regions: Readonly<Record<string, RegionSettings>>;
  /** Maintenance windows, parsed by `pipelines/`. */
  readonly maintenance?: readonly unknown[];
  /** Web hooks that start pipelines, by name, parsed by `pipelines/`. */
  readonly hooks?: Readonly<Record<string, unknown>>;
}

/** An invalid configuration file, with every fault and its path. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Defaults. Quotas: reference, `resources.md` section 11. */
export const DEFAULT_CONFIG: Config = {
  homeAccount: DEFAULT_ACCOUNT,
  access: { longLivedKeys: true, oidcIssuers: [], proxies: [] },
  quotas: {
    components: 1000,
    imageRecipes: 1000,
    containerRecipes: 1000,
    infrastructureConfigurations: 1000,
    distributionConfigurations: 1000,
    workflows: 1000,
    imagePipelines: 75,
    lifecyclePolicies: 50,
    concurrentBuilds: 100,
    concurrentStateUpdates: 50,
    componentsPerRecipe: 20,
    workflowsPerImage: 10,
  },
  rates: { reads: null, writes: null, unsigned: { perSecond: 50, burst: 500 } },
  monitoring: {},
  names: DEFAULT_NAMES,
  files: { maxBytes: 1_000_000_000, accountBytes: 20_000_000_000 },
  builds: {
    atOnce: Math.max(2, cpus().length),
    keepFreeBytes: 1_000_000_000,
    // A small image with a copy of its disk in a second Region.
    diskBytes: 1_000_000_000,
    // Builds wait for networks and disks much of their time.
    cpus: Math.max(4, 2 * cpus().length),
    memoryMiB: Math.floor((0.9 * totalmem()) / (1 << 20)),
  },
  audit: { maxBytes: 64_000_000, maxSeconds: 86_400, keepDays: 90, keepFiles: 32 },
  instanceProfiles: {},
  uriProfiles: [],
  networks: defaultNetworks(DEFAULT_ACCOUNT),
  registries: {},
  keys: DEFAULT_KEYS,
  commandDocuments: undefined,
  stateMachines: {},
  pools: {},
  regions: {},
};

/**
 * Reads the configuration of a data directory.
 * @throws {ConfigError} with every fault
 */
export async function readConfig(dataDirectory: string): Promise<Config> {
  const path = dataPath(dataDirectory, 'config');
  const homeAccount = await homeAccountOf(dataDirectory);
  let text: string;
  try {
    text = readUtf8(await readFile(path));
  } catch (error) {
    if (error instanceof NotUtf8) throw new ConfigError(`${path} ${error.message}`, { cause: error });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return parseConfig('', path, homeAccount);
    throw error;
  }
  return parseConfig(text, path, homeAccount);
}

/**
 * The account that the data directory belongs to. `ingot toe` may run as a user who cannot read the key pair, and needs
 * only the account.
 */
async function homeAccountOf(dataDirectory: string): Promise<string> {
  try {
    return (await readCredentials(dataDirectory))?.account ?? DEFAULT_ACCOUNT;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return DEFAULT_ACCOUNT;
    throw error;
  }
}

/** Parses the text of a configuration file. @param path for messages */
export function parseConfig(text: string, path: string, homeAccount: string = DEFAULT_ACCOUNT): Config {
  const document = withoutStacks(() => parseDocument(text, { version: '1.2' }));
  if (document.errors.length > 0)
    throw new ConfigError(document.errors.map(({ message }) => `${path}: ${message}`).join('\n'));
  const faults: string[] = [];
  const root = section(
    document.toJS() as unknown,
    '',
    [
      'access',
      'accounts',
      'quotas',
      'rates',
      'audit',
      'files',
      'builds',
      'secrets',
      'parentImages',
      'managedComponents',
      'parameters',
      'vendors',
      'organizations',
      'instanceProfiles',
      'uriProfiles',
      'networks',
      'registries',
      'keys',
      'commandDocuments',
      'stateMachines',
      'pools',
      'regions',
      'maintenance',
      'events',
      'logs',
      'hooks',
      'monitoring',
    ],
    faults,
  );
  const access = section(root['access'], 'access', ['longLivedKeys', 'oidcIssuers', 'proxies'], faults);
  const quotas = section(root['quotas'], 'quotas', QUOTA_NAMES, faults);
  const rates = section(root['rates'], 'rates', ['reads', 'writes', 'unsigned'], faults);
  const audit = section(root['audit'], 'audit', ['maxMegabytes', 'maxHours', 'keepDays', 'keepFiles'], faults);
  const files = section(root['files'], 'files', ['maxMegabytes', 'accountMegabytes'], faults);
  const builds = section(
    root['builds'],
    'builds',
    ['atOnce', 'keepFreeMegabytes', 'diskMegabytes', 'cpus', 'memoryMegabytes'],
    faults,
  );
  const whole = (value: unknown, place: string, otherwise: number, min: number): number => {
    if (value === undefined) return otherwise;
    if (Number.isSafeInteger(value) && (value as number) >= min) return value as number;
    faults.push(`${place}: must be a whole number from ${min} up`);
    return otherwise;
  };
  const rate = (value: unknown, place: string): Rate | null => {
    if (value === undefined || value === null) return null;
    const given = section(value, place, ['perSecond', 'burst'], faults);
    const perSecond = whole(given['perSecond'], `${place}.perSecond`, 0, 1);
    if (given['perSecond'] === undefined) faults.push(`${place}.perSecond: is required`);
    return { perSecond, burst: whole(given['burst'], `${place}.burst`, perSecond, 1) };
  };
  const flag = access['longLivedKeys'];
  if (flag !== undefined && typeof flag !== 'boolean') faults.push('access.longLivedKeys: must be true or false');
  const instanceProfiles = readInstanceProfiles(root['instanceProfiles'], faults, homeAccount);
  const config: Config = {
    homeAccount,
    access: {
      longLivedKeys: flag !== false,
      oidcIssuers: list(access['oidcIssuers'], 'access.oidcIssuers', faults).map((issuer, index) =>
        readIssuer(issuer, `access.oidcIssuers[${index}]`, faults),
      ),
      proxies: strings(access['proxies'], 'access.proxies', faults).map((text, index) => {
        if (isIP(text.split('/')[0]!) === 0)
          faults.push(`access.proxies[${index}]: must be an IP address or a range of them`);
        return text;
      }),
    },
    quotas: Object.fromEntries(
      QUOTA_NAMES.map((name) => [
        name,
        quotas[name] === null ? null : whole(quotas[name], `quotas.${name}`, DEFAULT_CONFIG.quotas[name]!, 0),
      ]),
    ) as Config['quotas'],
    rates: {
      reads: rate(rates['reads'], 'rates.reads'),
      writes: rate(rates['writes'], 'rates.writes'),
      unsigned:
        rates['unsigned'] === undefined ? DEFAULT_CONFIG.rates.unsigned : rate(rates['unsigned'], 'rates.unsigned'),
    },
    ...(root['secrets'] === undefined || root['secrets'] === null
      ? {}
      : {
          secrets: list(root['secrets'], 'secrets', faults).map((item, index) =>
            mapAt(item, `secrets[${index}]`, faults),
          ),
        }),
    ...(root['events'] === undefined || root['events'] === null
      ? {}
      : { events: mapAt(root['events'], 'events', faults) }),
    monitoring: readMonitoring(root['monitoring'], faults),
    ...(root['logs'] === undefined || root['logs'] === null ? {} : { logs: mapAt(root['logs'], 'logs', faults) }),
    names: readNames(root, faults, homeAccount),
    files: {
      maxBytes: whole(files['maxMegabytes'], 'files.maxMegabytes', DEFAULT_CONFIG.files.maxBytes / 1e6, 1) * 1e6,
      accountBytes:
        whole(files['accountMegabytes'], 'files.accountMegabytes', DEFAULT_CONFIG.files.accountBytes / 1e6, 1) * 1e6,
    },
    builds: {
      atOnce: whole(builds['atOnce'], 'builds.atOnce', DEFAULT_CONFIG.builds.atOnce, 1),
      keepFreeBytes:
        whole(builds['keepFreeMegabytes'], 'builds.keepFreeMegabytes', DEFAULT_CONFIG.builds.keepFreeBytes / 1e6, 0) *
        1e6,
      diskBytes: whole(builds['diskMegabytes'], 'builds.diskMegabytes', DEFAULT_CONFIG.builds.diskBytes / 1e6, 0) * 1e6,
      cpus: whole(builds['cpus'], 'builds.cpus', DEFAULT_CONFIG.builds.cpus, 1),
      memoryMiB: whole(builds['memoryMegabytes'], 'builds.memoryMegabytes', DEFAULT_CONFIG.builds.memoryMiB, 1),
    },
    audit: {
      maxBytes: whole(audit['maxMegabytes'], 'audit.maxMegabytes', DEFAULT_CONFIG.audit.maxBytes / 1e6, 1) * 1e6,
      maxSeconds: whole(audit['maxHours'], 'audit.maxHours', DEFAULT_CONFIG.audit.maxSeconds / 3600, 1) * 3600,
      keepDays: whole(audit['keepDays'], 'audit.keepDays', DEFAULT_CONFIG.audit.keepDays, 0),
      keepFiles: whole(audit['keepFiles'], 'audit.keepFiles', DEFAULT_CONFIG.audit.keepFiles, 0),
    },
    instanceProfiles,
    uriProfiles: strings(root['uriProfiles'], 'uriProfiles', faults).map((name, index) => {
      if (!Object.hasOwn(instanceProfiles, name))
        faults.push(`uriProfiles[${index}]: instanceProfiles has no '${name}'`);
      return name;
    }),
    networks: readNetworks(root['networks'], faults, homeAccount),
    registries: readRegistries(root['registries'], faults, homeAccount),
    keys: readKeys(root['keys'], faults),
    commandDocuments: readCommandDocuments(root['commandDocuments'], faults, homeAccount),
    stateMachines: readStateMachines(root['stateMachines'], faults, homeAccount),
    pools: readPools(root['pools'], faults, homeAccount),
    regions: readRegions(root['regions'], faults),
    ...(root['hooks'] === undefined ? {} : { hooks: map(root['hooks'], 'hooks', faults) }),
    ...(root['maintenance'] === undefined ? {} : { maintenance: list(root['maintenance'], 'maintenance', faults) }),
  };
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `${path}: ${fault}`).join('\n'));
  return config;
}

/** Minimum characters of a token: shorter ones can be guessed. */
const SHORTEST_TOKEN = 16;

/**
 * Namespaces that CloudWatch accepts. Those that begin with `AWS/` belong to AWS. Source: API Reference, PutMetricData.
 */
const NAMESPACE = /^(?!AWS\/)[A-Za-z0-9._/#-][A-Za-z0-9._/#-]{0,254}$/;

function readMonitoring(value: unknown, faults: string[]): Config['monitoring'] {
  const given = section(value, 'monitoring', ['token', 'cloudwatch'], faults);
  const token = text(given['token'], 'monitoring.token', faults);
  if (token !== undefined && (token.length < SHORTEST_TOKEN || (/\s/.test(token) && !token.startsWith('{{'))))
    faults.push(`monitoring.token: must have at least ${SHORTEST_TOKEN} characters, without spaces`);
  const cloudwatch = given['cloudwatch'] == null ? undefined : readCloudWatch(given['cloudwatch'], faults);
  return { ...(token === undefined ? {} : { token }), ...(cloudwatch === undefined ? {} : { cloudwatch }) };
}

function readCloudWatch(value: unknown, faults: string[]): CloudWatchMetrics {
  const place = 'monitoring.cloudwatch';
  const given = section(value, place, ['region', 'namespace', 'everySeconds', 'endpoint', 'profile'], faults);
  const namespace = text(given['namespace'], `${place}.namespace`, faults) ?? 'Ingot';
  if (!NAMESPACE.test(namespace))
    faults.push(
      `${place}.namespace: '${namespace}' is not a namespace; expected 1 to 255 letters, digits and ._/#-, not AWS/…`,
    );
  const { everySeconds = 60 } = given;
  if (!Number.isSafeInteger(everySeconds) || (everySeconds as number) < 1 || (everySeconds as number) > 3600)
    faults.push(`${place}.everySeconds: must be a whole number from 1 to 3600`);
  const endpoint = text(given['endpoint'], `${place}.endpoint`, faults);
  if (endpoint !== undefined && !/^https?:\/\/[^\s?#]+$/.test(endpoint))
    faults.push(`${place}.endpoint: must be an http or https URL`);
  const profile = text(given['profile'], `${place}.profile`, faults);
  const region = text(given['region'], `${place}.region`, faults, true) ?? '';
  // It becomes a part of a host name.
  if (region !== '' && !/^[a-z0-9-]{1,64}$/.test(region))
    faults.push(`${place}.region: '${region}' is not a Region name, such as us-east-1`);
  return {
    region,
    namespace,
    everySeconds: everySeconds as number,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
  };
}

function readIssuer(value: unknown, place: string, faults: string[]): OidcIssuer {
  const { issuer, audiences, jwks } = section(value, place, ['issuer', 'audiences', 'jwks'], faults);
  if (typeof issuer !== 'string' || !/^https?:\/\/[^\s?#]+$/.test(issuer))
    faults.push(`${place}.issuer: must be an address, as tokens have it in 'iss'`);
  const named = strings(audiences, `${place}.audiences`, faults);
  if (named.length === 0) faults.push(`${place}.audiences: must name at least one`);
  if (jwks !== undefined && (typeof jwks !== 'string' || !/^(\/|https?:\/\/)/.test(jwks)))
    faults.push(`${place}.jwks: must be an absolute path or an address`);
  return { issuer: String(issuer), audiences: named, ...(typeof jwks === 'string' ? { jwks } : {}) };
}

function mapAt(value: unknown, place: string, faults: string[]): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  faults.push(`${place}: must be a map`);
  return {};
}
