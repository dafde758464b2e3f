/** The content of an instance's metadata service, with EC2's paths. Pure. */
import { createHash } from 'node:crypto';
import { instanceProfileFor, type InstanceProfile } from '../../platform/config/profiles.ts';
import type { RoleCredentials, CredentialSource } from '../../platform/role-credentials.ts';

/** The role of an instance. */
export interface InstanceRole {
  /** Name of the instance profile. */
  readonly instanceProfileName: string;
  readonly roleName: string;
  readonly credentials: CredentialSource;
}

/** The facts about an instance for its metadata. */
export interface InstanceMetadata {
  readonly account: string;
  readonly region: string;
  /** `ami-…` */
  readonly imageId: string;
  readonly instanceType: string;
  /** ISO-8601. */
  readonly launched: string;
  /** Whether requests without a token are answered (IMDSv1). */
  readonly tokens: 'required' | 'optional';
  /** In base64. */
  readonly userData?: string;
  readonly sshKeys?: readonly string[];
  readonly securityGroups?: readonly string[];
  /** Without a role, the instance has no credentials. */
  readonly role?: InstanceRole;
}

/** The AMI id of an instance that is not based on an AMI. */
export const NO_AMI = 'ami-00000000000000000';

/**
 * The role of an account's instances with a profile; `undefined` if the configuration has no credentials for the
 * profile.
 * @throws {NotGranted} if the profile belongs to other accounts
 */
export function roleOf(
  profiles: Readonly<Record<string, InstanceProfile>>,
  name: string,
  account: string,
): InstanceRole | undefined {
  const profile = instanceProfileFor(profiles, name, account);
  return profile === undefined
    ? undefined
    : { instanceProfileName: name, roleName: profile.role, credentials: profile.credentials };
}

/** Facts that only its driver knows. */
export interface InstanceFacts {
  /** `i-…` */
  readonly id: string;
  /** The address of the instance itself. */
  readonly address: string;
  /** The network of that address, such as `10.0.2.0/24`. */
  readonly network: string;
  /** MAC address of its interface: `0a:…`, lower case. */
  readonly mac: string;
}

/**
 * Lifetime that is reported for credentials without an expiration, in milliseconds: clients request them again by then.
 */
const LASTING_MS = 6 * 3_600_000;

/** Supported versions, in the answer to a request for the root. */
export const METADATA_VERSIONS = [
  '1.0',
  '2007-01-19',
  '2009-04-04',
  '2016-09-02',
  '2018-09-24',
  '2020-10-27',
  '2021-03-23',
  '2021-07-15',
  '2022-09-24',
  'latest',
];

/** A directory, or a file's content; a function is called when the file is requested. */
export type Node = { readonly [name: string]: Node } | string | (() => Promise<string>);

/**
 * The tree below a version.
 * @param credentials called for the role's credentials
 */
export function metadataTree(
  metadata: InstanceMetadata,
  facts: InstanceFacts,
  credentials: () => Promise<RoleCredentials>,
): { readonly [name: string]: Node } {
  const { account, region, imageId, instanceType, launched, role } = metadata;
  const { id, address, mac } = facts;
  const zone = `${region}a`;
  const name = `ip-${address.replaceAll('.', '-')}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`;
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const domain = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  const document = {
    accountId: account,
    architecture: 'x86_64',
    availabilityZone: zone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId,
    instanceId: id,
    instanceType,
    kernelId: null,
    pendingTime: seconds(launched),
    privateIp: address,
    ramdiskId: null,
    region,
    version: '2017-09-30',
  };
  return {
    dynamic: {
      fws: { 'instance-monitoring': 'disabled' },
      'instance-identity': { document: `${JSON.stringify(document, undefined, 2)}` },
    },
    'meta-data': {
      'ami-id': imageId,
      'ami-launch-index': '0',
      'ami-manifest-path': '(unknown)',
      'block-device-mapping': { ami: '/dev/xvda', root: '/dev/xvda' },
      events: { maintenance: { history: '[]', scheduled: '[]' } },
      hostname: name,
      ...(role === undefined ? {} : { iam: iam(role, account, partition, launched, credentials) }),
      'instance-action': 'none',
      'instance-id': id,
      'instance-life-cycle': 'on-demand',
      'instance-type': instanceType,
      'local-hostname': name,
      'local-ipv4': address,
      mac,
      network: { interfaces: { macs: { [mac]: networkInterface(metadata, facts, name) } } },
      placement: { 'availability-zone': zone, 'availability-zone-id': `${region}-az1`, region },
      profile: 'default-hvm',
      ...(metadata.sshKeys?.length ? { 'public-keys': publicKeys(metadata.sshKeys) } : {}),
      'reservation-id': `r-${digest(`${id} reservation`).slice(0, 17)}`,
      'security-groups': securityGroups(metadata),
      services: { domain, partition },
      system: 'nitro',
    },
    ...(metadata.userData === undefined
      ? {}
      : { 'user-data': async () => Buffer.from(metadata.userData!, 'base64').toString('latin1') }),
  };
}

/** Looks up a path below a version: a file's content, a directory's list, or `undefined`. */
export async function lookUp(tree: Node, parts: readonly string[]): Promise<string | undefined> {
  let node: Node | undefined = tree;
  for (const part of parts) {
    if (node === undefined || typeof node !== 'object' || !Object.hasOwn(node, part)) return undefined;
    node = node[part];
  }
  if (node === undefined) return undefined;
  if (typeof node === 'function') return node();
  if (typeof node === 'string') return node;
  if (parts.at(-1) === 'public-keys')
    return Object.keys(node)
      .map((number) => `${number}=ingot-${number}`)
      .join('\n');
  return Object.entries(node)
    .map(([name, child]) => (typeof child === 'object' ? `${name}/` : name))
    .join('\n');
}

/**
 * What bootstrap scripts query about the interface (EKS's the ranges of the VPC, the CNI plugin the subnet, agents the
 * VPC's id). The instance has a network of its own, which is reported as both VPC and subnet; ids are derived from the
 * account.
 */
function networkInterface(
  metadata: InstanceMetadata,
  { id, address, network, mac }: InstanceFacts,
  name: string,
): Node {
  const { account, region } = metadata;
  const madeId = (prefix: string, of: string): string => `${prefix}-${digest(`${prefix} ${of}`).slice(0, 17)}`;
  const place = `${account} ${region}`;
  return {
    'device-number': '0',
    'interface-id': madeId('eni', id),
    'local-hostname': name,
    'local-ipv4s': address,
    mac,
    'owner-id': account,
    'security-group-ids': securityGroups(metadata)
      .split('\n')
      .map((group) => (group.startsWith('sg-') ? group : madeId('sg', `${place} ${group}`)))
      .join('\n'),
    'security-groups': securityGroups(metadata),
    'subnet-id': madeId('subnet', place),
    'subnet-ipv4-cidr-block': network,
    'vpc-id': madeId('vpc', place),
    'vpc-ipv4-cidr-block': network,
    'vpc-ipv4-cidr-blocks': network,
  };
}

function securityGroups({ securityGroups: groups }: InstanceMetadata): string {
  return (groups ?? ['default']).join('\n');
}

function publicKeys(keys: readonly string[]): Node {
  return Object.fromEntries(keys.map((key, index) => [String(index), { 'openssh-key': key }]));
}

function iam(
  role: InstanceRole,
  account: string,
  partition: string,
  launched: string,
  credentials: () => Promise<RoleCredentials>,
): Node {
  const info = {
    Code: 'Success',
    LastUpdated: seconds(launched),
    InstanceProfileArn: `arn:${partition}:iam::${account}:instance-profile/${role.instanceProfileName}`,
    InstanceProfileId: `AIPA${digest(role.instanceProfileName).toUpperCase().slice(0, 17)}`,
  };
  const answer = async (): Promise<string> => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await credentials();
    const now = Date.now();
    return JSON.stringify(
      {
        Code: 'Success',
        LastUpdated: seconds(new Date(now).toISOString()),
        Type: 'AWS-HMAC',
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken ?? '',
        Expiration: seconds(expiration ?? new Date(now + LASTING_MS).toISOString()),
      },
      undefined,
      2,
    );
  };
  return { info: JSON.stringify(info, undefined, 2), 'security-credentials': { [role.roleName]: answer } };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A time without milliseconds, as on EC2. */
function seconds(time: string): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
