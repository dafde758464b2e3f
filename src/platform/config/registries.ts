/** The `registries` section of `config.yaml`: container registries that images may be pushed to. Pure. */
import { accounts, map, section, text } from './reading.ts';

/** An external registry. */
export interface Registry {
  /** Accounts that may push there; `*` means all. */
  readonly accounts: readonly string[];
  /** Absolute path of a file in the format of Docker's `config.json` or Podman's `auth.json` (default: no login). */
  readonly authFile?: string;
  /** Whether it uses HTTP without TLS. */
  readonly plain: boolean;
  /** Instead of a registry: a folder of this host, by its absolute path. */
  readonly folder?: { readonly path: string; readonly format: (typeof FOLDER_FORMATS)[number] };
}

/** What a folder holds: an OCI layout for each repository, or a Docker archive for each tag. */
export const FOLDER_FORMATS = ['oci', 'docker-archive'] as const;

/** A host, with a port if it is not the default one. */
const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?(?::[1-9]\d{0,4})?$/;

/** Parses the section. @param home the account of registries that name none */
export function readRegistries(value: unknown, faults: string[], home: string): Readonly<Record<string, Registry>> {
  return Object.fromEntries(
    Object.entries(map(value, 'registries', faults)).map(([host, each]) => {
      const place = `registries.${host}`;
      if (!HOST.test(host)) faults.push(`${place}: '${host}' is not a host, such as registry.example.com:5000`);
      const given = section(each, place, ['accounts', 'authFile', 'plain', 'folder', 'format'], faults);
      const authFile = text(given['authFile'], `${place}.authFile`, faults);
      if (authFile !== undefined && !authFile.startsWith('/'))
        faults.push(`${place}.authFile: must be the absolute path of a file such as ~/.docker/config.json`);
      const plain = given['plain'] ?? false;
      if (typeof plain !== 'boolean') faults.push(`${place}.plain: must be true or false`);
      return [
        host,
        {
          accounts: accounts(given['accounts'], `${place}.accounts`, faults, home),
          ...(authFile === undefined ? {} : { authFile }),
          plain: plain === true,
          folder: folderOf(given, place, faults),
        },
      ];
    }),
  );
}

function folderOf(given: Readonly<Record<string, unknown>>, place: string, faults: string[]): Registry['folder'] {
  const path = text(given['folder'], `${place}.folder`, faults);
  const format = given['format'] ?? 'oci';
  if (path === undefined) {
    if (given['format'] !== undefined) faults.push(`${place}.format: is for a folder`);
    return undefined;
  }
  if (!path.startsWith('/')) faults.push(`${place}.folder: must be the absolute path of a folder`);
  for (const member of ['authFile', 'plain'])
    if (given[member] !== undefined) faults.push(`${place}.${member}: a folder has none`);
  const known = FOLDER_FORMATS.find((each) => each === format);
  if (known === undefined) faults.push(`${place}.format: must be one of ${FOLDER_FORMATS.join(', ')}`);
  return { path, format: known ?? 'oci' };
}
