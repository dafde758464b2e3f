/** The Debian packages that Ingot needs: one list, in `data/packages.txt`, which the launcher also reads. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../platform/files.ts';

const LIST = new URL('../../data/packages.txt', import.meta.url);

/** The launcher at the top of the checkout. */
export const LAUNCHER = fileURLToPath(new URL('../../ingot', import.meta.url));

/** A package, and a file that shows that it is installed. */
export interface NeededPackage {
  readonly name: string;
  /** The name of a program, or an absolute path. */
  readonly proof: string;
  /** Its purpose, in a few words. */
  readonly purpose: string;
}

/** Parses the list. Pure. @throws {Error} for a line that is not `package proof purpose` */
export function parsePackages(text: string): readonly NeededPackage[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) => {
      const [, name, proof, purpose] = /^(\S+)\s+(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || proof === undefined || purpose === undefined)
        throw new Error(`the list of packages has a line that cannot be read: ${line}`);
      return { name, proof, purpose };
    });
}

/** The list. */
export async function neededPackages(): Promise<readonly NeededPackage[]> {
  return parsePackages(await readFile(LIST, 'utf8'));
}

/** Whether a package's proof exists, from the package or another source. */
export function isThere({ proof }: NeededPackage): boolean {
  return proof.startsWith('/') ? existsSync(proof) : findProgram(proof) !== undefined;
}

/** The command that installs Debian packages. */
export function installCommand(names: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${names.join(' ')}`;
}
