/** The `instanceProfiles` section of `config.yaml`: the credentials of instances. Pure. */
import { isAbsolute } from 'node:path';
import { accounts, isFor, NotGranted, section, strings, text } from './reading.ts';
import type { CredentialSource } from '../role-credentials.ts';

/** The credentials and endpoints of instances with a profile. */
export interface InstanceProfile {
  /** Accounts that may use it; `*` means all. */
  readonly accounts: readonly string[];
  /** Name of its role, as the metadata service reports it. */
  readonly role: string;
  readonly credentials: CredentialSource;
  /** Region of S3 (default: that of the image). */
  readonly region?: string;
  /** URL of an S3 service other than AWS's: `AWS_ENDPOINT_URL_S3` in the instance. */
  readonly s3Endpoint?: string;
}

/**
 * The profile with a name for an account; `undefined` if the configuration has none, so that it has no credentials.
 * @throws {NotGranted} if it belongs to other accounts
 */
export function instanceProfileFor(
  profiles: Readonly<Record<string, InstanceProfile>>,
  name: string,
  account: string,
): InstanceProfile | undefined {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile === undefined || isFor(profile.accounts, account)) return profile;
  throw new NotGranted(`the instance profile '${name}'`, account, `instanceProfiles.${name}.accounts`);
}

/** The profile for reading documents in S3 for an account; `undefined` if the configuration has none. */
export function uriProfileFor(
  { instanceProfiles, uriProfiles }: UriSettings,
  account: string,
): InstanceProfile | undefined {
  const named = uriProfiles.flatMap((name) => instanceProfiles[name] ?? []);
  return named.find(({ accounts: each }) => isFor(each, account));
}

/** The settings for reading URIs. */
interface UriSettings {
  readonly instanceProfiles: Readonly<Record<string, InstanceProfile>>;
  readonly uriProfiles: readonly string[];
}

/** Parses the section. @param home the account of profiles that name none */
export function readInstanceProfiles(
  value: unknown,
  faults: string[],
  home: string,
): Readonly<Record<string, InstanceProfile>> {
  const profiles =
    value === undefined || value === null
      ? {}
      : typeof value === 'object' && !Array.isArray(value)
        ? (value as Readonly<Record<string, unknown>>)
        : undefined;
  if (profiles === undefined) {
    faults.push('instanceProfiles: must be a map of names of instance profiles');
    return {};
  }
  return Object.fromEntries(
    Object.entries(profiles).flatMap(([name, each]) => {
      const place = `instanceProfiles.${name}`;
      if (!/^[\w+=,.@-]{1,256}$/.test(name))
        faults.push(`${place}: '${name}' is not a valid name of an instance profile`);
      const given = section(each, place, ['accounts', 'role', 'credentials', 'region', 'endpoints'], faults);
      const credentials = readSource(given['credentials'], `${place}.credentials`, faults);
      const role = text(given['role'], `${place}.role`, faults) ?? name;
      if (!/^[\w+=,.@-]{1,64}$/.test(role))
        faults.push(`${place}.role: must be the name of a role, without a path, of at most 64 characters`);
      const region = text(given['region'], `${place}.region`, faults);
      const s3Endpoint = text(
        section(given['endpoints'], `${place}.endpoints`, ['s3'], faults)['s3'],
        `${place}.endpoints.s3`,
        faults,
      );
      if (s3Endpoint !== undefined && !/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(s3Endpoint))
        faults.push(`${place}.endpoints.s3: must be an address such as https://s3.example.org`);
      const own = accounts(given['accounts'], `${place}.accounts`, faults, home);
      return credentials === undefined
        ? []
        : [
            [
              name,
              {
                accounts: own,
                role,
                credentials,
                region,
                s3Endpoint,
              },
            ] as const,
          ];
    }),
  );
}

function readSource(value: unknown, place: string, faults: string[]): CredentialSource | undefined {
  const given = section(
    value,
    place,
    ['accessKeyId', 'secretAccessKey', 'sessionToken', 'file', 'profile', 'process'],
    faults,
  );
  const kinds = [given['accessKeyId'] ?? given['secretAccessKey'], given['file'], given['process']].filter(
    (each) => each !== undefined,
  );
  if (kinds.length !== 1) {
    faults.push(`${place}: must have accessKeyId and secretAccessKey, or file, or process`);
    return undefined;
  }
  if (given['file'] !== undefined) {
    const path = text(given['file'], `${place}.file`, faults) ?? '';
    if (!isAbsolute(path)) faults.push(`${place}.file: must be an absolute path`);
    return { kind: 'file', path, profile: text(given['profile'], `${place}.profile`, faults) ?? 'default' };
  }
  if (given['process'] !== undefined) {
    const argv = strings(given['process'], `${place}.process`, faults);
    if (argv[0] === undefined || !isAbsolute(argv[0]))
      faults.push(`${place}.process: must be a list that begins with the absolute path of a program`);
    return { kind: 'process', argv };
  }
  const accessKeyId = text(given['accessKeyId'], `${place}.accessKeyId`, faults, true) ?? '';
  const secretAccessKey = text(given['secretAccessKey'], `${place}.secretAccessKey`, faults, true) ?? '';
  const sessionToken = text(given['sessionToken'], `${place}.sessionToken`, faults);
  return { kind: 'keys', accessKeyId, secretAccessKey, sessionToken };
}
