/**
 * Converts an untrusted disk to one of Ingot's own: a new qcow2 file with the same content and none of the original
 * metadata. The reader (qemu-img) runs as a user that owns nothing else on this host, without a network, with limits on
 * memory, files and time.
 */
import { chmod, chown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskFullMessage, saysDiskFull } from '../../platform/disk-full.ts';
import { syncDirectory, syncFile } from '../../platform/files.ts';
import { HELD_MARK, release, type HeldRecorder } from '../../platform/held.ts';
import { patient } from '../../platform/patience.ts';
import { ProcessError, run } from '../../platform/processes.ts';
import type { Report } from '../../resources/progress.ts';
import { LOW_WATER, refuseWithoutRoom } from '../space.ts';
import { diskFormat, ForeignDiskError, HEAD_BYTES, isBootRecord, TAIL_BYTES, type DiskFormat } from './disk-format.ts';

/** The source and target of a conversion. */
export interface ForeignDiskRequest {
  /** A copy of the disk that no other process writes to, in a separate directory; it is moved away. */
  readonly path: string;
  /** The only accepted format (default: any known format). */
  readonly format?: DiskFormat;
  /** The qcow2 file: complete or absent. On the file system of `path`. */
  readonly target: string;
  readonly held: HeldRecorder;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Its name in messages. */
  readonly what: string;
}

/** The result. */
export interface ForeignDisk {
  readonly format: DiskFormat;
  /** Virtual size in bytes. */
  readonly virtualSize: number;
}

/** Maximum virtual size of a disk in bytes; also of its file. */
export const MAX_DISK_BYTES = 2 * 1024 ** 4;
const SMALLEST = 1024 ** 2;

/** A user and group that no system assigns (systemd's list of ids calls it unused). */
const NOBODYS_ID = 60_650;
const GIB = 1024 ** 3;
const INFO_SECONDS = 60;
const LONGEST_SECONDS = 6 * 3600;

/** The members of `qemu-img info --output=json` that are read. */
interface Info {
  readonly format?: string;
  readonly 'virtual-size'?: number;
  readonly encrypted?: boolean;
  readonly 'backing-filename'?: string;
  readonly 'full-backing-filename'?: string;
  readonly 'format-specific'?: {
    readonly data?: { readonly 'data-file'?: string; readonly extents?: readonly { readonly filename?: string }[] };
  };
}

/**
 * Converts an untrusted disk.
 * @throws {ForeignDiskError} why it is rejected; there is then no target
 */
export async function readForeignDisk(request: ForeignDiskRequest): Promise<ForeignDisk> {
  const { what, signal, target, report } = request;
  const format = await formatOf(request);
  const directory = join(dirname(request.path), 'confined');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
  try {
    await rename(request.path, join(directory, 'foreign'));
    for (const path of [directory, join(directory, 'foreign')]) await chown(path, NOBODYS_ID, NOBODYS_ID);
    await chmod(join(directory, 'foreign'), 0o400);
    const virtualSize = await examine(request, directory, format);
    const { blocks } = await stat(join(directory, 'foreign'));
    await refuseWithoutRoom(directory, LOW_WATER + Math.min(virtualSize, blocks * 512), `reading ${what}`);
    report({
      type: 'log',
      text:
        `${what}: ${format}, ${(virtualSize / GIB).toFixed(1)} GiB to a machine; it is written as a disk of ` +
        `Ingot's own`,
    });
    await convert(request, directory, format, virtualSize);
    await refuseWithoutBootRecord(request, directory);
    const disk = join(directory, 'disk.qcow2');
    await chown(disk, 0, 0);
    await chmod(disk, 0o600);
    await syncFile(disk);
    signal.throwIfAborted();
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await rename(disk, target);
    await syncDirectory(dirname(target));
    return { format, virtualSize };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function formatOf({ path, format, what }: ForeignDiskRequest): Promise<DiskFormat> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const read = async (position: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    };
    const found = diskFormat(
      await read(0, HEAD_BYTES),
      size < TAIL_BYTES ? Buffer.alloc(0) : await read(size - TAIL_BYTES, TAIL_BYTES),
    );
    if (format !== undefined && found !== format)
      throw new ForeignDiskError(`Its format is ${found}, not ${format} as expected.`);
    return found;
  } catch (error) {
    if (error instanceof ForeignDiskError) throw new ForeignDiskError(`${what} cannot be imported. ${error.message}`);
    throw error;
  } finally {
    await file.close();
  }
}

/** The virtual size, if the reader's findings pass another check. */
async function examine(request: ForeignDiskRequest, directory: string, format: DiskFormat): Promise<number> {
  const refuse = (why: string): never => {
    throw new ForeignDiskError(`${request.what} cannot be imported. ${why}`);
  };
  let info: Info;
  try {
    const stdout = await confined(request, directory, ['qemu-img', 'info', '--output=json', '-f', format, 'foreign'], {
      memory: 1 * GIB,
      seconds: INFO_SECONDS,
      file: GIB,
    });
    info = JSON.parse(stdout) as Info;
  } catch (error) {
    request.signal.throwIfAborted();
    return refuse(`It reads as ${format}, and is damaged or not as it should be: ${sayings(error)}.`);
  }
  const { data } = info['format-specific'] ?? {};
  if (info['backing-filename'] !== undefined || info['full-backing-filename'] !== undefined)
    refuse('It has a backing file.');
  if (
    data?.['data-file'] !== undefined ||
    (data?.extents ?? []).some(({ filename }) => filename !== undefined && filename !== 'foreign')
  )
    refuse('It stores its data in other files.');
  if (info.encrypted === true) refuse('It is encrypted. Decrypt it first.');
  const size = info['virtual-size'];
  if (info.format !== format || !Number.isSafeInteger(size))
    return refuse(`It reads as ${format}, and qemu-img calls it ${info.format} of ${size} bytes.`);
  if (size! < SMALLEST || size! > MAX_DISK_BYTES)
    refuse(`Its virtual size is ${size} bytes; from ${SMALLEST} to ${MAX_DISK_BYTES} are allowed.`);
  return size!;
}

async function convert(
  request: ForeignDiskRequest,
  directory: string,
  format: DiskFormat,
  virtualSize: number,
): Promise<void> {
  let told = 0;
  const onStdout = (chunk: Buffer): void => {
    const percent = Math.floor(Number(/\((\d+)\.\d+\/100%\)\s*$/.exec(chunk.toString('latin1'))?.[1] ?? 0));
    if (percent < told + 5 && (percent < 100 || told === 100)) return;
    told = percent;
    request.report({ type: 'progress', text: `reading ${request.what}`, done: percent, total: 100 });
  };
  try {
    await confined(
      request,
      directory,
      ['qemu-img', 'convert', '-p', '-f', format, '-O', 'qcow2', 'foreign', 'disk.qcow2'],
      { memory: 4 * GIB, seconds: LONGEST_SECONDS, file: virtualSize + virtualSize / 8 + GIB },
      onStdout,
    );
  } catch (error) {
    request.signal.throwIfAborted();
    const said = sayings(error);
    if (saysDiskFull(said))
      throw new Error(diskFullMessage(`the disk was full while ${request.what} was read`), { cause: error });
    throw new ForeignDiskError(`${request.what} cannot be imported. Reading it failed: ${said}.`, {
      cause: error,
    });
  }
}

async function refuseWithoutBootRecord(request: ForeignDiskRequest, directory: string): Promise<void> {
  await confined(
    request,
    directory,
    ['qemu-img', 'dd', '-f', 'qcow2', '-O', 'raw', 'bs=512', 'count=1', 'if=disk.qcow2', 'of=sector'],
    { memory: GIB, seconds: INFO_SECONDS, file: GIB },
  );
  if (!isBootRecord(await readFile(join(directory, 'sector'))))
    throw new ForeignDiskError(
      `${request.what} cannot be imported. It has no boot record (no partition table): no machine would boot it.`,
    );
}

interface Limits {
  /** Maximum address space in bytes. */
  readonly memory: number;
  readonly seconds: number;
  /** Largest file that it may write, in bytes. */
  readonly file: number;
}

/**
 * Runs a program on an untrusted file. Names are relative to the directory, because that user cannot enter anything
 * above it.
 */
async function confined(
  { held, signal }: ForeignDiskRequest,
  directory: string,
  argv: readonly string[],
  limits: Limits,
  onStdout?: (chunk: Buffer) => void,
): Promise<string> {
  const mark = await held.record({ kind: 'process', what: argv.slice(0, 2).join(' ') });
  try {
    const { stdout } = await run(
      [
        'unshare',
        '--net',
        '--ipc',
        '--',
        'prlimit',
        `--as=${limits.memory}`,
        `--fsize=${Math.ceil(limits.file)}`,
        '--core=0',
        '--nofile=64',
        '--',
        'setpriv',
        `--reuid=${NOBODYS_ID}`,
        `--regid=${NOBODYS_ID}`,
        '--clear-groups',
        '--no-new-privs',
        '--bounding-set=-all',
        '--inh-caps=-all',
        '--',
        ...argv,
      ],
      {
        cwd: directory,
        timeoutMs: patient(limits.seconds * 1000),
        signal,
        env: { [HELD_MARK]: mark },
        onStdout,
      },
    );
    return stdout;
  } finally {
    await release(held, mark);
  }
}

/** A program's error message, without its own name. */
function sayings(error: unknown): string {
  if (!(error instanceof ProcessError)) return (error as Error).message;
  if (error.timedOut) return 'reading it took too long';
  const said = error.stderr
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^qemu-img: /, '')
    .slice(0, 300)
    .replace(/\.$/, '');
  return said || error.message;
}
