/**
 * What is done on the disk of a build instance before it becomes a layer: downloads of installed packages go, freed
 * blocks leave the disk, and ids that a container does not have are found.
 */
import { runCaptured } from '../instances/output.ts';
import type { Instance } from '../instances/instance.ts';
import { UIDS_OF_A_CONTAINER } from '../platform/host.ts';
import { patient } from '../platform/patience.ts';
import { readScript } from '../platform/scripts.ts';

const SCRIPT = readScript(import.meta.url, 'before-layer.sh');
const SECONDS = 300;
/** Four files of 4 MiB, and their names. */
const OUTPUT_LIMIT = (16 << 20) + 4096;
/** Longest name of an account in a message, in characters. */
const LONGEST_NAME = 40;

/**
 * Prepares a disk for its layer. Safe to repeat; a disk without the programs for it is left as it is.
 * @returns what shows an id that a container does not have: a clause such as "the account app of /etc/passwd has the id
 *   20000000"; `undefined` if there is none
 */
export async function prepareForLayer(instance: Instance, signal?: AbortSignal): Promise<string | undefined> {
  if (instance.capabilities.platform !== 'Linux') return undefined;
  const kind = instance.capabilities.kernel ? 'machine' : 'container';
  const { stdout } = await runCaptured(
    instance,
    {
      argv: ['/bin/sh', '-c', SCRIPT, 'before-layer', kind, String(UIDS_OF_A_CONTAINER)],
      own: true,
      timeoutSeconds: patient(SECONDS),
      signal,
    },
    { limit: OUTPUT_LIMIT, what: 'the preparation of the disk' },
  );
  return foreignId(stdout.toString('utf8'));
}

/** The first id in the output of the script that a container does not have, as a clause. */
export function foreignId(text: string): string | undefined {
  let file = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('\t')) file = line.slice(1);
    else if (file === 'owners') {
      const id = line.split(':').find(isForeign);
      if (id !== undefined) return `a file belongs to the id ${id}`;
    } else {
      const found = foreignIdOfLine(file, line);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Of a line of `/etc/passwd`, `/etc/group`, `/etc/subuid` or `/etc/subgid`. */
function foreignIdOfLine(file: string, line: string): string | undefined {
  const [name = '', second = '', third = '', fourth = ''] = line.slice(0, 4096).split(':', 4);
  const short = name.replaceAll(/[^\w.@$-]/g, '?').slice(0, LONGEST_NAME);
  if (file.startsWith('/etc/sub')) {
    const last = String(Number(second) + Number(third) - 1);
    return isForeign(second) || isForeign(last) ? `${file} gives ${short} ids up to ${last}` : undefined;
  }
  const id = [third, ...(file === '/etc/passwd' ? [fourth] : [])].find(isForeign);
  if (id === undefined) return undefined;
  return `the ${file === '/etc/passwd' ? 'account' : 'group'} ${short} of ${file} has the id ${id}`;
}

function isForeign(id: string): boolean {
  return /^\d{1,10}$/.test(id) && Number(id) >= UIDS_OF_A_CONTAINER;
}
