import { findProgram } from '../../platform/files.ts';
import { run } from '../../platform/processes.ts';
import { readCliVersion } from '../aws-cli-version.ts';
import type { Check, Finding } from '../check.ts';

export const awsCli: Check = {
  name: 'AWS CLI',
  // `./ingot build` speaks to the API by itself.
  needed: false,
  async run({ signal }) {
    const program = findProgram('aws');
    if (program === undefined) return { status: 'warn', detail: 'not found on PATH; ./ingot build works without it', remedy: 'pipx install awscli' };
    const { stdout, stderr } = await run([program, '--version'], { signal, okCodes: 'any' });
    return cliVerdict(program, `${stdout}${stderr}`);
  },
};

/** @param output of `aws --version`. Pure. */
export function cliVerdict(program: string, output: string): Finding {
  const found = readCliVersion(output);
  if (found === undefined) return { status: 'warn', detail: `${program} --version says no version: if it is older than 1.29 (2.13), it needs --endpoint-url`, remedy: 'pipx install awscli' };
  if (!found.knowsEndpoints) return { status: 'warn', detail: `${program} is ${found.version}, older than 1.29 (2.13): it knows no endpoint variables and needs --endpoint-url`, remedy: 'pipx install awscli' };
  return { status: 'ok', detail: `${found.version} (${program}); ./ingot env points it here` };
}
