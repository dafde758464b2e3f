/** `ingot console`. */
import { signedRequest } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { instanceIdOf, type Arguments, type Command } from './command.ts';
import { plainLine } from './text.ts';

export const console: Command = {
  usage: 'console [OPTIONS] INSTANCE-ID',
  about: `
Shows the serial console output of a launched instance. Escape sequences are removed when stdout is a terminal.`,
  options: {
    follow: { short: 'f', help: 'keep printing until the instance terminates' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot console i-0123456789abcdef0'],
  positionals: ['INSTANCE-ID'],
  run: printConsole,
};

/** Prints the console of the instance in the arguments; `--follow` until it terminates. */
export async function printConsole(args: Arguments): Promise<number> {
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
  // A machine's output is untrusted: it must not control the terminal.
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
