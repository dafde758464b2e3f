/** `ingot verify`. */
import { RequestRefused, signedJson } from '../platform/api-client.ts';
import type { Verified } from '../storage/verify.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';

const AMI_ID = /^ami-[0-9a-f]{8,17}$/;

export const verify: Command = {
  usage: 'verify [OPTIONS] AMI...',
  about: `
Checks that the disks of AMIs are intact. A copy in another Region is compared with its manifest (size and SHA-256). In
the home Region, the structure of each layer is checked. Exits with 1 if a disk is damaged.`,
  options: {
    json: { help: 'print one line per AMI: {"amiId","region","checked","sha256","faults"}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot verify ami-0123456789abcdef0'],
  positionals: ['AMI', 'AMI...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const wrong = args.positionals.find((id) => !AMI_ID.test(id));
  if (wrong !== undefined) throw new WrongUse(`invalid AMI ID '${wrong}': expected ami- and 17 hexadecimal digits`);
  const connection = await connect(args);
  let failed = false;
  for (const id of new Set(args.positionals)) {
    try {
      const verified = await signedJson<Verified>(connection, { method: 'GET', path: `/ingot/amis/${id}/verify` });
      process.stdout.write(args.flag('json') ? `${JSON.stringify(verified)}\n` : `${shown(verified)}\n`);
      failed ||= verified.faults.length > 0;
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      process.stderr.write(`ingot: ${error.message}\n`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}

function shown({ amiId, region, checked, sha256, faults }: Verified): string {
  const how =
    checked === 'manifest' ? `matches its manifest, SHA-256 ${sha256}` : 'the structure of its layers is sound';
  return `${amiId} in ${region}: ${faults.length === 0 ? how : `DAMAGED: ${faults.join('; ')}`}`;
}
