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
}

/** A host, with a port if it is not the default one. */
const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?(?::[1-9]\d{0,4})?$/;

/** Parses the section. @param home the account of registries that name none */
export function readRegistries(value: unknown, faults: string[], home: string): Readonly<Record<string, Registry>> {
  return Object.fromEntries(
    Object.entries(map(value, 'registries', faults)).map(([host, each]) => {
      const place = `registries.${host}`;
      if (!HOST.test(host)) faults.push(`${place}: '${host}' is not a host, such as registry.example.com:5000`);
      const given = section(each, place, ['accounts', 'authFile', 'plain'], faults);
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
        },
      ];
    }),
  );
}
