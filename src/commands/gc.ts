/** `ingot gc`. */
import { signedJson } from '../platform/api-client.ts';
import type { Collected } from '../pipelines/garbage.ts';
import { ageSeconds } from '../workflows/planning/cache-policy.ts';
import { CLIENT_HELP, CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { size } from './text.ts';

export const gc: Command = {
  usage: 'gc [--older-than AGE] [--json] [--data DIR]',
  help: `
Frees what nothing refers to: layers that only later builds would use, what failed images keep for RetryImage, and files that no record
names. Images, base images, launched instances and builds that run lose nothing; builds that come may have to run components again.

  --older-than AGE  keeps layers of components that were used within it, and what failed images made within it: 90m, 24h, 7d
  --json            {"layers","files","bytes"}
${CLIENT_HELP}

Example:
  ingot gc --older-than 7d`,
  options: { ...CLIENT_OPTIONS, 'older-than': { type: 'string' }, json: { type: 'boolean' } },
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const given = args.text('older-than');
  const olderThanSeconds = given === undefined ? 0 : ageSeconds(given);
  if (olderThanSeconds === undefined)
    throw new WrongUse(`--older-than takes an age such as 90m, 24h or 7d, not '${given}'`);
  const freed = await signedJson<Collected>(await connect(args), {
    method: 'POST',
    path: '/ingot/gc',
    body: { olderThanSeconds },
  });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(freed)}\n` : `${shown(freed)}\n`);
  return 0;
}

function shown({ layers, files, bytes }: Collected): string {
  if (layers + files === 0) return 'nothing to free';
  const parts = [
    ...(layers === 0 ? [] : [counted(layers, 'layer')]),
    ...(files === 0 ? [] : [`${counted(files, 'file')} that no record named`]),
  ];
  return `freed ${size(bytes)}: ${parts.join(', ')}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
