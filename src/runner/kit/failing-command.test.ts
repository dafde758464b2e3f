import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failingCommand } from './failing-command.ts';

describe('the failing command of a script', () => {
  const cases: readonly [name: string, script: string, stderr: string, command: string][] = [
    ['one command', 'false\n', '', 'false'],
    ['one command among comments', '#!/bin/bash\n\n# why\nfalse\n', '', 'false'],
    ['several: the last', 'echo a\nfalse\n', '', "false (last line of the script, whose exit code is the script's)"],
    [
      'bash names the line',
      'echo a\nnot-there\n',
      '/tmp/x.sh: line 2: not-there: command not found\n',
      'not-there (line 2 of the script)',
    ],
    [
      'an older complaint is not the last word',
      'not-there\nls /nowhere\n',
      "x: line 1: not-there: command not found\nls: cannot access '/nowhere'\n",
      "ls /nowhere (last line of the script, whose exit code is the script's)",
    ],
    [
      'set -e',
      'set -euo pipefail\nfalse\necho b\n',
      '',
      'one of the 3 commands of the script, which stops at the first that fails (set -e)',
    ],
    [
      'set -e with a complaint',
      'set -e\nnope\necho b\n',
      'x.sh: line 2: nope: command not found',
      'nope (line 2 of the script)',
    ],
    [
      'a line beyond the script',
      'a\nb\n',
      'other: line 90: x',
      "b (last line of the script, whose exit code is the script's)",
    ],
    ['a block at the end', 'a\nif b; then\n  exit 1\nfi\n', '', 'one in the last block of a script of 4 lines'],
    ['a function at the end', 'f() {\n  false\n}\n', '', 'one in the last block of a script of 3 lines'],
    ['nothing', '\n', '', 'an empty script'],
  ];
  for (const [name, script, stderr, command] of cases)
    test(name, () => assert.equal(failingCommand(script, stderr), command));
});
