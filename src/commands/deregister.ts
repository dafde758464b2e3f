/** `ingot deregister`. */
import { RequestRefused, signedJson } from '../platform/api-client.ts';
import type { Deregistered } from '../storage/storage.ts';
import { CLIENT_HELP, CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { size } from './text.ts';

export const deregister: Command = {
  usage: 'deregister AMI... [--region REGION] [--json] [--data DIR]',
  help: `
Deregisters AMIs and frees their disks as far as nothing else refers to them: layers that other images share stay, and so does a disk
that an instance runs on, until that ends. The record of the image stays. An AMI's copies in other Regions are AMIs of their own.

  --json           one line for each: {"amiId","region","layers","bytes","keptBy"}
${CLIENT_HELP.replace('the Region (else AWS_REGION, else us-east-1)', 'only when it is in this Region')}

Example:
  ingot deregister ami-0123456789abcdef0`,
  options: { ...CLIENT_OPTIONS, json: { type: 'boolean' } },
  positionals: ['AMI', 'AMI...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const ids = [...new Set(args.positionals)];
  for (const id of ids)
    if (!/^ami-[0-9a-f]{8,17}$/.test(id))
      throw new WrongUse(`'${id}' is not an AMI's id: ami- and 17 digits, as \`ingot df\` lists them`);
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
  return `${amiId} deregistered in ${region}, ${freed}${keptBy.length === 0 ? '' : `: its disk is still needed by ${keptBy.join(', ')}`}`;
}
