/** `ingot console`. */
import { signedRequest } from '../platform/api-client.ts';
import { CLIENT_HELP, CLIENT_OPTIONS, connect } from './client.ts';
import { instanceIdOf, type Arguments, type Command } from './command.ts';
import { plainLine } from './text.ts';

export const console: Command = {
  usage: 'console INSTANCE-ID [--follow] [--data DIR]',
  help: `
Shows what a launched instance printed on its serial console. On a terminal, escape sequences are left out.

  --follow, -f     go on until the instance has ended
${CLIENT_HELP}

Example:
  ingot console i-0123456789abcdef0`,
  options: { ...CLIENT_OPTIONS, follow: { type: 'boolean', short: 'f' } },
  positionals: ['INSTANCE-ID'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const id = instanceIdOf(args.positionals[0]!);
  const answer = await signedRequest(await connect(args), {
    method: 'GET',
    path: `/ingot/instances/${id}/console`,
    query: { follow: String(args.flag('follow')) },
  });
  if (!process.stdout.isTTY) {
    for await (const chunk of answer) process.stdout.write(chunk as Buffer);
    return 0;
  }
  // What a machine prints is a stranger's text: a terminal must not obey it.
  answer.setEncoding('utf8');
  let rest = '';
  for await (const chunk of answer) {
    const lines = `${rest}${chunk as string}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) process.stdout.write(`${plainLine(line)}\n`);
  }
  if (rest !== '') process.stdout.write(`${plainLine(rest)}\n`);
  return 0;
}
