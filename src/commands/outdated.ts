/** `ingot outdated`. */
import type { ToldUpdates } from '../api/ingot/outdated.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { resolveName } from './short-names.ts';
import { plainLine, table } from './text.ts';

export const outdated: Command = {
  usage: 'outdated [OPTIONS] IMAGE',
  about: `
Lists the packages of an image that have newer versions in the archives of its distribution, without booting it. IMAGE
is an ARN or NAME[/VERSION[/BUILD]]. Images of Debian, Amazon Linux 2023, Rocky Linux, AlmaLinux and CentOS Stream.`,
  options: {
    security: { help: 'only packages with security updates' },
    json: { help: 'print {"image","updates":[{"name","installed","available",…}]}' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'nothing is outdated', 1: 'failed, or something is outdated', 2: 'usage error' },
  examples: ['ingot outdated web', 'ingot outdated web/1.0.0/3 --security'],
  positionals: ['IMAGE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const arn = await resolveName(() => connect(args), args.positionals[0]!, { types: ['image'], what: 'image' });
  const told = await signedJson<ToldUpdates>(await connect(args), {
    method: 'GET',
    path: `/ingot/images/${encodeURIComponent(arn)}/updates`,
  });
  const updates = args.flag('security') ? told.updates.filter(({ security }) => security) : told.updates;
  if (args.flag('json')) process.stdout.write(`${JSON.stringify({ ...told, updates })}\n`);
  else process.stdout.write(updatesText({ ...told, updates }));
  return updates.length === 0 ? 0 : 1;
}

/** Updates for people. */
export function updatesText({ image, updates }: ToldUpdates): string {
  const name = image.replace(/^.*:image\//, '');
  if (updates.length === 0) return `${name}: nothing is outdated\n`;
  const rows = updates.map((each) => [
    plainLine(each.name),
    plainLine(each.installed),
    plainLine(each.available),
    `${each.suite}${each.security && !each.suite.endsWith('-security') ? ' (security)' : ''}`,
  ]);
  const security = updates.filter((each) => each.security).length;
  const sum = `${name}: ${updates.length} packages are outdated, ${security} with security updates\n`;
  return `${table([['PACKAGE', 'INSTALLED', 'AVAILABLE', 'FROM'], ...rows])}${sum}`;
}
