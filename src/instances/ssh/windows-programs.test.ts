/** The texts that are sent to a Windows machine; they were not run on one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { powerShellFaults } from '../../../test/harness/powershell-syntax.ts';
import { parseMachine } from './windows-instance.ts';
import {
  BOOT_ID,
  GET,
  LONGEST_COMMAND,
  powerShellCommand,
  PUT,
  SUPERVISOR,
  supervisorInput,
  SupervisorFilter,
  windowsArguments,
  type SupervisorWord,
} from './windows-programs.ts';

describe('arguments are quoted as Windows splits them', () => {
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['a', 'b c'], 'a "b c"'],
    [[''], '""'],
    [['say "hi"'], '"say \\"hi\\""'],
    [['C:\\with blank\\'], '"C:\\with blank\\\\"'],
    [['C:\\plain\\'], 'C:\\plain\\'],
    [['a\\\\"b'], '"a\\\\\\\\\\"b"'],
    [['%PATH%', '&', '|'], '%PATH% & |'],
  ];
  for (const [argv, line] of rows) test(line, () => assert.equal(windowsArguments(argv), line));
});

test('each program fits into a command line of cmd.exe, and contains no character special to it', () => {
  for (const program of [SUPERVISOR, PUT, GET, BOOT_ID]) {
    const command = powerShellCommand(program);
    assert.ok(command.length < LONGEST_COMMAND, `${command.length} characters`);
    assert.match(command, /^[A-Za-z0-9 .+/=-]+$/);
  }
});

test('each program is valid PowerShell', async () => {
  for (const program of [SUPERVISOR, PUT, GET, BOOT_ID]) assert.deepEqual(await powerShellFaults(program), []);
});

test('the command is passed as data', () => {
  const evil = '"; Remove-Item C:\\ -Recurse #$(x)`';
  const input = JSON.parse(
    supervisorInput({
      mark: 'm',
      argv: ['p', evil],
      cwd: 'C:/',
      env: { A: evil },
      stdin: Buffer.from([0, 255]),
      timeoutSeconds: 1.5,
    }),
  ) as Record<string, unknown>;
  assert.deepEqual(input, {
    mark: 'm',
    program: 'p',
    arguments: windowsArguments([evil]),
    cwd: 'C:/',
    env: [{ name: 'A', value: evil }],
    stdin: 'AP8=',
    milliseconds: 1500,
  });
  assert.throws(
    () => supervisorInput({ mark: 'm', argv: ['a\0b'], cwd: 'C:/', env: {}, stdin: Buffer.alloc(0) }),
    /NUL/,
  );
});

test("the supervisor's reports are removed from stderr, however it is split", () => {
  const text = Buffer.from(
    'before\x1eno mark\x1eabcd pid 12\nmiddle\x1eabc\x1eabcd exited -1073741515\nafter\x1eabcd deadline\n\x1eab',
  );
  for (let size = 1; size <= text.length; size++) {
    const words: SupervisorWord[] = [];
    let passed = '';
    const filter = new SupervisorFilter(
      'abcd',
      (chunk) => {
        passed += chunk.toString();
      },
      (word) => words.push(word),
    );
    for (let at = 0; at < text.length; at += size) filter.add(text.subarray(at, at + size));
    filter.end();
    assert.equal(passed, 'before\x1eno markmiddle\x1eabcafter\x1eab');
    assert.deepEqual(words, [
      { said: 'pid', pid: 12 },
      { said: 'exited', exitCode: -1073741515 },
      { said: 'deadline' },
    ]);
  }
});

test('a machine by its address', () => {
  assert.deepEqual(parseMachine('ssh://Administrator@10.0.0.5:2222'), {
    host: '10.0.0.5',
    user: 'Administrator',
    port: 2222,
  });
  assert.deepEqual(parseMachine('ssh://win1'), { host: 'win1' });
  assert.deepEqual(parseMachine('ssh://DOMAIN%5Cbuilder@[fe80::1]/'), { host: 'fe80::1', user: 'DOMAIN\\builder' });
  for (const wrong of [
    'win1',
    'ssh://',
    'http://win1',
    'ssh://a:b@win1',
    'ssh://win1/path',
    'ssh://-oProxyCommand=x',
    'ssh://win1?x',
  ])
    assert.throws(() => parseMachine(wrong), /invalid address .*ssh:/, wrong);
});
