/**
 * Commands while the service manager in an instance reloads its units without a pause: each command is a unit, and one
 * that was reloaded.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import type { Instance } from '../../src/instances/instance.ts';
import { outputOf } from './command-output.ts';

const WORDS = ['a$HOME', '$$', 'b;c', ';', '\\d', '%n', "it's", '"q"', '', 'a b\nc', 'ü'];
const ENV = { A: '$x; "y"\n%z' };
const SHOWN = `${WORDS.map((word) => `[${word}]`).join('')}|${ENV.A}|/usr/share`;
const ARGV = ['sh', '-c', 'printf "[%s]" "$@"; printf "|%s|%s" "$A" "$PWD"', 'sh', ...WORDS];

/**
 * Runs commands, and one whose streams flow, while units are read anew, and fails unless each gets its words,
 * environment and folder as they are.
 * @param commands how many
 */
export async function commandsWhileUnitsAreReadAnew(instance: Instance, commands: number): Promise<void> {
  await instance.run({
    script: 'setsid sh -c "while ! [ -e /run/enough ]; do systemctl daemon-reload; done" >/dev/null 2>&1 </dev/null &',
  });
  try {
    await Promise.all(
      Array.from({ length: commands }, async (_, index) => {
        const user = index % 2 === 0 ? 'root' : 'nobody';
        const outcome = await outputOf(instance, { argv: ARGV, env: ENV, cwd: '/usr/share', user });
        deepEqual(outcome, { exitCode: 0, signal: null, timedOut: false, stdout: SHOWN, stderr: '' });
      }),
    );
    const flowing = await instance.open({ argv: ARGV, env: ENV, cwd: '/usr/share', inputEnds: true });
    flowing.stdin.end();
    flowing.stderr.resume();
    equal(await text(flowing.stdout), SHOWN);
    equal(await flowing.ended, 0);
  } finally {
    await instance.put('/run/enough', '');
  }
}
