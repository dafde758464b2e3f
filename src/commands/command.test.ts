import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments, WrongUse, type Command } from './command.ts';

const command: Command = {
  usage: 'x [--region REGION] [--json] [FILE]',
  about: '',
  examples: [],
  options: { region: { value: 'REGION', help: 'the Region' }, json: { help: 'JSON' } },
  positionals: ['FILE?'],
  run: async () => 0,
};

for (const [argv, message] of [
  [['--regoin', 'a'], 'unknown option --regoin; did you mean --region?'],
  [['--json', '--regoin=a'], 'unknown option --regoin; did you mean --region?'],
  [['--zzzzzzzzz'], 'unknown option --zzzzzzzzz'],
  [['-x'], 'unknown option -x'],
  [['--json', 'f', '-q'], 'unknown option -q'],
  [['--region'], "Option '--region <value>' argument missing"],
] as const) {
  test(`${argv.join(' ')} is a usage error`, () =>
    assert.throws(
      () => readArguments(command, argv),
      (error: unknown) => error instanceof WrongUse && error.message === message,
    ));
}
