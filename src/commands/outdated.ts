/** `ingot outdated`. */
import type { ToldUpdates } from '../api/ingot/outdated.ts';
import { imagebuilderClient, RequestRefused, signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { latestAvailable } from './images.ts';
import { resolveName } from './short-names.ts';
import { plainLine, table } from './text.ts';

export const outdated: Command = {
  usage: 'outdated [OPTIONS] [IMAGE]',
  about: `
Lists the packages of an image that have newer versions in the archives of its distribution, without booting it. IMAGE
is an ARN or NAME[/VERSION[/BUILD]] (default: the newest available build of each image). Images of Debian, Amazon Linux
2023, Rocky Linux, AlmaLinux and CentOS Stream.`,
  options: {
    security: { help: 'only packages with security updates' },
    json: { help: 'print {"image","updates":[{"name","installed","available",…}]}' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'nothing is outdated', 1: 'failed, or something is outdated', 2: 'usage error' },
  examples: ['ingot outdated', 'ingot outdated web', 'ingot outdated web/1.0.0/3 --security'],
  positionals: ['IMAGE?'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const connection = await connect(args);
  const given = args.positionals[0];
  const arns =
    given === undefined
      ? await latestAvailable(imagebuilderClient(connection))
      : [await resolveName(async () => connection, given, { types: ['image'], what: 'image' })];
  let outdatedImages = 0;
  for (const arn of arns) {
    const told = await signedJson<ToldUpdates>(connection, {
      method: 'GET',
      path: `/ingot/images/${encodeURIComponent(arn)}/updates`,
    }).catch((error: unknown) => {
      // One of several images whose system is not known hides nothing of the others.
      if (given !== undefined || !(error instanceof RequestRefused)) throw error;
      process.stderr.write(`${nameOf(arn)}: ${plainLine(error.message)}\n`);
      return undefined;
    });
    if (told === undefined) continue;
    const updates = args.flag('security') ? told.updates.filter(({ security }) => security) : told.updates;
    if (args.flag('json')) process.stdout.write(`${JSON.stringify({ ...told, updates })}\n`);
    else process.stdout.write(updatesText({ ...told, updates }));
    if (updates.length > 0) outdatedImages++;
  }
  if (arns.length === 0 && !args.flag('json')) process.stdout.write('no images\n');
  return outdatedImages === 0 ? 0 : 1;
}

function nameOf(arn: string): string {
  return arn.replace(/^.*:image\//, '');
}

/** Updates for people. */
export function updatesText({ image, updates }: ToldUpdates): string {
  const name = nameOf(image);
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
