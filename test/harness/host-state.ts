/**
 * What Ingot can leave behind on a host, as lines of text that can be compared: processes, mounts, loop devices,
 * cgroups, network namespaces, network rules, allocations, folders.
 *
 * Several data directories may be at work on one host while a test runs. So what is new afterwards counts against the
 * test unless it names an owner that another data directory's allocations name, or the temporary folder of another test
 * file.
 */
import { fail } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { sleep } from '../../src/platform/clock.ts';
import { HELD_MARK } from '../../src/platform/held.ts';
import { RUN_DIRECTORY } from '../../src/platform/host.ts';
import { processStartTime, run } from '../../src/platform/processes.ts';
import { RUN_FOLDER_PREFIX } from './own-folder.ts';

/** Things of a host, one line each. */
export type HostState = ReadonlySet<string>;

interface Allocation {
  readonly id: string;
  readonly kind: string;
  readonly data_directory: string;
  readonly owner: string;
}

const TEST_FOLDER = new RegExp(`/[^\\s,=:]*/${RUN_FOLDER_PREFIX}[^/]+/\\d+`, 'g');
/** Files of the host, which are no instance's: the allocations, what is known of KVM, locks for making base images. */
const STAYS = /^(?:host\.db|kvm\.json$|base-.*\.lock(?:-journal)?$)/;
const PROGRAMS = /^(qemu-|systemd-nspawn|slirp4netns|fsfreeze)/;
/** Uids from here on belong to containers. */
const FIRST_CONTAINER_UID = 16384 * 65536;

/** What is there now. */
export async function hostState(): Promise<HostState> {
  const allocated = allocations();
  const lines = [...processes(), ...mounts(), ...loops(), ...cgroups(), ...namespaces()];
  for (const { id, data_directory, owner } of allocated)
    lines.push(`allocation ${id} of ${owner} in ${data_directory}`);
  if (!allocated.some(({ kind }) => kind === 'outbound')) lines.push(...(await networkRules()));
  for (const name of list(RUN_DIRECTORY)) if (!STAYS.test(name)) lines.push(`folder ${RUN_DIRECTORY}/${name}`);
  return new Set(lines);
}

/**
 * Fails when something is there that was not there before and that no other data directory owns. What is on its way out
 * gets 10 s.
 * @param dataDirectory the test's own
 */
export async function assertNothingLeft(before: HostState, dataDirectory: string): Promise<void> {
  let left: string[] = [];
  for (let attempt = 0; attempt < 40; attempt++) {
    // Asked before and after: one that starts or ends in between is still known as another's.
    const others = othersOwners(dataDirectory);
    const now = await hostState();
    for (const owner of othersOwners(dataDirectory)) others.add(owner);
    left = [...now].filter(
      (line) =>
        !before.has(line) &&
        ![...others].some((other) => line.includes(other)) &&
        !isOtherFiles(line) &&
        !isOthersTool(line, dataDirectory),
    );
    if (left.length === 0) return;
    await sleep(250);
  }
  fail(`left behind:\n${left.map((line) => line.slice(0, 400)).join('\n')}`);
}

/** Whether a line names the temporary folder of another test file: see `own-folder.ts`. */
function isOtherFiles(line: string): boolean {
  return [...line.matchAll(TEST_FOLDER)].some(([folder]) => folder !== tmpdir());
}

/**
 * A held process that is no machine (mmdebstrap and its like) has no allocation to tell whose it is: its command names
 * a folder.
 */
function isOthersTool(line: string, dataDirectory: string): boolean {
  return (
    line.startsWith('process ') &&
    line.includes(HELD_MARK) &&
    !PROGRAMS.test(line.split(' ')[4] ?? '') &&
    !line.includes(dataDirectory)
  );
}

function othersOwners(dataDirectory: string): Set<string> {
  return new Set(
    allocations()
      .filter((each) => each.data_directory !== dataDirectory)
      .flatMap(({ owner, data_directory }) => [owner, data_directory]),
  );
}

function allocations(): Allocation[] {
  if (!existsSync(`${RUN_DIRECTORY}/host.db`)) return [];
  const db = new DatabaseSync(`${RUN_DIRECTORY}/host.db`, { readOnly: true, timeout: 30_000 });
  try {
    return db.prepare('SELECT id, kind, data_directory, owner FROM allocations').all() as unknown as Allocation[];
  } catch {
    return []; // Nothing was ever allotted: there is no table.
  } finally {
    db.close();
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function processes(): string[] {
  const lines: string[] = [];
  for (const entry of list('/proc').filter((name) => /^\d+$/.test(name))) {
    const folder = `/proc/${entry}`;
    try {
      const uid = Number(/^Uid:\s*(\d+)/m.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1]);
      const environment = readFileSync(`${folder}/environ`, 'utf8').split('\0');
      const mark = environment.find((each) => each.startsWith(`${HELD_MARK}=`));
      const directory = environment.find((each) => each.startsWith('INGOT_INSTANCE_DIRECTORY='));
      const command = readFileSync(`${folder}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const cgroup = /ingot-[^/\n]+/.exec(readFileSync(`${folder}/cgroup`, 'utf8'))?.[0];
      const startTime = processStartTime(Number(entry));
      if (startTime === undefined) continue;
      // qemu-img and similar programs belong to the process that waits for them, and end with it.
      const ours =
        mark !== undefined ||
        cgroup !== undefined ||
        uid >= FIRST_CONTAINER_UID ||
        (PROGRAMS.test(readFileSync(`${folder}/comm`, 'utf8')) && !/^\S*qemu-(img|io|nbd)/.test(command));
      if (ours)
        lines.push(
          `process ${entry} (started ${startTime}) ${command} ${mark ?? ''} ${directory ?? ''} ${cgroup ?? ''} ` +
            `${output(folder)}`,
        );
    } catch {
      // It ended in between.
    }
  }
  return lines;
}

/** Where a process's output goes: for some that is all that tells whose it is. */
function output(folder: string): string {
  try {
    return readlinkSync(`${folder}/fd/2`);
  } catch {
    return '';
  }
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(RUN_DIRECTORY) || line.includes(' - fuse'))
    .map((line) => {
      const fields = line.split(' ');
      return `mount ${fields[4]} of ${fields.slice(fields.indexOf('-') + 1, fields.indexOf('-') + 3).join(' ')}`;
    });
}

function loops(): string[] {
  return list('/sys/block')
    .filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`))
    .map((name) => `loop device ${name} over ${readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim()}`);
}

function cgroups(): string[] {
  const lines: string[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    if (!/ - cgroup2? /.test(line)) continue;
    const point = line.split(' ')[4]!;
    for (const name of list(point)) if (name.startsWith('ingot')) lines.push(`cgroup ${point}/${name}`);
  }
  return lines;
}

function namespaces(): string[] {
  return list('/run/netns').map((name) => `network namespace ${name}`);
}

async function networkRules(): Promise<string[]> {
  const { stdout: tables } = await run(['nft', 'list', 'tables'], { okCodes: 'any' });
  const { stdout: addresses } = await run(['ip', '-brief', 'address', 'show', 'lo'], { okCodes: 'any' });
  const { stdout: routes } = await run(['ip', 'route', 'show', 'table', 'default'], { okCodes: 'any' });
  return [
    ...(/\bip ingot_instances\b/.test(tables)
      ? ['nft table ip ingot_instances, though nobody has joined the network']
      : []),
    ...[...addresses.matchAll(/198\.18\.(?!0\.1\b)\d+\.\d+/g)].map(
      ([address]) => `address ${address} on lo, though nobody has joined the network`,
    ),
    ...(/^local 169\.254\.169\.254/m.test(routes)
      ? ['the route to the metadata service, though nobody has joined the network']
      : []),
  ];
}
