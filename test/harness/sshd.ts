/**
 * A real sshd on loopback, and an ssh that reaches it: of this host where it has them, else from Debian's packages,
 * unpacked and not installed.
 */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../src/platform/clock.ts';
import { findProgram } from '../../src/platform/files.ts';
import { freePort } from '../../src/platform/host.ts';
import { run, start } from './processes.ts';

/** A running sshd. */
export interface Sshd {
  readonly port: number;
  /** For `ssh -F`: its key, its host key. */
  readonly configFile: string;
  /** Added to PATH where this host has no ssh of its own. */
  readonly programs: string;
  /** Its files. */
  readonly directory: string;
  stop(): Promise<void>;
}

/**
 * Starts sshd.
 * @param command what every login runs, whatever it asks for: a line for a shell
 */
export async function startSshd(command: string): Promise<Sshd> {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-sshd-'));
  const root = join(directory, 'packages');
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const programs = join(root, 'usr/bin');
  if (findProgram('ssh') === undefined || findProgram('sshd') === undefined) {
    const packages = [
      'openssh-server',
      'libwrap0',
      ...(findProgram('ssh') === undefined ? ['openssh-client', 'libfido2-1', 'libedit2', 'libcbor0.8'] : []),
    ];
    const cwd = await made(root);
    const download = (): Promise<unknown> =>
      run(['apt-get', 'download', '-q', ...packages], { cwd, timeoutMs: 120_000 });
    await download().catch(async () => {
      // Without lists of packages, or with old ones.
      await run(['apt-get', 'update', '-q'], { timeoutMs: 300_000 });
      await download();
    });
    await run(['sh', '-ec', 'for each in *.deb; do dpkg -x "$each" .; done'], { cwd: root });
  }
  const sshd = findProgram('sshd') ?? join(root, 'usr/sbin/sshd');
  const keygen = findProgram('ssh-keygen') ?? join(programs, 'ssh-keygen');
  const env = { LD_LIBRARY_PATH: libraries };
  for (const name of ['host', 'user'])
    await run([keygen, '-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)], { env });
  const port = await freePort();
  await writeFile(join(directory, 'authorized'), await readFile(join(directory, 'user.pub')));
  await writeFile(
    join(directory, 'known'),
    `[127.0.0.1]:${port} ${await readFile(join(directory, 'host.pub'), 'utf8')}`,
  );
  await writeFile(
    join(directory, 'config'),
    `IdentityFile ${join(directory, 'user')}\nIdentitiesOnly yes\nUserKnownHostsFile ${join(directory, 'known')}\n`,
  );
  await writeFile(
    join(directory, 'sshd_config'),
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${join(directory, 'host')}\nAuthorizedKeysFile ` +
      `${join(directory, 'authorized')}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\nForceCommand ` +
      `${command}\n`,
  );
  // It wants a user and a folder of its own, which are there in its mount namespace only.
  await writeFile(
    join(directory, 'passwd'),
    (await readFile('/etc/passwd', 'utf8')).replace(/^sshd:.*\n/m, '') +
      'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n',
  );
  const server = await start(
    [
      'unshare',
      '--mount',
      '--',
      'sh',
      '-ec',
      'mount --bind "$1" /etc/passwd; mount -t tmpfs -o mode=755 none /run; mkdir -m 755 /run/sshd; shift; exec "$@"',
      'sh',
      join(directory, 'passwd'),
      sshd,
      '-D',
      '-e',
      '-f',
      join(directory, 'sshd_config'),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true },
  );
  let said = '';
  server.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4000);
  });
  let ended = false;
  void server.exited.then(() => {
    ended = true;
  });
  await until('sshd to listen', 20_000, () => {
    if (ended) throw new Error(`sshd ended: ${said}`);
    return /Server listening/.test(said) ? true : undefined;
  });
  return {
    port,
    configFile: join(directory, 'config'),
    programs,
    directory,
    async stop() {
      // All of its connections are in its session.
      try {
        process.kill(-server.pid, 'SIGKILL');
      } catch {
        return; // It has ended.
      }
      await server.exited;
    },
  };
}

async function made(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}
