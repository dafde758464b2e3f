import { readFile } from 'node:fs/promises';
import { findProgram } from '../../platform/files.ts';
import { run } from '../../platform/processes.ts';
import { PYTHON_VARIABLES, readCliVersion } from '../aws-cli-version.ts';
import type { Check, Finding } from '../check.ts';
import { INGOT } from '../../platform/own-program.ts';

export const awsCli: Check = {
  name: 'AWS CLI',
  // `./ingot build` uses the API without the AWS CLI.
  needed: false,
  async run({ signal }) {
    const program = findProgram('aws');
    const remedy = installCli(await readFile('/etc/os-release', 'utf8').catch(() => ''));
    if (program === undefined)
      return { status: 'warn', detail: `not found on PATH; ${INGOT} build works without it`, remedy };
    const { stdout, stderr } = await run([program, '--version'], { inherit: PYTHON_VARIABLES, signal, okCodes: 'any' });
    return cliVerdict(program, `${stdout}${stderr}`, remedy);
  },
};

/**
 * The command that installs a new enough CLI: Debian 12's own package is too old. Pure.
 * @param osRelease content of `/etc/os-release`
 */
export function installCli(osRelease: string): string {
  const [, version] = /^ID=debian$/m.test(osRelease) ? (/^VERSION_ID="?(\d+)/m.exec(osRelease) ?? []) : [];
  if (Number(version ?? 0) >= 13) return 'apt-get install -y awscli';
  return 'apt-get install -y pipx && PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install awscli';
}

/** @param output of `aws --version`. Pure. */
export function cliVerdict(program: string, output: string, remedy: string): Finding {
  const found = readCliVersion(output);
  if (found === undefined)
    return {
      status: 'warn',
      detail: `${program} --version printed no version: if it is older than 1.29 (2.13), it needs --endpoint-url`,
      remedy,
    };
  if (!found.knowsEndpoints)
    return {
      status: 'warn',
      detail:
        `${program} is ${found.version}, older than 1.29 (2.13): it does not support endpoint variables and needs ` +
        '--endpoint-url',
      remedy,
    };
  return { status: 'ok', detail: `${found.version} (${program}); ${INGOT} env points it here` };
}
