/** `regions` of `config.yaml`: the store of each Region. Pure. */
import { map, section, text } from './reading.ts';

/** A folder. */
export interface DirectorySettings {
  readonly store: 'directory';
  /** Absolute; absent: a folder of the data directory. */
  readonly path?: string | undefined;
  /** `chain`: layers, each once. `flat`: one file for each AMI. */
  readonly layout: 'chain' | 'flat';
  /** Whether disks that other servers put there are mounted by this host's kernel. */
  readonly trusted: boolean;
}

/** Amazon S3, or what speaks its protocol. */
export interface S3Settings {
  readonly store: 's3';
  readonly bucket: string;
  /** Ends in a slash, or is empty. */
  readonly prefix: string;
  /** For another S3 than AWS's. */
  readonly endpoint?: string | undefined;
  /** Of the bucket; absent: the name of the Region itself. */
  readonly awsRegion?: string | undefined;
  /** Of `~/.aws/config`; the SDK's default chain when absent. */
  readonly profile?: string | undefined;
  readonly trusted: boolean;
}

/** A Region of AWS itself. */
export interface Ec2Settings {
  readonly store: 'ec2';
  /** Absent: the name of the Region itself. */
  readonly awsRegion?: string | undefined;
  /** For another EC2 than AWS's. */
  readonly endpoint?: string | undefined;
  /** Of `~/.aws/config`; the SDK's default chain when absent. */
  readonly profile?: string | undefined;
  /** Whether EBS encrypts the disks. */
  readonly encrypted: boolean;
  /** ARN of a KMS key; absent: the account's key for EBS. */
  readonly kmsKeyId?: string | undefined;
}

/** The store of a Region. */
export type RegionSettings = DirectorySettings | S3Settings | Ec2Settings;

/** Where nothing is configured. */
export const DEFAULT_REGION: DirectorySettings = { store: 'directory', layout: 'chain', trusted: false };

const MEMBERS: Readonly<Record<RegionSettings['store'], readonly string[]>> = {
  directory: ['store', 'path', 'layout', 'trusted'],
  s3: ['store', 'bucket', 'prefix', 'endpoint', 'awsRegion', 'profile', 'trusted'],
  ec2: ['store', 'awsRegion', 'endpoint', 'profile', 'encrypted', 'kmsKeyId'],
};

const REGION_NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
/** Source: Amazon S3 User Guide, bucket naming rules. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Reads the section. */
export function readRegions(value: unknown, faults: string[]): Readonly<Record<string, RegionSettings>> {
  return Object.fromEntries(
    Object.entries(map(value, 'regions', faults)).map(([region, each]) => {
      const place = `regions.${region}`;
      if (!REGION_NAME.test(region)) faults.push(`${place}: '${region}' is not a valid Region name, such as us-east-1`);
      return [region, readRegion(each, place, faults)];
    }),
  );
}

function readRegion(value: unknown, place: string, faults: string[]): RegionSettings {
  const store = map(value, place, faults)['store'] ?? 'directory';
  if (typeof store !== 'string' || !Object.hasOwn(MEMBERS, store)) {
    faults.push(`${place}.store: invalid store '${String(store)}'; expected one of ${Object.keys(MEMBERS).join(', ')}`);
    return DEFAULT_REGION;
  }
  const given = section(value, place, MEMBERS[store as RegionSettings['store']], faults);
  if (store === 'ec2') return readEc2(given, place, faults);
  const trusted = given['trusted'] ?? false;
  if (typeof trusted !== 'boolean') faults.push(`${place}.trusted: must be true or false`);
  return store === 's3'
    ? { ...readS3(given, place, faults), trusted: trusted === true }
    : { ...readDirectory(given, place, faults), trusted: trusted === true };
}

function readDirectory(
  given: Readonly<Record<string, unknown>>,
  place: string,
  faults: string[],
): Omit<DirectorySettings, 'trusted'> {
  const path = text(given['path'], `${place}.path`, faults);
  if (path !== undefined && !path.startsWith('/')) faults.push(`${place}.path: must be an absolute path`);
  const layout = given['layout'] ?? 'chain';
  if (layout !== 'chain' && layout !== 'flat')
    faults.push(`${place}.layout: invalid layout '${String(layout)}'; expected chain or flat`);
  return { store: 'directory', path, layout: layout === 'flat' ? 'flat' : 'chain' };
}

function readS3(
  given: Readonly<Record<string, unknown>>,
  place: string,
  faults: string[],
): Omit<S3Settings, 'trusted'> {
  const read = (name: string, required = false): string | undefined =>
    text(given[name], `${place}.${name}`, faults, required);
  const bucket = read('bucket', true) ?? '';
  if (bucket !== '' && !BUCKET.test(bucket)) faults.push(`${place}.bucket: '${bucket}' is not the name of a bucket`);
  const endpoint = readEndpoint(given, place, faults);
  const prefix = read('prefix') ?? '';
  return {
    store: 's3',
    bucket,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    endpoint,
    awsRegion: read('awsRegion'),
    profile: read('profile'),
  };
}

function readEc2(given: Readonly<Record<string, unknown>>, place: string, faults: string[]): Ec2Settings {
  const read = (name: string): string | undefined => text(given[name], `${place}.${name}`, faults);
  const encrypted = given['encrypted'] ?? false;
  if (typeof encrypted !== 'boolean') faults.push(`${place}.encrypted: must be true or false`);
  const kmsKeyId = read('kmsKeyId');
  if (kmsKeyId !== undefined && !/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\//.test(kmsKeyId))
    faults.push(`${place}.kmsKeyId: must be the ARN of a KMS key`);
  if (kmsKeyId !== undefined && encrypted !== true)
    faults.push(`${place}.kmsKeyId: has no effect without encrypted: true`);
  return {
    store: 'ec2',
    awsRegion: read('awsRegion'),
    endpoint: readEndpoint(given, place, faults),
    profile: read('profile'),
    encrypted: encrypted === true,
    kmsKeyId,
  };
}

function readEndpoint(given: Readonly<Record<string, unknown>>, place: string, faults: string[]): string | undefined {
  const endpoint = text(given['endpoint'], `${place}.endpoint`, faults);
  if (endpoint !== undefined && !/^https?:\/\/[^\s?#]+$/.test(endpoint))
    faults.push(`${place}.endpoint: must be an address, such as https://minio.example.com:9000`);
  return endpoint;
}
