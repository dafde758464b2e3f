/** `ingot publish`. */
import { signedJson } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { plainLine } from './text.ts';

const AMI_ID = /^ami-[0-9a-f]{8,17}$/;
const LOOK_MS = 1000;

interface Copy {
  readonly amiId: string;
  readonly region: string;
  readonly state: 'pending' | 'available' | 'disabled' | 'failed' | 'deregistered';
  readonly reason?: string;
}

export const publishAmi: Command = {
  usage: 'publish [OPTIONS] AMI',
  about: `
Publishes an AMI to a Region of AWS: sends the blocks of its disk that hold data, and that changed since the last
version, and registers an AMI there. Prints the ID of that AMI. \`regions\` of config.yaml names the Region with
\`store: ec2\`.`,
  options: {
    to: { value: 'aws:REGION', help: 'Region of AWS to publish to' },
    json: { help: 'print {"amiId","region"}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot publish ami-0123456789abcdef0 --to aws:us-east-1'],
  positionals: ['AMI'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const ami = args.positionals[0]!;
  if (!AMI_ID.test(ami)) throw new WrongUse(`invalid AMI ID '${ami}': expected ami- and 17 hexadecimal digits`);
  const to = args.text('to');
  const region = /^aws:([a-z][a-z0-9-]*)$/.exec(to ?? '')?.[1];
  if (region === undefined)
    throw new WrongUse(`invalid value '${to ?? ''}' for --to: expected aws: and a Region, such as aws:us-east-1`);
  const connection = await connect(args);
  const { amiId } = await signedJson<{ amiId: string }>(connection, {
    method: 'POST',
    path: `/ingot/amis/${ami}/publish`,
    body: { region },
  });
  for (;;) {
    const copy = await signedJson<Copy>(connection, { method: 'GET', path: `/ingot/amis/${amiId}/copy` });
    if (copy.state === 'failed')
      throw new CommandFailed(`${ami} was not published to ${region}: ${plainLine(copy.reason ?? 'see the log')}`);
    if (copy.state !== 'pending') {
      const { amiId: id } = copy;
      process.stdout.write(args.flag('json') ? `${JSON.stringify({ amiId: id, region })}\n` : `${id} in ${region}\n`);
      return 0;
    }
    await sleep(LOOK_MS);
  }
}
