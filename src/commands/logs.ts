/** `ingot logs`. */
import type { ProgressRecord } from '../resources/progress.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { isInstanceId, type Arguments, type Command } from './command.ts';
import { printConsole } from './console.ts';
import { followImage } from './follow.ts';
import { DEBUG_OPTION } from './terminal/mode.ts';
import { resolveName } from './short-names.ts';
import { plainLines } from './terminal/plain.ts';

export const logs: Command = {
  usage: 'logs [OPTIONS] IMAGE|INSTANCE-ID',
  about: `
Shows the log of an image build version. IMAGE is NAME[/VERSION[/BUILD]] or an ARN; \`ingot images\` lists them. NAME
alone means the newest build of the highest version. For an instance, shows its console: the output of a launched
container's program.`,
  options: {
    follow: { short: 'f', help: 'keep printing until the build ends, or the instance terminates' },
    debug: DEBUG_OPTION,
    json: { help: 'print the records as JSON lines' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot logs nginx', 'ingot logs nginx/1.0.0/1 --follow'],
  positionals: ['IMAGE|INSTANCE-ID'],
  run,
};

async function run(args: Arguments): Promise<number> {
  if (isInstanceId(args.positionals[0]!)) return printConsole(args);
  const arn = await resolveName(() => connect(args), args.positionals[0]!, {
    types: ['image'],
    what: 'image',
    arns: {
      fits: ({ type, build }) => type === 'image' && build !== undefined,
      expected: 'a build version, …:image/NAME/VERSION/BUILD',
    },
  });
  const json = args.flag('json');
  const options = { follow: args.flag('follow'), signal: new AbortController().signal, reconnect: () => connect(args) };
  const linesOf = json ? (record: ProgressRecord) => [JSON.stringify(record)] : plainLines(args.flag('debug'));
  for await (const record of followImage(await connect(args), arn, options))
    for (const line of linesOf(record)) process.stdout.write(`${line}\n`);
  return 0;
}
