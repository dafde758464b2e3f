/** The `networks` section of `config.yaml`: which subnets and security groups belong to which network. Pure. */
import { isAbsolute } from 'node:path';
import { isIPv4 } from 'node:net';
import { accounts, isFor, map, NotGranted, section, strings, text } from './reading.ts';
import type { Reach, ReachedAddress, ReachedName } from '../network-rules.ts';

/** What an instance in a network can reach, and its settings for that. */
export interface NetworkProfile {
  readonly name: string;
  /** Accounts whose infrastructure configurations may name its subnets and security groups; `*` means all. */
  readonly accounts: readonly string[];
  /**
   * `full`: everything except this host. `allow-list`: `allow`, the mirrors and the proxy. `mirror`: the mirrors and
   * the proxy. `none`: nothing.
   */
  readonly access: 'full' | 'allow-list' | 'mirror' | 'none';
  readonly allow: readonly Endpoint[];
  /** Package mirrors: URLs in the instance's package sources and their replacements, without trailing slashes. */
  readonly mirrors: readonly PackageMirror[];
  /** `http://HOST:PORT` */
  readonly proxy?: string;
  /** Hosts and domains that are reached without the proxy. */
  readonly noProxy: readonly string[];
  /** Files of this host with certificates (PEM) of authorities that the instance trusts. */
  readonly certificates: readonly string[];
}

/** A mirror of packages. */
interface PackageMirror {
  readonly of: string;
  readonly url: string;
}

/**
 * A destination: an address, a range, a name, or all names below one (`*.example.org`). Without a port, all ports are
 * open; for a name, 80 and 443.
 */
export interface Endpoint {
  readonly host: string;
  readonly port?: number;
}

/** The networks of a data directory. */
export interface Networks {
  /** Profiles by name, including the built-in ones. */
  readonly profiles: Readonly<Record<string, NetworkProfile>>;
  readonly subnets: Readonly<Record<string, string>>;
  readonly securityGroups: Readonly<Record<string, string>>;
  /** The profile of instances whose subnets and security groups are in no network. */
  readonly default: string;
}

const bare = (name: 'full' | 'none', accounts: readonly string[]): NetworkProfile => ({
  name,
  accounts,
  access: name,
  allow: [],
  mirrors: [],
  noProxy: [],
  certificates: [],
});

/**
 * The defaults.
 * @param home account of the first key pair, which owns everything that names no account
 */
export function defaultNetworks(home: string): Networks {
  return {
    profiles: { full: bare('full', [home]), none: bare('none', ['*']) },
    subnets: {},
    securityGroups: {},
    default: 'full',
  };
}

const WEB_PORTS = [80, 443];

/** Parses the section. @param home the account of profiles that name none */
export function readNetworks(value: unknown, faults: string[], home: string): Networks {
  const defaults = defaultNetworks(home);
  const given = section(value, 'networks', ['default', 'subnets', 'securityGroups', 'profiles'], faults);
  const read = Object.entries(map(given['profiles'], 'networks.profiles', faults)).map(
    ([name, each]) => [name, readProfile(name, each, faults, home)] as const,
  );
  const profiles = { ...defaults.profiles, ...Object.fromEntries(read) };
  const known = (name: unknown, place: string): string => {
    if (typeof name === 'string' && Object.hasOwn(profiles, name)) return name;
    faults.push(
      `${place}: unknown network profile '${String(name)}'; expected one of ${Object.keys(profiles).join(', ')}`,
    );
    return 'none';
  };
  const places = (member: 'subnets' | 'securityGroups'): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries(map(given[member], `networks.${member}`, faults)).map(([id, name]) => [
        id,
        known(name, `networks.${member}.${id}`),
      ]),
    );
  return {
    profiles,
    subnets: places('subnets'),
    securityGroups: places('securityGroups'),
    default: given['default'] === undefined ? defaults.default : known(given['default'], 'networks.default'),
  };
}

function readProfile(name: string, value: unknown, faults: string[], home: string): NetworkProfile {
  const place = `networks.profiles.${name}`;
  const given = section(
    value,
    place,
    ['accounts', 'access', 'allow', 'mirrors', 'proxy', 'noProxy', 'certificates'],
    faults,
  );
  const access = ACCESS.find((each) => each === given['access']);
  if (access === undefined) faults.push(`${place}.access: must be one of ${ACCESS.join(', ')}`);
  const allow = strings(given['allow'], `${place}.allow`, faults).flatMap((each, index) =>
    readEndpoint(each, `${place}.allow[${index}]`, faults),
  );
  if (allow.length > 0 && access !== 'full' && access !== 'allow-list')
    faults.push(`${place}.allow: has no effect with access ${access}; set access to allow-list`);
  const mirrors = Object.entries(map(given['mirrors'], `${place}.mirrors`, faults)).map(([of, url]) => ({
    of: address(of, `${place}.mirrors`, faults),
    url: address(url, `${place}.mirrors.${of}`, faults),
  }));
  const twice = mirrors.find(({ url }, index) =>
    mirrors.some((other, at) => (at !== index && other.url === url) || other.of === url),
  );
  // A mirror of a mirror, or two mirrors of one URL, could not be removed from the image again.
  if (twice !== undefined)
    faults.push(`${place}.mirrors: ${twice.url} must be the mirror of one address only, and not be mirrored itself`);
  if (access === 'mirror' && mirrors.length === 0) faults.push(`${place}.mirrors: must have one for access mirror`);
  const proxy = text(given['proxy'], `${place}.proxy`, faults);
  if (proxy !== undefined && !/^http:\/\/[\w.-]+:\d{1,5}\/?$/.test(proxy))
    faults.push(`${place}.proxy: must be an address such as http://proxy.example.org:3128`);
  if (access === 'none' && (proxy !== undefined || mirrors.length > 0))
    faults.push(`${place}: access none reaches neither a proxy nor a mirror`);
  const noProxy = strings(given['noProxy'], `${place}.noProxy`, faults);
  for (const [index, host] of noProxy.entries())
    if (!/^[\w.*:/-]+$/.test(host)) faults.push(`${place}.noProxy[${index}]: must be a host or a domain`);
  const certificates = strings(given['certificates'], `${place}.certificates`, faults);
  for (const [index, path] of certificates.entries())
    if (!isAbsolute(path)) faults.push(`${place}.certificates[${index}]: must be an absolute path`);
  const own = accounts(given['accounts'], `${place}.accounts`, faults, home);
  return {
    name,
    accounts: own,
    access: access ?? 'none',
    allow,
    mirrors,
    noProxy,
    certificates,
    proxy: proxy?.replace(/\/$/, ''),
  };
}

const ACCESS = ['full', 'allow-list', 'mirror', 'none'] as const;

/** Validates the URL of a package source. None of its characters may be special to the program that substitutes it. */
function address(value: unknown, place: string, faults: string[]): string {
  if (typeof value === 'string' && /^https?:\/\/[\w.-]+(:\d{1,5})?(\/[\w.~%+@-]+)*\/?$/.test(value))
    return value.replace(/\/$/, '');
  faults.push(`${place}: must be an address such as http://mirror.example.org/debian, not '${String(value)}'`);
  return '';
}

function readEndpoint(given: string, place: string, faults: string[]): readonly Endpoint[] {
  const [, host, port] = /^([^:\s]+)(?::(\d{1,5}))?$/.exec(given) ?? [];
  const [range, bits, ...more] = host?.split('/') ?? [];
  const isRange =
    range !== undefined &&
    isIPv4(range) &&
    more.length === 0 &&
    (bits === undefined || (/^\d{1,2}$/.test(bits) && Number(bits) <= 32));
  const isName =
    host !== undefined &&
    /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(host) &&
    !/^[\d.]+$/.test(host);
  if ((!isRange && !isName) || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) {
    faults.push(`${place}: must be an IPv4 address, a range, a name or *.NAME, with or without :PORT, not '${given}'`);
    return [];
  }
  return [{ host: isName ? host!.toLowerCase() : host!, ...(port === undefined ? {} : { port: Number(port) }) }];
}

/** The host and port of a URL. */
function endpointOf(url: string): Required<Endpoint> {
  const { protocol, hostname, port } = new URL(url);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

/** The network rules of a profile. */
export function reachOf(profile: NetworkProfile): Reach {
  const all = [
    ...profile.allow,
    ...profile.mirrors.map(({ url }) => endpointOf(url)),
    ...(profile.proxy === undefined ? [] : [endpointOf(profile.proxy)]),
  ];
  const isName = ({ host }: Endpoint): boolean => !isIPv4(host.split('/')[0]!);
  return {
    everything: profile.access === 'full',
    addresses: all.filter((each) => !isName(each)).map(({ host, port }): ReachedAddress => ({ range: host, port })),
    names:
      profile.access === 'full'
        ? []
        : all
            .filter(isName)
            .map(({ host, port }): ReachedName => ({ name: host, ports: port === undefined ? WEB_PORTS : [port] })),
  };
}

/** The network rules of instances whose subnets and security groups are in no network. */
export function defaultReach(networks: Networks): Reach {
  return reachOf(networks.profiles[networks.default]!);
}

/** What an instance must be able to reach with the profile: every entry with an address and a port. */
export function promisesOf(profile: NetworkProfile): readonly Required<Endpoint>[] {
  const proxied = ({ host }: Endpoint): boolean =>
    profile.proxy !== undefined &&
    !profile.noProxy.some((each) => host === each || host.endsWith(`.${each.replace(/^\*?\./, '')}`));
  const all = [
    ...(profile.proxy === undefined ? [] : [endpointOf(profile.proxy)]),
    ...profile.mirrors.map(({ url }) => endpointOf(url)).filter((each) => !proxied(each)),
    ...profile.allow.filter(
      (each): each is Required<Endpoint> =>
        each.port !== undefined && !each.host.includes('*') && !each.host.includes('/'),
    ),
  ];
  return [...new Map(all.map((each) => [`${each.host}:${each.port}`, each])).values()];
}

/**
 * The network of an account's instance with these ids. Every account may use the default profile, because it applies
 * when nothing is named.
 * @throws {NotGranted} if the network belongs to other accounts; {Error} if the ids are in different networks
 */
export function networkFor(
  networks: Networks,
  account: string,
  subnetId: string | undefined,
  securityGroupIds: readonly string[],
): { readonly profile: NetworkProfile; readonly reason: string; readonly unplaced: readonly string[] } {
  const of = (names: Readonly<Record<string, string>>, id: string): { id: string; name: string | undefined } => ({
    id,
    name: Object.hasOwn(names, id) ? names[id] : undefined,
  });
  const ids = [
    ...(subnetId === undefined ? [] : [of(networks.subnets, subnetId)]),
    ...securityGroupIds.map((id) => of(networks.securityGroups, id)),
  ];
  const placed = ids.filter((each): each is { id: string; name: string } => each.name !== undefined);
  for (const { id, name } of placed) {
    if (name === networks.default || isFor(networks.profiles[name]!.accounts, account)) continue;
    throw new NotGranted(
      `${id}, which is in the network profile '${name}',`,
      account,
      `networks.profiles.${name}.accounts`,
    );
  }
  const names = new Set(placed.map(({ name }) => name));
  if (names.size > 1)
    throw new Error(
      'the infrastructure configuration is in two networks: ' +
        `${placed.map(({ id, name }) => `${id} is '${name}'`).join(', ')}. ` +
        'Name one of them only, or give them one profile in networks of config.yaml',
    );
  const unplaced = ids.filter(({ name }) => name === undefined).map(({ id }) => id);
  const [first] = placed;
  if (first === undefined)
    return { profile: networks.profiles[networks.default]!, reason: 'networks.default', unplaced };
  return { profile: networks.profiles[first.name]!, reason: first.id, unplaced: [] };
}
