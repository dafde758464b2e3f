/** `ingot gc`. */
import { signedJson } from '../platform/api-client.ts';
import { durationFault, durationSeconds } from '../resources/durations.ts';
import type { Collected } from '../storage/garbage.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { size } from './text.ts';

export const gc: Command = {
  usage: 'gc [OPTIONS]',
  about: `
Deletes what no image needs: cached layers, the output that failed images keep for RetryImage, and files without a
record. Images, base images, launched instances and running builds are not affected. Later builds may have to run
components again. With --host-cache, also the base images that this host keeps for all its data directories: the first
build in a new one then makes its base image again.`,
  options: {
    'older-than': {
      value: 'DURATION',
      help: 'keep cached layers used within this time and output of failed images made within it, such as 90m or 7d',
      default: 'delete all',
    },
    'host-cache': { help: 'also delete the base images that this host keeps for other data directories' },
    json: { help: 'print {"layers","files","bytes","cachedBaseImages"}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot gc --older-than 7d', 'ingot gc --host-cache'],
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const given = args.text('older-than');
  const olderThanSeconds = given === undefined ? 0 : durationSeconds(given);
  if (olderThanSeconds === undefined) throw new WrongUse(durationFault('--older-than', given!));
  const freed = await signedJson<Collected>(await connect(args), {
    method: 'POST',
    path: '/ingot/gc',
    body: { olderThanSeconds, hostCache: args.flag('host-cache') },
  });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(freed)}\n` : `${shown(freed)}\n`);
  return 0;
}

function shown({ layers, files, bytes, cachedBaseImages = 0 }: Collected): string {
  if (layers + files + cachedBaseImages === 0) return 'nothing to free';
  const parts = [
    ...(layers === 0 ? [] : [counted(layers, 'layer')]),
    ...(files === 0 ? [] : [`${counted(files, 'file')} that no record named`]),
    ...(cachedBaseImages === 0 ? [] : [`${counted(cachedBaseImages, 'base image')} kept for other data directories`]),
  ];
  return `freed ${size(bytes)}: ${parts.join(', ')}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
