/** Runs mmdebstrap, which installs Debian's packages into a directory or an archive. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELD_MARK, release, type HeldRecorder } from '../../platform/held.ts';
import { APT_VARIABLES, ProcessError, run } from '../../platform/processes.ts';
import type { Report } from '../../resources/progress.ts';
import { debianSources, explainFailure, packageProgress, type DebianMirrors } from './debian-packages.ts';

/** Runs a program whose disk writes need no fsync. */
const NO_SYNC = fileURLToPath(new URL('debian-no-sync.pl', import.meta.url));
export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What to install from, and where. */
export interface MmdebstrapRequest {
  /** An existing directory for this run only. */
  readonly workDirectory: string;
  readonly suite: 'bookworm' | 'trixie';
  readonly mirrors: DebianMirrors;
  readonly held: HeldRecorder;
  readonly report: Report;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs packages.
 * @param options of mmdebstrap, besides the common ones
 * @param target the directory or file, as the option `--format` says
 * @throws {Error} with a message for the user
 */
export async function runMmdebstrap(
  { workDirectory, suite, mirrors, held, report, signal }: MmdebstrapRequest,
  options: readonly string[],
  target: string,
): Promise<void> {
  const proxy = await proxyOptions(join(workDirectory, 'apt.conf'));
  const progress = packageProgress(report);
  const id = await held.record({ kind: 'process', what: 'mmdebstrap' });
  report({
    type: 'log',
    text: `fetching the packages of Debian ${suite} from ${new URL(mirrors.main).host || mirrors.main}`,
  });
  try {
    await run(
      [
        // In separate namespaces, so that its mounts and children end with it, however it ends. The mount namespace is
        // a slave: a private copy of a container's disk that is mounted on the host now would keep it busy there.
        'unshare',
        '--mount',
        '--propagation',
        'slave',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        'perl',
        NO_SYNC,
        'mmdebstrap',
        '--mode=root',
        '--architectures=amd64',
        '--verbose',
        `--keyring=${KEYRING}`,
        ...proxy.map((file) => `--aptopt=${file}`),
        ...options,
        suite,
        target,
        '-',
      ],
      {
        cwd: workDirectory,
        files: 'open',
        input: debianSources(suite, mirrors),
        // Maintainer scripts see these variables, but not TMPDIR; a killed mmdebstrap leaves files there.
        inherit: APT_VARIABLES,
        env: { [HELD_MARK]: id, DEBIAN_FRONTEND: 'noninteractive', TMPDIR: workDirectory },
        onStdout: progress.output,
        onStderr: progress.output,
        signal,
      },
    );
  } catch (error) {
    if (error instanceof ProcessError) throw explainFailure(progress.tail(), mirrors, error);
    throw error;
  } finally {
    await release(held, id);
  }
}

/** The proxy of this host's own apt, as a file for mmdebstrap: every user could read a password in an argument. */
async function proxyOptions(file: string): Promise<readonly string[]> {
  const { stdout, code } = await run(
    ['apt-config', 'dump', '--format', '%f "%v";%n', 'Acquire::http::Proxy', 'Acquire::https::Proxy'],
    { okCodes: 'any', inherit: APT_VARIABLES },
  );
  const lines = stdout.split('\n').filter((line) => /^Acquire::https?::Proxy\S* "[^"]+";$/.test(line));
  if (code !== 0 || lines.length === 0) return [];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return [file];
}
