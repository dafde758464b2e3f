/** `ingot logs`. */
import type { ProgressRecord } from '../resources/progress.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { followImage } from './follow.ts';
import { DEBUG_OPTION } from './terminal/mode.ts';
import { plainLines } from './terminal/plain.ts';

export const logs: Command = {
  usage: 'logs [OPTIONS] IMAGE-ARN',
  about: 'Shows the log of an image build version.',
  options: {
    follow: { short: 'f', help: 'keep printing until the build ends' },
    debug: DEBUG_OPTION,
    json: { help: 'print the records as JSON lines' },
    ...CLIENT_OPTIONS,
  },
  examples: ['arn=arn:aws:imagebuilder:us-east-1:123456789012:image/nginx/1.0.0/1', 'ingot logs $arn --follow'],
  positionals: ['IMAGE-ARN'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const arn = args.positionals[0]!;
  if (!/^arn:[^:]+:imagebuilder:[^:]+:[^:]+:image\/[^/]+\/[^/]+\/\d+$/.test(arn))
    throw new WrongUse(`invalid ARN '${arn}': expected a build version, …:image/NAME/VERSION/BUILD`);
  const json = args.flag('json');
  const options = { follow: args.flag('follow'), signal: new AbortController().signal, reconnect: () => connect(args) };
  const linesOf = json ? (record: ProgressRecord) => [JSON.stringify(record)] : plainLines(args.flag('debug'));
  for await (const record of followImage(await connect(args), arn, options))
    for (const line of linesOf(record)) process.stdout.write(`${line}\n`);
  return 0;
}
