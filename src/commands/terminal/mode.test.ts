import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Arguments, WrongUse } from '../command.ts';
import { progressMode } from './mode.ts';

const TERMINAL = { isTTY: true } as NodeJS.WriteStream;
const PIPE = { isTTY: false } as NodeJS.WriteStream;

describe('--progress', () => {
  for (const [values, output, expected] of [
    [{}, TERMINAL, 'tty'],
    [{}, PIPE, 'plain'],
    [{ progress: 'auto' }, PIPE, 'plain'],
    [{ progress: 'plain' }, TERMINAL, 'plain'],
    [{ progress: 'quiet' }, TERMINAL, 'quiet'],
    [{ progress: 'json' }, PIPE, 'json'],
    [{ json: true }, TERMINAL, 'json'],
    [{ json: true, progress: 'json' }, TERMINAL, 'json'],
    [{ quiet: true }, TERMINAL, 'quiet'],
  ] as const)
    test(`${JSON.stringify(values)} ${output === PIPE ? 'in a pipe' : 'on a terminal'}: ${expected}`, (t) => {
      const term = process.env['TERM'];
      process.env['TERM'] = 'xterm';
      t.after(() => (term === undefined ? delete process.env['TERM'] : (process.env['TERM'] = term)));
      assert.equal(progressMode(new Arguments(values, []), output), expected);
    });

  for (const [values, message] of [
    [{ progress: 'fancy' }, /^invalid value 'fancy' for --progress: expected auto, plain, tty, json or quiet$/],
    [{ progress: 'tty' }, /^--progress tty needs a terminal/],
    [{ progress: 'plain', json: true }, /^--json and --progress plain exclude each other$/],
    [{ progress: 'json', quiet: true }, /^--quiet and --progress json exclude each other$/],
  ] as const)
    test(`${JSON.stringify(values)} is rejected`, () =>
      assert.throws(
        () => progressMode(new Arguments(values, []), PIPE),
        (error: unknown) => error instanceof WrongUse && message.test(error.message),
      ));
});
