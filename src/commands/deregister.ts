/** `ingot deregister`. */
import { RequestRefused, signedJson } from '../platform/api-client.ts';
import type { Deregistered } from '../storage/storage.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { size } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const deregister: Command = {
  usage: 'deregister [OPTIONS] AMI...',
  about: `
Deregisters AMIs and deletes their disks. Layers that other images share are kept. The disk of a running instance is
deleted when the instance terminates. The image's record is kept. Copies in other Regions are separate AMIs.`,
  options: {
    json: { help: 'print one line per AMI: {"amiId","region","layers","bytes","keptBy"}' },
    ...CLIENT_OPTIONS,
    region: { value: 'REGION', help: 'deregister only AMIs in this Region', default: 'any Region' },
  },
  examples: ['ingot deregister ami-0123456789abcdef0'],
  positionals: ['AMI', 'AMI...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const ids = [...new Set(args.positionals)];
  for (const id of ids)
    if (!/^ami-[0-9a-f]{8,17}$/.test(id))
      throw new WrongUse(`invalid AMI ID '${id}': expected ami- and 17 hexadecimal digits; \`${INGOT} df\` lists them`);
  const connection = await connect(args);
  const region = args.text('region');
  let failed = false;
  for (const id of ids) {
    try {
      const done = await signedJson<Deregistered>(connection, {
        method: 'DELETE',
        path: `/ingot/amis/${id}`,
        ...(region === undefined ? {} : { query: { region } }),
      });
      process.stdout.write(args.flag('json') ? `${JSON.stringify(done)}\n` : `${shown(done)}\n`);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      process.stderr.write(`ingot: ${error.message}\n`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}

/** How it ended, as a line for people. */
export function shown({ amiId, region, layers, bytes, keptBy }: Deregistered): string {
  const freed = layers === 0 ? 'nothing could be freed yet' : `${size(bytes)} freed`;
  return (
    `${amiId} deregistered in ${region}, ` +
    `${freed}${keptBy.length === 0 ? '' : `: its disk is still needed by ${keptBy.join(', ')}`}`
  );
}
