/** The packages and the operating system of an instance: an image's inventory. */
import { readScript } from '../platform/scripts.ts';
import type { Instance } from '../instances/instance.ts';
import { runCaptured } from '../instances/output.ts';
import { COMMAND_ENVIRONMENT } from './environment.ts';

/** One installed package. */
interface Package {
  readonly name: string;
  readonly version: string;
}

/** The inventory of an image. */
export interface Inventory {
  /** `Debian 12`, `Ubuntu 24.04`; `undefined` if the system does not tell. */
  readonly osVersion: string | undefined;
  /** Ordered by name. */
  readonly packages: readonly Package[];
}

/** Maximum output in bytes. A system with 5,000 packages prints about 300 kB. */
const INVENTORY_LIMIT = 4 << 20;
/** Maximum characters of a name, a version, or the name of a system. */
const LONGEST = 512;
const TIMEOUT_SECONDS = 300;

/** Each line: a letter for what it is, a tab, the value; `P` lines have name and version. */
const LIST = readScript(import.meta.url, 'packages.sh');

/**
 * Queries an instance for its operating system and packages.
 * @param argv another command that prints them in the form of `packages.sh`
 * @throws if they cannot be listed
 */
export async function collectPackages(
  instance: Pick<Instance, 'id' | 'run'>,
  signal?: AbortSignal,
  argv: readonly string[] = ['/bin/sh', '-c', LIST],
): Promise<Inventory> {
  const ended = await runCaptured(
    instance,
    {
      argv,
      env: COMMAND_ENVIRONMENT,
      timeoutSeconds: TIMEOUT_SECONDS,
      signal,
    },
    { limit: INVENTORY_LIMIT, what: 'the list of packages' },
  );
  if (ended.exitCode !== 0) {
    const how = ended.timedOut
      ? `no answer within ${TIMEOUT_SECONDS} s`
      : `exit status ${ended.exitCode ?? ended.signal}`;
    const said = ended.stderr.toString('utf8').trim().slice(-1000);
    throw new Error(`the packages of ${instance.id} could not be listed: ${how}${said === '' ? '' : `: ${said}`}`);
  }
  return readInventory(ended.stdout.toString('utf8'));
}

/** Parses the output of the script above. */
export function readInventory(text: string): Inventory {
  const osRelease: string[] = [];
  const packages: Package[] = [];
  for (const line of text.split('\n')) {
    const [kind, ...fields] = line.split('\t');
    if (kind === 'O') osRelease.push(fields.join('\t'));
    if (kind !== 'P') continue;
    const [status, name, version] = fields;
    if (status !== 'installed' || !name || !version) continue;
    packages.push({ name: name.slice(0, LONGEST), version: version.slice(0, LONGEST) });
  }
  packages.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { osVersion: osVersion(osRelease), packages };
}

/** `NAME` without its "GNU/Linux", and `VERSION_ID`. */
function osVersion(lines: readonly string[]): string | undefined {
  const values = new Map<string, string>();
  for (const line of lines) {
    const [, name, quoted] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined) values.set(name, quoted!.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(.)/g, '$1'));
  }
  const name = (values.get('NAME') ?? values.get('ID'))
    ?.replace(/ GNU\/Linux$/, '')
    .replace(/ Linux$/, (word) => (values.get('ID') === 'amzn' ? word : ''));
  if (name === undefined) return undefined;
  const version = values.get('VERSION_ID');
  return (version === undefined ? name : `${name} ${version}`).slice(0, LONGEST);
}
