/** Runs all checks of this host for the command line. */
import { APT_VARIABLES, run } from '../platform/processes.ts';
import { runChecks, type CheckResult } from './check.ts';
import { checks } from './checks.ts';
import { askMirror, type MirrorAnswer } from './mirror.ts';
import { isThere, LAUNCHER, neededPackages } from './packages.ts';
import { sweepWorkspaces } from '../instances/workspace.ts';

/** Environment variables of the launcher, apt and npm for the installation. */
const INSTALL_VARIABLES = [
  ...APT_VARIABLES,
  'DEBIAN_*',
  'NEEDRESTART_*',
  'npm_config_*',
  'NPM_CONFIG_*',
  'NODE_EXTRA_CA_CERTS',
  'SUDO_ASKPASS',
  'TERM',
];

/** Options of the doctor. */
export interface ExamineRequest {
  /** Absolute; need not exist yet. */
  readonly dataDirectory: string;
  readonly signal: AbortSignal;
}

/** Runs all checks; each result comes as soon as it and those before it are known. */
export async function* examineHost({ dataDirectory, signal }: ExamineRequest): AsyncGenerator<CheckResult> {
  if (process.getuid?.() === 0) await sweepWorkspaces();
  let asked: Promise<MirrorAnswer> | undefined;
  yield* runChecks(checks, {
    dataDirectory,
    env: process.env,
    signal,
    mirror: () => (asked ??= askMirror(process.env, signal)),
  });
}

/** Names of Debian packages that this host lacks. */
export async function missingPackages(): Promise<readonly string[]> {
  return (await neededPackages()).filter((each) => !isThere(each)).map(({ name }) => name);
}

/**
 * Installs the Debian packages that this host lacks, as `./ingot` does before a build.
 * @param onOutput receives the output
 * @returns whether it succeeded
 */
export async function installPackages(onOutput: (chunk: Buffer) => void, signal: AbortSignal): Promise<boolean> {
  const { code } = await run([LAUNCHER, 'install'], {
    inherit: INSTALL_VARIABLES,
    okCodes: 'any',
    signal,
    onStdout: onOutput,
    onStderr: onOutput,
  });
  return code === 0;
}
