/**
 * Pushes container images to registries with skopeo: manifests keep their digests, and blobs that the registry has are
 * skipped. The registry's answers are untrusted, so skopeo runs as a separate user that sees nothing of the host but
 * programs.
 */
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lendLayout, type BlobDescriptor, type StoredManifest } from '../../images/container-blobs.ts';
import { dataPath } from '../../platform/data-layout.ts';
import { patient } from '../../platform/patience.ts';
import { ProcessError, PROXY_VARIABLES, run } from '../../platform/processes.ts';
import { readScript } from '../../platform/scripts.ts';
import type { Report } from '../../resources/progress.ts';
import type { RegistryLogin } from './login.ts';

/** Where an image is pushed to. */
export interface PushTarget {
  /** `host/repository:tag` */
  readonly uri: string;
  /** Whether the registry uses plain HTTP, as the local one does. */
  readonly plain: boolean;
  /** The login, if the registry needs one. */
  readonly login?: RegistryLogin;
}

/** Progress reports, cancellation and time limit of a push. */
export interface PushControl {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Time limit in milliseconds (default: two minutes, plus one second per MiB). */
  readonly timeoutMs?: number;
}

/** The push failed. The message has the registry's reason. */
class PushError extends Error {
  override readonly name = 'PushError';
}

const OUTPUT_LIMIT = 4 << 20;
/** User that owns the files to push and nothing else on this host. */
const PUSHING_USER = 60_651;
const ROOM = readScript(import.meta.url, 'push-room.sh');

/**
 * Pushes an image of the data directory to a registry. A repeated push sends only what is missing there.
 * @returns the digest in the registry
 * @throws {PushError} with the registry's reason
 */
export async function pushImage(
  dataDirectory: string,
  image: BlobDescriptor,
  target: PushTarget,
  { report, signal, timeoutMs }: PushControl,
): Promise<string> {
  const { uri, login } = target;
  const work = dataPath(dataDirectory, 'work');
  await mkdir(work, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(work, 'push-'));
  try {
    for (const name of ['root', 'given', 'out']) await mkdir(join(folder, name), { mode: 0o755 });
    await chown(join(folder, 'out'), PUSHING_USER, PUSHING_USER);
    // The umask may have closed it. Other users cannot reach it, because the data directory above is closed.
    await chmod(join(folder, 'given'), 0o755);
    const manifest = await lendLayout(dataDirectory, join(folder, 'given/layout'), image, PUSHING_USER);
    for (const name of ['layout', 'layout/blobs', 'layout/blobs/sha256'])
      await chmod(join(folder, 'given', name), 0o755);
    if (login !== undefined) await writeLogin(join(folder, 'given/auth.json'), uri, login);
    await run(pushArguments(folder, target), {
      cwd: folder,
      signal,
      inherit: PROXY_VARIABLES,
      maxOutput: OUTPUT_LIMIT,
      timeoutMs: timeoutMs ?? patient(timeFor(manifest)),
      env: { TMPDIR: '/tmp', HOME: '/tmp' },
    });
    const digest = (await readFile(join(folder, 'out/digest'), 'utf8')).trim();
    report({ type: 'log', level: 'debug', text: `${uri} is ${digest}` });
    return digest;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    const why = error.timedOut ? 'the registry took too long' : reasonOf(error.stderr || error.message, login);
    // Without a `cause`: that has the whole output, which may contain the credentials.
    throw new PushError(`${uri} could not be pushed: ${why}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The arguments of skopeo. Pure. */
function pushArguments(folder: string, { uri, plain, login }: PushTarget): string[] {
  return inPushRoom(folder, [
    ...['skopeo', '--insecure-policy', 'copy', '--preserve-digests', '--retry-times', '2'],
    `--dest-tls-verify=${!plain}`,
    ...(login === undefined ? [] : ['--dest-authfile', '/given/auth.json']),
    ...['--digestfile', '/out/digest', 'oci:layout', `docker://${uri}`],
  ]);
}

/**
 * Wraps a command so that it runs as a separate user, without capabilities, and sees only the host's programs and
 * network. Pure.
 * @param folder has the directories `root` (empty), `given` (read-only, the working directory) and `out` (writable)
 */
export function inPushRoom(folder: string, argv: readonly string[]): string[] {
  return [
    // It ends with the process that started it, even if that one is killed.
    ...['setpriv', '--pdeathsig', 'KILL', '--'],
    ...['unshare', '--mount', '--propagation', 'private', '--ipc', '--uts', '--pid', '--fork', '--kill-child', '--'],
    ...['/bin/sh', '-c', ROOM, 'sh', join(folder, 'root'), join(folder, 'given'), join(folder, 'out')],
    String(PUSHING_USER),
    ...argv,
  ];
}

async function writeLogin(path: string, uri: string, { user, password }: RegistryLogin): Promise<void> {
  const host = uri.slice(0, uri.indexOf('/'));
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  await writeFile(path, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o400 });
  await chown(path, PUSHING_USER, PUSHING_USER);
}

function timeFor({ layers }: StoredManifest): number {
  const mebibytes = layers.reduce((sum, { size }) => sum + size, 0) / 2 ** 20;
  return 120_000 + mebibytes * 1000;
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
