/**
 * Mounts the root file system of a qcow2 overlay: qemu-storage-daemon exports it through FUSE as a raw file, a loop
 * device maps its root partition, and the host's kernel mounts that. Only for disks that Ingot made: the host's kernel
 * never mounts an untrusted file system.
 */
import { readScript } from '../platform/scripts.ts';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { until } from '../platform/clock.ts';
import { HELD_MARK, isMounted, release, type HeldRecorder } from '../platform/held.ts';
import { newUuid } from '../platform/ids.ts';
import { patient } from '../platform/patience.ts';
import { endingOf, isSameProcess, run, start, waitForExit } from '../platform/processes.ts';
import { connectQmp, type Qmp } from '../platform/qmp.ts';
import type { DataKey } from '../keys/data-key.ts';
import { createOverlay, diskInfo } from './disks.ts';
import { createEncrypted, encryptedMembers, keysOf, QemuSecrets, type EncryptedChain } from './encrypted-disk.ts';
import { readPartitions, rootPartition, withReader, type RootPartition } from './partitions.ts';

/** The disk to attach, and where. */
export interface AttachRequest {
  /** The writable qcow2 overlay. It keeps its content when it is detached. */
  readonly disk: string;
  /** How to open it, if it is encrypted. */
  readonly encryption?: EncryptedChain | undefined;
  /**
   * Directory for the socket, the raw file and the mount point. It exists, has a short path, and only root may enter
   * it, because the mounted file system may have set-uid files.
   */
  readonly directory: string;
  readonly held: HeldRecorder;
  readonly signal?: AbortSignal;
}

/** JSON with which another process can continue with an attached disk. */
export interface AttachedDiskState {
  readonly directory: string;
  readonly loop: string;
  readonly daemon: { readonly pid: number; readonly startTime: string };
  /** Records of the things held for it, in the order in which they were taken. */
  readonly heldIds: readonly string[];
}

/** An attached disk. */
export interface AttachedDisk {
  /** Where its root file system is mounted. */
  readonly root: string;
  readonly state: AttachedDiskState;
  /**
   * Whether the process that serves the disk still runs. If not, every access is an I/O error and the top layer is
   * lost.
   */
  alive(): boolean;
  /**
   * Makes `overlay` the writable top and seals the previous one; the file system is frozen meanwhile (under 0.1 s).
   * @param key of the disk, if it is encrypted
   * @throws {Error} the top is then unchanged
   */
  snapshot(overlay: string, key?: DataKey): Promise<void>;
  /**
   * Frees unused blocks, unmounts, and waits until everything is in the file. Nothing may run on the file system.
   * @throws {Error} if the disk cannot be trusted
   */
  detach(): Promise<void>;
}

/** A disk could not be attached, or failed while it was attached. */
export class AttachError extends Error {
  override readonly name = 'AttachError';
  /** Whether the process that served the disk ended, and the disk is not known to be damaged. */
  readonly daemonEnded: boolean;

  constructor(message: string, options?: ErrorOptions & { readonly daemonEnded?: boolean }) {
    super(message, options);
    this.daemonEnded = options?.daemonEnded ?? false;
  }
}

/** Minimum free space after the last partition for growing it: alignment and the backup GPT always leave a little. */
const GROW_FROM = 16 * 1024 * 1024;
const DAEMON_EXIT_MS = 120_000;

/**
 * Attaches a disk and mounts its root. If the disk is larger than its last partition, and that is the root, both grow.
 * @throws {AttachError} if the disk is missing or its root is not ext4; the caller's `releaseAll` then frees what was
 * taken
 */
export async function attachDisk(request: AttachRequest): Promise<AttachedDisk> {
  const { directory, held, disk, encryption, signal } = request;
  const heldIds: string[] = [];
  const take = async (thing: Parameters<HeldRecorder['record']>[0]): Promise<string> => {
    signal?.throwIfAborted();
    const id = await held.record(thing);
    heldIds.push(id);
    return id;
  };
  const raw = `${directory}/disk.raw`;
  const root = `${directory}/root`;
  await writeFile(raw, '', { mode: 0o600 });
  await mkdir(root, { recursive: true });

  if (!isOnSharedMount(directory)) {
    // A mount namespace that is created while the disk is mounted gets a copy of the mount, which keeps the file system
    // busy after it is unmounted here. From a shared mount, unmounting propagates to copies that are slaves.
    await take({ kind: 'mount', path: directory });
    await run(['mount', '--bind', directory, directory]);
    await run(['mount', '--make-shared', directory]);
  }

  await take({ kind: 'fuse', path: raw });
  const daemonId = await take({ kind: 'process', what: 'qemu-storage-daemon' });
  await rm(`${directory}/qmp.sock`, { force: true });
  const log = await open(`${directory}/storage.log`, 'a', 0o600);
  let daemon: AttachedDiskState['daemon'];
  try {
    using secrets = new QemuSecrets(keysOf(encryption), '--object');
    const { pid, startTime, unref } = await start(storageDaemonArguments(disk, directory, encryption, secrets), {
      files: 'private',
      env: { [HELD_MARK]: daemonId },
      stdio: ['ignore', log.fd, log.fd, ...secrets.descriptors],
      detached: true,
    });
    unref();
    daemon = { pid, startTime };
    await held.amend(daemonId, { kind: 'process', what: 'qemu-storage-daemon', pid, startTime });
    await until(
      `the export of ${disk}`,
      patient(20_000),
      async () => {
        if (!isSameProcess(pid, startTime))
          throw new AttachError(
            `the disk ${disk} cannot be opened: ${(await readFile(`${directory}/storage.log`, 'utf8')).trim()}`,
          );
        return isMounted(raw) && (await stat(raw)).size > 0 ? true : undefined;
      },
      signal ? { everyMs: 2, signal } : { everyMs: 2 },
    );
  } finally {
    await log.close();
  }

  try {
    const loop = await mountRoot(raw, root, take, held);
    return resumeAttachedDisk({ directory, loop, daemon, heldIds }, held);
  } catch (error) {
    if (isSameProcess(daemon.pid, daemon.startTime)) throw error;
    throw new AttachError('the storage daemon ended while its disk was attached', { cause: error, daemonEnded: true });
  }
}

/** Mounts the root file system of an exported disk, grown to the disk's size. Returns its loop device. */
async function mountRoot(
  raw: string,
  root: string,
  take: (thing: Parameters<HeldRecorder['record']>[0]) => Promise<string>,
  held: HeldRecorder,
): Promise<string> {
  const partition = await rootPartition(raw);
  if (partition.fsType !== 'ext4')
    throw new AttachError(
      `the root file system is ${partition.fsType ?? 'of an unknown kind'}; only ext4 can be used without a ` +
        'virtual machine',
    );
  const grown = await growPartition(raw, partition);

  const loopId = await take({ kind: 'loop', backing: raw });
  const size = grown?.size ?? partition.size;
  const { stdout } = await run([
    'losetup',
    '--show',
    '--find',
    '--offset',
    String(partition.offset),
    '--sizelimit',
    String(size),
    raw,
  ]);
  const loop = stdout.trim();
  await held.amend(loopId, { kind: 'loop', backing: raw, device: loop });

  if (grown !== undefined) {
    // Before mounting: growing a mounted file system needs a capability (SYS_RESOURCE) that root in a container may
    // lack.
    await run(['e2fsck', '-f', '-p', loop], { okCodes: [0, 1] });
    await run(['resize2fs', loop]);
  }

  await take({ kind: 'mount', path: root });
  // No device nodes: one in the image would open the host's device, since container root owns the file.
  await run(['mount', '-t', 'ext4', '-o', 'nodev', loop, root]);
  return loop;
}

/** An attached disk from its state, in any process. */
export function resumeAttachedDisk(state: AttachedDiskState, held: HeldRecorder): AttachedDisk {
  const root = `${state.directory}/root`;
  const alive = (): boolean => isSameProcess(state.daemon.pid, state.daemon.startTime);
  return {
    root,
    state,
    alive,
    snapshot: (overlay, key) => snapshot(state, held, overlay, key),
    async detach() {
      await run(['fstrim', '--', root], { timeoutMs: patient(120_000) });
      // Unmounting is not enough: it writes nothing while another mount namespace still has the file system.
      await run(['sync', '--file-system', root], { timeoutMs: patient(600_000) });
      const failures = await fileSystemErrors(state.loop);
      const [daemonIndex] = await recordIndexes(state, held, 'process');
      for (const id of state.heldIds.slice((daemonIndex ?? -1) + 1).toReversed()) await release(held, id);
      await endDaemon(state);
      for (const id of state.heldIds.toReversed()) await release(held, id);
      if (failures > 0)
        throw new AttachError(`the file system of the disk had ${failures} errors while it was mounted`);
    },
  };
}

/** The command that exports an overlay as `disk.raw` in a folder and listens on `qmp.sock` there. */
export function storageDaemonArguments(
  disk: string,
  directory: string,
  encryption?: EncryptedChain,
  secrets?: QemuSecrets,
): string[] {
  return [
    'qemu-storage-daemon',
    ...(secrets?.options ?? []),
    '--blockdev',
    JSON.stringify({ ...qcow2Node('top', disk), ...encryptedMembers(encryption) }),
    '--export',
    JSON.stringify({
      type: 'fuse',
      id: 'disk',
      'node-name': 'top',
      mountpoint: `${directory}/disk.raw`,
      writable: true,
    }),
    '--chardev',
    `socket,path=${directory.replaceAll(',', ',,')}/qmp.sock,server=on,wait=off,id=qmp`,
    '--monitor',
    'chardev=qmp',
  ];
}

/** A qcow2 file as a block node that frees discarded and zeroed blocks. */
function qcow2Node(name: string, file: string): object {
  return {
    driver: 'qcow2',
    'node-name': name,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', 'node-name': `${name}-file`, filename: file, discard: 'unmap' },
  };
}

/** Positions in `state.heldIds` of things of a kind. */
async function recordIndexes(state: AttachedDiskState, held: HeldRecorder, kind: string): Promise<number[]> {
  const ids = (await held.list()).filter(({ thing }) => thing.kind === kind).map(({ id }) => id);
  return state.heldIds.flatMap((id, index) => (ids.includes(id) ? [index] : []));
}

/** Stops the storage daemon so that everything is in the file. A kill with a short timeout would not ensure that. */
async function endDaemon(state: AttachedDiskState): Promise<void> {
  const { pid, startTime } = state.daemon;
  if (!isSameProcess(pid, startTime))
    throw new AttachError('the storage daemon of the disk had ended before: what was written last may be lost');
  const qmp = await connectQmp(`${state.directory}/qmp.sock`);
  try {
    await qmp.execute('quit').catch(() => {}); // The daemon may close the connection before it answers.
  } finally {
    qmp.close();
  }
  if (!(await waitForExit(pid, startTime, patient(DAEMON_EXIT_MS))))
    throw new AttachError(`the storage daemon of the disk does not exit (${patient(DAEMON_EXIT_MS) / 1000} s)`);
}

async function snapshot(
  state: AttachedDiskState,
  held: HeldRecorder,
  overlay: string,
  key: DataKey | undefined,
): Promise<void> {
  const root = `${state.directory}/root`;
  const qmp = await connectQmp(`${state.directory}/qmp.sock`);
  try {
    const top = await currentTop(qmp);
    if (key === undefined) await createOverlay(top.file, overlay);
    else await createEncrypted(overlay, key, (await diskInfo(top.file)).virtualSize, top.file);
    const name = `top-${newUuid().slice(0, 8)}`;
    let thaw: (() => Promise<void>) | undefined;
    try {
      await run(['fstrim', '--', root], { timeoutMs: patient(120_000) });
      // The daemon has the secret of this key since its start.
      const members = key && encryptedMembers({ files: [{ path: overlay, key }] });
      await qmp.execute('blockdev-add', { ...qcow2Node(name, overlay), ...members, backing: null });
      thaw = await freeze(state, held);
      const failures = await fileSystemErrors(state.loop);
      if (failures > 0) throw new AttachError(`the file system of the disk had ${failures} errors`);
      await qmp.execute('blockdev-snapshot', { node: top.node, overlay: name });
    } catch (error) {
      await thaw?.().catch(() => {});
      thaw = undefined;
      if ((await currentTop(qmp).catch(() => undefined))?.file !== overlay) {
        await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {});
        await rm(overlay, { force: true });
      }
      throw error;
    }
    await thaw();
  } finally {
    qmp.close();
  }
}

/**
 * The node that the export serves, and its file. (The name of the node itself becomes a `json:` one once its backing is
 * a node.)
 */
async function currentTop(qmp: Qmp): Promise<{ node: string; file: string }> {
  const exports = await qmp.execute<{ id: string; 'node-name': string }[]>('query-block-exports');
  const node = exports.find(({ id }) => id === 'disk')?.['node-name'];
  const nodes = await qmp.execute<{ 'node-name': string; file: string }[]>('query-named-block-nodes', { flat: true });
  const file = nodes.find((each) => each['node-name'] === `${node}-file`)?.file;
  if (node === undefined || file === undefined) throw new AttachError('the disk is no longer exported');
  return { node, file };
}

const FREEZE = readScript(import.meta.url, 'freeze.sh');

/**
 * Freezes the file system: everything written is in the block device, and writers wait. Waiting processes cannot even
 * be killed, so a separate process thaws it when this one ends, for any reason, and after 30 s at the latest.
 */
async function freeze(state: AttachedDiskState, held: HeldRecorder): Promise<() => Promise<void>> {
  const root = `${state.directory}/root`;
  const id = await held.record({ kind: 'process', what: 'fsfreeze', thaw: root });
  const guard = await start(['bash', '--norc', '-c', FREEZE, 'bash', root], {
    env: { [HELD_MARK]: id },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  await held.amend(id, { kind: 'process', what: 'fsfreeze', thaw: root, pid: guard.pid, startTime: guard.startTime });
  guard.stdin!.on('error', () => {});
  let complaint = '';
  guard.stderr!.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString()}`.slice(-1000);
  });
  const failure = async (what: string): Promise<AttachError> => {
    const end = await guard.exited;
    // A guard that was killed may have left it frozen.
    await release(held, id);
    return new AttachError(`${what}: ${complaint.trim() || `fsfreeze ${endingOf(end)}`}`);
  };
  const thaw = async (): Promise<void> => {
    guard.stdin!.end();
    if ((await guard.exited).code !== 0) throw await failure('the file system was not thawed by its guard');
    await held.free(id);
  };
  const frozen = await Promise.race([
    new Promise<boolean>((resolve) => guard.stdout!.once('data', () => resolve(true))),
    guard.exited.then(() => false),
  ]);
  if (!frozen) throw await failure('the file system cannot be frozen');
  return thaw;
}

/** Number of errors that ext4 has recorded on a device; 0 if the kernel does not report them. */
async function fileSystemErrors(loop: string): Promise<number> {
  return Number(await readFile(`/sys/fs/ext4/${loop.replace('/dev/', '')}/errors_count`, 'utf8').catch(() => '0'));
}

/**
 * Grows the root partition into the free space after it, if it is the disk's last and the space is large enough.
 * @param raw the disk as a raw file
 * @returns the new partition; `undefined` if it did not grow
 */
async function growPartition(raw: string, root: RootPartition): Promise<{ size: number } | undefined> {
  const diskSize = (await stat(raw)).size;
  if (diskSize - (root.offset + root.size) <= GROW_FROM) return undefined;
  const partitions = await withReader(raw, readPartitions);
  if (partitions.some(({ offset }) => offset > root.offset)) return undefined;
  // The backup of the partition table belongs at the end of the disk, which has moved.
  await run(['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', '--relocate', 'gpt-bak-std', raw]);
  await run(
    ['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', '--wipe', 'never', '--partno', String(root.number), raw],
    { input: ', +\n' },
  );
  return rootPartition(raw);
}

/** Whether mounts and unmounts below a folder propagate to other mount namespaces. */
function isOnSharedMount(directory: string): boolean {
  const points = new Map<string, boolean>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const fields = line.split(' ');
    const point = fields[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (point !== undefined)
      points.set(
        point,
        fields.slice(6, fields.indexOf('-')).some((field) => field.startsWith('shared:')),
      );
  }
  for (let path = directory; ; path = dirname(path)) {
    const shared = points.get(path);
    if (shared !== undefined || path === '/') return shared ?? false;
  }
}
