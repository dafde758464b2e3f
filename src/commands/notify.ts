/** `ingot notify`. */
import type { TestAnswer } from '../events/testing.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { plainLine, table } from './text.ts';

export const notify: Command = {
  usage: 'notify test [OPTIONS] RECEIVER',
  about: `
Sends one event of each kind to a receiver of config.yaml, at once and without retries, and shows what it answered. A
receiver that accepts all of them and was paused gets events again.`,
  verbs: { test: 'send one event of each kind' },
  options: { json: { help: 'print one JSON object' }, ...CLIENT_OPTIONS },
  exitCodes: { '0': 'the receiver accepted all events', '1': 'it did not' },
  examples: ['ingot notify test chat'],
  positionals: ['VERB', 'RECEIVER'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [verb, receiver] = args.positionals as [string, string];
  if (verb !== 'test') throw new WrongUse(`unknown subcommand '${verb}'; expected test`);
  const answer = await signedJson<{ readonly type: string; readonly answers: readonly TestAnswer[] }>(
    await connect(args),
    { method: 'POST', path: `/ingot/receivers/${encodeURIComponent(receiver)}/test` },
  );
  process.stdout.write(args.flag('json') ? `${JSON.stringify(answer)}\n` : shown(answer.answers));
  return answer.answers.every(({ ok }) => ok) ? 0 : 1;
}

/** A table for people. */
export function shown(answers: readonly TestAnswer[]): string {
  return table(
    answers.map(({ what, ok, answer, milliseconds }) => [
      ok ? 'ok' : 'failed',
      what,
      `${milliseconds} ms`,
      plainLine(answer),
    ]),
  );
}
