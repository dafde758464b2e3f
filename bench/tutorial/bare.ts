/**
 * The same commands in an unpacked tree of the base disk: a container without a system in it, without layers, on the
 * host's own file system.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachDisk } from '../../src/images/attach.ts';
import { createOverlay } from '../../src/images/disks.ts';
import { resolvConf, startSlirp } from '../../src/instances/network.ts';
import { memoryRecorder, releaseAll, type HeldRecorder } from '../../src/platform/held.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { run } from '../../test/harness/processes.ts';
import type { Span } from '../lib/figures.ts';
import { stamped, when } from '../lib/lines.ts';
import { COMMANDS, WHOLE } from '../lib/timeline.ts';

const COMMANDS_FILE = join(import.meta.dirname, 'commands.sh');

/** Works with a tree of the base disk, and takes it away. */
export async function withTree<T>(base: string, work: (tree: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-bare-'));
  const held = memoryRecorder('bench-bare');
  try {
    const tree = join(folder, 'tree');
    await mkdir(join(folder, 'disk'), { mode: 0o700 });
    await createOverlay(base, join(folder, 'disk.qcow2'));
    const disk = await attachDisk({ disk: join(folder, 'disk.qcow2'), directory: join(folder, 'disk'), held });
    await run(['cp', '--archive', disk.root, tree]);
    await disk.detach();
    return await work(tree);
  } finally {
    await releaseAll(held);
    await rm(folder, { recursive: true, force: true });
  }
}

/** One run of the commands in a copy of the tree. The copying is not counted. */
export async function runBare(tree: string): Promise<readonly Span[]> {
  const copy = `${tree}-run`;
  const held = memoryRecorder('bench-bare-run');
  try {
    await run(['cp', '--archive', '--reflink=auto', tree, copy]);
    await copyFile(COMMANDS_FILE, join(copy, 'root/commands.sh'));
    await run(['sync', '--file-system', copy]);
    const network = await makeNetwork(held, tree);
    const ended = await stamped(
      [
        // As Ingot's containers: own network, no waiting for the disk (`--suppress-sync`).
        'systemd-nspawn',
        '--register=no',
        '--keep-unit',
        '--settings=no',
        '--quiet',
        '--directory',
        copy,
        '--resolv-conf=off',
        '--timezone=off',
        `--bind-ro=${network.resolvConf}:/etc/resolv.conf`,
        `--network-namespace-path=${network.path}`,
        '--suppress-sync=yes',
        '--pipe',
        '--',
        '/bin/bash',
        '/root/commands.sh',
      ],
      { env: { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1', LC_ALL: 'C.UTF-8' } },
    );
    return [
      { name: WHOLE, seconds: (ended.ended - ended.started) / 1000 },
      { name: COMMANDS, seconds: (when(ended, /^:: last command/) - when(ended, /^:: first command/)) / 1000 },
    ];
  } finally {
    await releaseAll(held);
    await rm(copy, { recursive: true, force: true });
  }
}

async function makeNetwork(
  held: HeldRecorder,
  tree: string,
): Promise<{ readonly path: string; readonly resolvConf: string }> {
  const directory = `${tree}-network`;
  await held.record({ kind: 'path', path: directory });
  await mkdir(directory, { recursive: true });
  const owner = newInstanceId();
  const name = `ingot-${owner}`;
  await held.record({ kind: 'netns', name });
  await run(['ip', 'netns', 'add', name]);
  await run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  const path = `/run/netns/${name}`;
  await startSlirp({
    target: { netns: path },
    interfaceName: 'host0',
    directory,
    held,
    allocationOwner: { dataDirectory: tree, owner },
  });
  await writeFile(`${directory}/resolv.conf`, resolvConf());
  return { path, resolvConf: `${directory}/resolv.conf` };
}
