import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../../platform/processes.ts';
import { failingCommand, watched, type ScriptEnd } from './failing-command.ts';

/** A script's file name as a driver chooses it. */
const NAME = '/run/ingot/ingot-0f8fad5b-d9cb-469f-a165-70867728950e.sh';

describe('the failing command of a script that prints no error', () => {
  const cases: readonly [name: string, script: string, stderr: string, command: string | undefined][] = [
    ['one command', 'false\n', '', 'false'],
    ['one command among comments', '#!/bin/bash\n\n# why\nfalse\n', '', 'false'],
    ['several: no claim', 'echo a\nfalse\n', '', undefined],
    [
      'bash names the line',
      'echo a\nnot-there\n',
      `${NAME}: line 2: not-there: command not found\n`,
      'not-there (line 2 of the script)',
    ],
    [
      'an older complaint is not the last word',
      'not-there\nls /nowhere\n',
      `${NAME}: line 1: not-there: command not found\nls: cannot access '/nowhere'\n`,
      undefined,
    ],
    [
      'another script names a line of its own',
      'a\n./configure\n',
      './configure: line 1: x: command not found\n',
      undefined,
    ],
    ['another script of Ingot', 'a\nb\n', '/usr/lib/a.sh: line 1: x: command not found\n', undefined],
    ['set -e', 'set -euo pipefail\nfalse\necho b\n', '', undefined],
    ['a line beyond the script', 'a\nb\n', `${NAME}: line 90: x`, undefined],
    [
      'a syntax error',
      'a\nfi\n',
      `${NAME}: line 2: syntax error near unexpected token \`fi'\n${NAME}: line 2: \`fi'\n`,
      "syntax error near unexpected token `fi' (line 2 of the script)",
    ],
    [
      'a quote that is not closed',
      'a\necho "x\n',
      `${NAME}: line 2: unexpected EOF while looking for matching \`"'\n` +
        `${NAME}: line 3: syntax error: unexpected end of file\n`,
      'unexpected EOF while looking for matching `"\' (line 2 of the script)',
    ],
    ['nothing', '\n', '', 'an empty script'],
  ];
  for (const [name, script, stderr, command] of cases)
    test(name, () => assert.equal(failingCommand(script, stderr), command));
});

describe("the failing command of a script, with bash's error", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ingot-watched-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a script unchanged, and with the trap. */
  async function both(script: string) {
    const watch = watched(script);
    const path = join(folder, 'end');
    const file = join(folder, '0f8fad5b-d9cb-469f-a165-70867728950e.sh');
    const runText = (text: string) => {
      writeFileSync(file, text);
      rmSync(path, { force: true });
      return run(['bash', file], { okCodes: 'any', cwd: folder }).catch(
        (error: unknown) => error as Awaited<ReturnType<typeof run>>,
      );
    };
    const plain = await runText(script);
    const ended = await runText(watch.script.replaceAll(watch.path, path));
    const hidden = watch.prefix.replaceAll(watch.path, path);
    const stderr = hidden === '' ? ended.stderr : ended.stderr.replaceAll(hidden, '');
    let end: ScriptEnd | undefined;
    try {
      const [pipeline, name = '', ...command] = readFileSync(path, 'utf8').split('\n');
      end = { pipeline: Number(pipeline), name, command: command.join('\n') };
    } catch {
      end = undefined;
    }
    return { plain, ended: { ...ended, stderr }, command: failingCommand(script, stderr, end) };
  }

  const cases: readonly [name: string, script: string, command: string | undefined][] = [
    ['an exit in the middle', 'echo a\nexit 7\necho b\n', 'exit 7 (line 2 of the script)'],
    ['an exit in a block', 'if true; then\n  echo x\n  exit 4\nfi\necho b\n', 'exit 4 (line 3 of the script)'],
    [
      'one of several exits',
      '[ -e / ] || exit 1\nls / >/dev/null\n[ -e /nowhere ] || exit 1\n',
      'exit 1 (one of the lines 1, 3 of the script)',
    ],
    ['set -e', 'set -euo pipefail\necho a\nls /nowhere\necho b\n', 'ls /nowhere (line 3 of the script)'],
    [
      'set -e in a function',
      'set -e\nf() {\n  echo a\n  ls /nowhere\n}\nf\necho b\n',
      'ls /nowhere (line 4 of the script)',
    ],
    ['a heredoc at the end', 'echo a\ncat <<X >/nowhere/x\ntext\nX\n', 'cat <<X > /nowhere/x (line 2 of the script)'],
    ['a command over continued lines', 'echo a\nls \\\n  -l \\\n  /nowhere\n', 'ls -l /nowhere (line 2 of the script)'],
    ['the last command', 'echo a\nls   "/nowhere a"\n', 'ls "/nowhere a" (line 2 of the script)'],
    ['a list', 'echo a\ncd / && ls /nowhere\n', 'ls /nowhere (line 2 of the script)'],
    ['a test', 'echo a\n[[ a = b ]]\n', '[[ a = b ]] (line 2 of the script)'],
    ['an unset variable', 'set -u\necho a\necho "$nothing"\necho b\n', 'echo "$nothing" (line 3 of the script)'],
    ['a substitution', 'set -e\nx=$(ls /nowhere)\necho b\n', 'x=$(ls /nowhere) (line 2 of the script)'],
    ['a file that is not there', 'set -e\n. /nowhere/lib.sh\necho b\n', '. /nowhere/lib.sh (line 2 of the script)'],
    ['a missing program for exec', 'echo a\nexec no-such-program\n', 'exec no-such-program (line 2 of the script)'],
    ['set -x', 'set -x\necho a\nexit 3\n', 'exit 3 (line 3 of the script)'],
    ['no stderr', 'exec 2>/dev/null\nset -C\nexit 3\n', 'exit 3 (line 3 of the script)'],
    [
      'functions with the names of builtins',
      'printf() { echo mine; }\ntrue() { echo mine; }\nexit 3\n',
      'exit 3 (line 3 of the script)',
    ],
    ['a command in the background', '{ sleep 0.05; exit 3; } &\nwait $!\n', 'wait $! (line 2 of the script)'],
    ['a syntax error', 'echo a\nif [ 1 ; then\nfi\n', "syntax error near unexpected token `fi' (line 3 of the script)"],
    [
      'a syntax error on the first line',
      'echo a; )\necho b\n',
      "syntax error near unexpected token `)' (line 1 of the script)",
    ],
    // Failures in other processes.
    ['a pipeline', 'set -e -o pipefail\necho a\nls /nowhere | cat\necho b\n', undefined],
    ['a subshell', 'echo a\n(exit 3)\n', undefined],
    ['a pipeline at the end of a function', 'f() {\n  echo a\n  echo b | grep c\n}\nf\n', undefined],
    // Scripts that could notice the trap.
    ['a trap of its own', "trap 'echo cleaned' EXIT\necho a\nfalse\n", undefined],
    ['a script that reads itself', 'sed -n 1p "$0"\nfalse\n', undefined],
    ['a signal', 'echo a\nkill -TERM $$\necho b\n', undefined],
    // Behavior of bash that the trap must not change.
    [
      'what a script can see of itself',
      'echo "$- $SHELLOPTS $LINENO $# $?"; compgen -v | sort; false\ntrue; (exit 5)\n',
      undefined,
    ],
    ['a success', 'echo a\nset | wc -l\n', undefined],
  ];
  for (const [name, script, command] of cases) {
    test(name, async () => {
      const { plain, ended, command: found } = await both(script);
      const seen = ({ code, signal, stdout, stderr }: typeof plain) => ({ code, signal, stdout, stderr });
      assert.deepEqual(seen(ended), seen(plain), 'the trap changes nothing');
      if (plain.code !== 0) assert.equal(found, command);
    });
  }
});
