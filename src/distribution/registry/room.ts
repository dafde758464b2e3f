/**
 * Where skopeo works: as a separate user that sees nothing of the host but programs, with one login for one registry.
 * What a registry answers is untrusted.
 */
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lendLayout, type BlobDescriptor } from '../../images/container-blobs.ts';
import { dataPath } from '../../platform/data-layout.ts';
import { ProcessError, PROXY_VARIABLES, run } from '../../platform/processes.ts';
import { readScript } from '../../platform/scripts.ts';
import type { Report } from '../../resources/progress.ts';
import type { RegistryLogin } from './login.ts';

/** Where an image is pushed to, or pulled from. */
export interface PushTarget {
  /** `host/repository:tag` */
  readonly uri: string;
  /** Whether the registry uses plain HTTP, as the local one does. */
  readonly plain: boolean;
  /** The login, if the registry needs one. */
  readonly login?: RegistryLogin;
}

/** Progress reports, cancellation and time limit. */
export interface PushControl {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Time limit in milliseconds (default: two minutes, plus one second per MiB). */
  readonly timeoutMs?: number;
}

/** The registry failed. The message has its reason. */
class RoomError extends Error {
  override readonly name = 'PushError';
}

/** What skopeo does. */
export interface RoomWork<T> {
  /** Maximum bytes of a file that it writes. */
  readonly fileBytes?: number;
  /** Fills the directory that becomes `/given`, which is read-only. @param user the owner of files to read */
  readonly prepare: (given: string, user: number) => Promise<void>;
  /** Arguments of `skopeo copy`. @param login the file with the login, if there is one */
  readonly words: (login: string | undefined) => readonly string[];
  /** What came of it. @param folder has the directory `out`, which is untrusted */
  readonly result: (folder: string) => Promise<T>;
}

const OUTPUT_LIMIT = 4 << 20;
/** User that owns the files to push and nothing else on this host. */
const PUSHING_USER = 60_651;
/** Bytes: what skopeo writes when it pushes is small. */
const SMALL_FILE = 64 << 20;
const ROOM = readScript(import.meta.url, 'push-room.sh');

/**
 * Runs `skopeo copy`.
 * @throws {RoomError} with the registry's reason
 */
export async function inRoom<T>(
  dataDirectory: string,
  {
    uri,
    login,
    what,
    control,
  }: PushTarget & {
    readonly what: 'pushed' | 'pulled' | 'written';
    readonly control: Pick<PushControl, 'signal'> & { readonly timeoutMs: number };
  },
  work: RoomWork<T>,
): Promise<T> {
  const place = dataPath(dataDirectory, 'work');
  await mkdir(place, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(place, 'push-'));
  try {
    for (const name of ['root', 'given', 'out']) await mkdir(join(folder, name), { mode: 0o755 });
    await chown(join(folder, 'out'), PUSHING_USER, PUSHING_USER);
    // The umask may have closed it. Other users cannot reach it, because the data directory above is closed.
    await chmod(join(folder, 'given'), 0o755);
    await work.prepare(join(folder, 'given'), PUSHING_USER);
    if (login !== undefined) await writeLogin(join(folder, 'given/auth.json'), uri, login);
    const words = work.words(login === undefined ? undefined : '/given/auth.json');
    const command = ['skopeo', '--insecure-policy', 'copy', '--retry-times', '2', ...words];
    await run(inPushRoom(folder, command, work.fileBytes), {
      cwd: folder,
      signal: control.signal,
      inherit: PROXY_VARIABLES,
      maxOutput: OUTPUT_LIMIT,
      timeoutMs: control.timeoutMs,
      env: { TMPDIR: '/tmp', HOME: '/tmp' },
    });
    return await work.result(folder);
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    const why = error.timedOut ? 'the registry took too long' : reasonOf(error.stderr || error.message, login);
    // Without its cause: that has the whole output, which may hold what the registry was asked with.
    throw new RoomError(`${uri} could not be ${what}: ${why}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Gives skopeo an image of the data directory to read: the layout `layout` in its working directory. */
export async function lentLayout(
  dataDirectory: string,
  given: string,
  image: BlobDescriptor,
  user: number,
): Promise<void> {
  await lendLayout(dataDirectory, join(given, 'layout'), image, user);
  for (const name of ['layout', 'layout/blobs', 'layout/blobs/sha256']) await chmod(join(given, name), 0o755);
}

/**
 * Wraps a command so that it runs as a separate user, without capabilities, and sees only the host's programs and
 * network. Pure.
 * @param folder has the directories `root` (empty), `given` (read-only, the working directory) and `out` (writable)
 * @param fileBytes maximum bytes of a file that it writes
 */
export function inPushRoom(folder: string, argv: readonly string[], fileBytes = SMALL_FILE): string[] {
  return [
    // It ends with the process that started it, even if that one is killed.
    ...['setpriv', '--pdeathsig', 'KILL', '--'],
    ...['unshare', '--mount', '--propagation', 'private', '--ipc', '--uts', '--pid', '--fork', '--kill-child', '--'],
    ...['/bin/sh', '-c', ROOM, 'sh', join(folder, 'root'), join(folder, 'given'), join(folder, 'out')],
    ...[String(PUSHING_USER), String(fileBytes)],
    ...argv,
  ];
}

async function writeLogin(path: string, uri: string, { user, password }: RegistryLogin): Promise<void> {
  const host = uri.slice(0, uri.indexOf('/'));
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  await writeFile(path, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o400 });
  await chown(path, PUSHING_USER, PUSHING_USER);
}

/** The last message of skopeo, without its log format and without the password. Pure. */
function reasonOf(output: string, login: RegistryLogin | undefined): string {
  const line = output.trim().split('\n').at(-1) ?? '';
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line;
  return withoutPassword(message, login).slice(0, 600);
}

function withoutPassword(text: string, login: RegistryLogin | undefined): string {
  if (login === undefined) return text;
  const pair = Buffer.from(`${login.user}:${login.password}`).toString('base64');
  return [pair, login.password, encodeURIComponent(login.password), JSON.stringify(login.password).slice(1, -1)]
    .filter((each) => each !== '')
    .reduce((rest, each) => rest.replaceAll(each, '***'), text);
}
