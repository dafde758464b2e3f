/**
 * The names in users' files that `config.yaml` defines: parent images, parameters, managed components, vendors. Pure.
 */
import { map, section } from './reading.ts';

/** A document that replaces a managed component of AWS. */
interface MappedComponent {
  /** Absolute path of a component document. */
  readonly file: string;
  /** Default: `1.0.0`. */
  readonly version: string;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
}

/** A mirror of a vendor's disks. */
interface VendorMirror {
  /** Replaces the vendor's own address; ends in a slash. */
  readonly address?: string;
  /** Absolute path of the public key that signs the mirror's checksums. */
  readonly keyring?: string;
}

/** Vendors whose disks Ingot downloads. */
export const VENDORS = ['amazon-linux', 'debian', 'rocky', 'ubuntu'] as const;

/** What names in users' files mean on this server. */
export interface NameSettings {
  /** Accounts in users' files, with the account of this server that replaces each. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Accounts of organizations and their units, by id (`o-…`, `ou-…`), for launch permissions. */
  readonly organizations: Readonly<Record<string, readonly string[]>>;
  /**
   * Replacements by the name of a managed image, or by an AMI ID: an AMI, an image's ARN, `image/NAME/VERSION`, another
   * name, a container image in a registry, an OCI layout.
   */
  readonly parentImages: Readonly<Record<string, string>>;
  /** Replacements by the name of a managed component: one document per version. */
  readonly managedComponents: Readonly<Record<string, readonly MappedComponent[]>>;
  /** Values of Systems Manager parameters, in the forms of `parentImages`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly vendors: Readonly<Partial<Record<(typeof VENDORS)[number], VendorMirror>>>;
}

/** Defaults. */
export const DEFAULT_NAMES: NameSettings = {
  accounts: {},
  organizations: {},
  parentImages: {},
  managedComponents: {},
  parameters: {},
  vendors: {},
};

/** What a parent image may be replaced with. */
const REFERENCE =
  /^(ami-[0-9a-f]{8,17}|arn:aws[^:]*:imagebuilder:[^:]+:(\d{12}|aws):image\/[a-z0-9_-]+\/[0-9x./]+|image\/[a-z0-9_-]+\/[0-9x./]+|[a-z0-9_-]{3,128}|docker:\/\/[a-z0-9][A-Za-z0-9._:/@-]{0,500}|oci:\/[^\0\n]{1,1000})$/;
const REFERENCE_FORMS =
  "an AMI (ami-…), an image's ARN with its version, image/NAME/x.x.x of your own, the name of a managed image, or " +
  'for container images docker://REFERENCE or oci:/FOLDER';

function readMapped(value: unknown, place: string, faults: string[]): MappedComponent {
  const given =
    typeof value === 'string' ? { file: value } : section(value, place, ['file', 'version', 'platform'], faults);
  const {
    file,
    version = '1.0.0',
    platform = 'Linux',
  } = given as { file?: unknown; version?: unknown; platform?: unknown };
  if (typeof file !== 'string' || !file.startsWith('/'))
    faults.push(`${place}.file: must be the absolute path of a component document`);
  if (typeof version !== 'string' || !/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(version))
    faults.push(`${place}.version: must be three numbers, as in 1.0.0`);
  if (platform !== 'Linux' && platform !== 'Windows' && platform !== 'macOS')
    faults.push(`${place}.platform: must be Linux, Windows or macOS`);
  return { file: String(file), version: String(version), platform: platform as MappedComponent['platform'] };
}

function readAccounts(value: unknown, faults: string[], home: string): NameSettings['accounts'] {
  const given = map(value, 'accounts', faults);
  for (const [foreign, own] of Object.entries(given)) {
    const place = `accounts.${foreign}`;
    if (!/^\d{12}$/.test(foreign)) faults.push(`${place}: must be an account id, 12 digits in quotes`);
    if (foreign === home) faults.push(`${place}: is this server's own account, which means itself`);
    if (typeof own !== 'string' || !/^\d{12}$/.test(own))
      faults.push(`${place}: must be an account of this server, 12 digits in quotes, such as '${home}'`);
    else if (Object.hasOwn(given, own))
      faults.push(`${place}: '${own}' is mapped itself; name the account that is meant`);
  }
  return given as NameSettings['accounts'];
}

function readOrganizations(value: unknown, faults: string[]): NameSettings['organizations'] {
  const given = map(value, 'organizations', faults);
  for (const [id, accounts] of Object.entries(given)) {
    const place = `organizations.${id}`;
    if (!/^(o|ou|r)-[a-z0-9-]{4,70}$/.test(id))
      faults.push(`${place}: must be the id of an organization or a unit, such as o-a1b2c3d4e5 or ou-ab12-cd34ef56`);
    if (!Array.isArray(accounts) || accounts.some((each) => typeof each !== 'string' || !/^\d{12}$/.test(each)))
      faults.push(`${place}: must be a list of account ids, 12 digits in quotes`);
  }
  return given as NameSettings['organizations'];
}

/**
 * Reads the sections `accounts`, `parentImages`, `parameters`, `managedComponents` and `vendors`.
 * @param home the server's own account
 */
export function readNames(root: Readonly<Record<string, unknown>>, faults: string[], home: string): NameSettings {
  const references = (
    place: 'parentImages' | 'parameters',
    key: RegExp,
    keyForm: string,
  ): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries(map(root[place], place, faults)).map(([name, value]) => {
        if (!key.test(name)) faults.push(`${place}.${name}: '${name}' is not a valid ${keyForm}`);
        if (typeof value !== 'string' || !REFERENCE.test(value))
          faults.push(`${place}.${name}: must be ${REFERENCE_FORMS}`);
        return [name, String(value)];
      }),
    );
  return {
    accounts: readAccounts(root['accounts'], faults, home),
    organizations: readOrganizations(root['organizations'], faults),
    parentImages: references(
      'parentImages',
      /^[a-z0-9_-]{3,128}$/,
      'name of a managed image, such as amazon-linux-2-x86, or AMI ID',
    ),
    parameters: references('parameters', /^\/?[A-Za-z0-9_./-]{1,1011}$/, 'name of a parameter, such as /golden/base'),
    managedComponents: Object.fromEntries(
      Object.entries(map(root['managedComponents'], 'managedComponents', faults)).map(([name, value]) => {
        const place = `managedComponents.${name}`;
        if (!/^[a-z0-9_-]{3,128}$/.test(name))
          faults.push(`${place}: '${name}' is not a valid name of a managed component, such as python-3-linux`);
        const several = Array.isArray(value);
        const documents = (several ? (value as readonly unknown[]) : [value]).map((each, index) =>
          readMapped(each, several ? `${place}[${index}]` : place, faults),
        );
        if (documents.length === 0) faults.push(`${place}: must name at least one document`);
        for (const [index, { version }] of documents.entries()) {
          if (documents.findIndex((each) => each.version === version) < index)
            faults.push(`${place}[${index}].version: ${version} is used twice; give each document its own version`);
        }
        return [name, documents];
      }),
    ),
    vendors: Object.fromEntries(
      Object.entries(section(root['vendors'], 'vendors', VENDORS, faults)).map(([name, value]) => {
        const { address, keyring } = section(value, `vendors.${name}`, ['address', 'keyring'], faults);
        if (address !== undefined && (typeof address !== 'string' || !/^https?:\/\/[^\s?#@]+\/$/.test(address)))
          faults.push(
            `vendors.${name}.address: must be an http or https address that ends in a slash, without a password`,
          );
        // Only Canonical signs its checksums. Those of others are trusted because they are downloaded over HTTPS.
        if (
          name !== 'ubuntu' &&
          typeof address === 'string' &&
          /^http:\/\/(?!127\.0\.0\.1[:/]|localhost[:/])/.test(address)
        )
          faults.push(
            `vendors.${name}.address: must be https, since ${name} signs nothing: ` +
              'what comes over http could be changed on its way',
          );
        if (keyring !== undefined && (typeof keyring !== 'string' || !keyring.startsWith('/')))
          faults.push(`vendors.${name}.keyring: must be the absolute path of a public key`);
        return [
          name,
          { ...(typeof address === 'string' ? { address } : {}), ...(typeof keyring === 'string' ? { keyring } : {}) },
        ];
      }),
    ),
  };
}
