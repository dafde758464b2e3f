/** Packages of an image that are older than those of its distribution. Pure. */
import { compareDebian } from './versions.ts';

/** One index of packages. */
export interface PackageIndex {
  /** `bookworm-security`. */
  readonly suite: string;
  /** Whether everything in it is a security update. */
  readonly security: boolean;
  /** The newest version of each requested package. */
  readonly versions: ReadonlyMap<string, string>;
  /** The order of its versions (default: Debian's). */
  readonly compare?: (a: string, b: string) => number;
}

/** Reads the indexes of a system (`Debian 12`). @throws {Error} with a message for the user */
export type IndexSource = (
  osVersion: string | undefined,
  names: ReadonlySet<string>,
  signal: AbortSignal,
) => Promise<readonly PackageIndex[]>;

/** A package with a newer version. */
export interface PackageUpdate {
  readonly name: string;
  readonly installed: string;
  /** The newest version. */
  readonly available: string;
  /** The suite of that version. */
  readonly suite: string;
  /** Whether any version newer than the installed one is a security update. */
  readonly security: boolean;
}

/** The available updates, in the order of the packages. Of a package in several versions, the newest counts. */
export function updatesFor(
  packages: readonly { readonly name: string; readonly version: string }[],
  indexes: readonly PackageIndex[],
): readonly PackageUpdate[] {
  const installed = new Map<string, string>();
  const order = indexes[0]?.compare ?? compareDebian;
  for (const { name, version } of packages) {
    const known = installed.get(name);
    if (known === undefined || order(version, known) > 0) installed.set(name, version);
  }
  return [...installed].flatMap(([name, version]) => updateOf(name, version, indexes) ?? []);
}

function updateOf(name: string, installed: string, indexes: readonly PackageIndex[]): PackageUpdate | undefined {
  let newest: { readonly version: string; readonly suite: string } | undefined;
  let security = false;
  for (const { suite, security: isSecurity, versions, compare = compareDebian } of indexes) {
    const version = versions.get(name);
    if (version === undefined || compare(version, installed) <= 0) continue;
    security ||= isSecurity;
    if (newest === undefined || compare(version, newest.version) > 0) newest = { version, suite };
  }
  return newest && { name, installed, available: newest.version, suite: newest.suite, security };
}

/** Maximum characters of a line. */
const LONGEST_LINE = 1 << 20;

/** Parses an apt `Packages` file piece by piece, because one of main has 50 MB. */
export interface PackageReader {
  read(chunk: Buffer): void;
  /** The newest version of each requested package. */
  end(): ReadonlyMap<string, string>;
}

/** @param names the requested packages; others are skipped */
export function packageReader(names: ReadonlySet<string>): PackageReader {
  const versions = new Map<string, string>();
  let name = '';
  let rest = '';
  const take = (lines: string): void => {
    for (const [, field, value = ''] of lines.matchAll(/^(Package|Version): (\S+)$/gm)) {
      if (field === 'Package') name = names.has(value) ? value : '';
      else if (name !== '') {
        const known = versions.get(name);
        if (known === undefined || compareDebian(value, known) > 0) versions.set(name, value);
      }
    }
  };
  return {
    read(chunk) {
      const text = rest + chunk.toString('latin1');
      const end = text.lastIndexOf('\n') + 1;
      take(text.slice(0, end));
      // No line of an index is that long. Keeping it would copy it again with each piece.
      rest = text.length - end > LONGEST_LINE ? '' : text.slice(end);
    },
    end() {
      take(rest);
      return versions;
    },
  };
}

/** The hash of a file in the section `SHA256:` of an apt `Release` file. */
export function sha256Of(release: string, file: string): string | undefined {
  const [, part = ''] = /^SHA256:\n((?: .*(?:\n|$))*)/m.exec(release) ?? [];
  const line = part.split('\n').find((each) => each.endsWith(` ${file}`));
  return line === undefined ? undefined : /^ ([0-9a-f]{64}) /.exec(line)?.[1];
}
