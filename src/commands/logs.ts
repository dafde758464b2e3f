/** `ingot logs`. */
import { CLIENT_HELP, CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { followImage } from './follow.ts';
import { plainRecord } from './terminal/plain.ts';

export const logs: Command = {
  usage: 'logs IMAGE-ARN [--follow] [--json] [--data DIR]',
  help: `
Shows the log of an image's build version.

  --follow, -f     go on until the build has ended
  --json           the records as they are, one a line
${CLIENT_HELP}

Example:
  ingot logs arn:aws:imagebuilder:us-east-1:123456789012:image/nginx/1.0.0/1 --follow`,
  options: { ...CLIENT_OPTIONS, follow: { type: 'boolean', short: 'f' }, json: { type: 'boolean' } },
  positionals: ['IMAGE-ARN'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const arn = args.positionals[0]!;
  if (!/^arn:[^:]+:imagebuilder:[^:]+:[^:]+:image\/[^/]+\/[^/]+\/\d+$/.test(arn))
    throw new WrongUse(`'${arn}' is not the ARN of a build version: …:image/NAME/VERSION/BUILD`);
  const json = args.flag('json');
  const options = { follow: args.flag('follow'), signal: new AbortController().signal, reconnect: () => connect(args) };
  for await (const record of followImage(await connect(args), arn, options)) {
    const line = json ? JSON.stringify(record) : plainRecord(record);
    if (line !== undefined) process.stdout.write(`${line}\n`);
  }
  return 0;
}
