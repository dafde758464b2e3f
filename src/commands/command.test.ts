import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments, WrongUse, type Command } from './command.ts';

const command: Command = {
  usage: 'x [--region REGION] [--json] [FILE]',
  help: '',
  options: { region: { type: 'string' }, json: { type: 'boolean' } },
  positionals: ['FILE?'],
  run: async () => 0,
};

for (const [argv, message] of [
  [['--regoin', 'a'], 'there is no option --regoin; did you mean --region?'],
  [['--json', '--regoin=a'], 'there is no option --regoin; did you mean --region?'],
  [['--zzzzzzzzz'], 'there is no option --zzzzzzzzz'],
  [['-x'], 'there is no option -x'],
  [['--json', 'f', '-q'], 'there is no option -q'],
  [['--region'], "Option '--region <value>' argument missing"],
] as const) {
  test(`${argv.join(' ')} is wrong use`, () =>
    assert.throws(
      () => readArguments(command, argv),
      (error: unknown) => error instanceof WrongUse && error.message === message,
    ));
}
