import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { commandWords, inCgroups, invocationOf, nspawnArguments, parseStatus, unitArguments } from './arguments.ts';

const container = { id: 'i-1', root: '/run/ingot/i-1/root', uidBase: 1073741824 };

test('a container has separate uids and a separate network and is not registered with the host', () => {
  const argv = nspawnArguments(container);

  for (const argument of [
    '--private-users=1073741824:16777216',
    '--private-network',
    '--register=no',
    '--keep-unit',
    '--boot',
  ])
    ok(argv.includes(argument), argument);
  ok(!argv.some((argument) => argument.includes('resolv.conf:')));
});

test('a unit runs a file of words, so its arguments contain nothing of the command', () => {
  const argv = unitArguments({ unit: 'ingot-0a-0b', user: 'root' });

  deepEqual(argv.slice(argv.indexOf('--') + 1), ['/bin/sh', '/run/ingot/command', '/run/ingot/ingot-0a-0b.words']);
  ok(argv.includes('--setenv=INVOCATION_ID=0a0b'));
  equal(invocationOf('ingot-0a-0b'), '0a0b');
});

test('the words are the directory, the environment and the command', () => {
  deepEqual(commandWords(['echo', '$HOME'], '/srv', { A: 'b c', B: '$A' }), [
    '/srv',
    '2',
    'A=b c',
    'B=$A',
    'echo',
    '$HOME',
  ]);
});

for (const [what, argv, env] of [
  ['no program', [], {}],
  ['a NUL character', ['echo', 'a\0b'], {}],
  ['a variable that no shell can have', ['echo'], { 'A-B': 'x' }],
] as const) {
  test(`a command with ${what} is rejected`, () => throws(() => commandWords(argv, '/', env), Error));
}

for (const [text, expected] of [
  ['success exited 0\n', { exitCode: 0, signal: null }],
  ['exit-code exited 255\n', { exitCode: 255, signal: null }],
  ['success killed TERM\n', { exitCode: null, signal: 'SIGTERM' }],
  ['core-dump dumped SEGV\n', { exitCode: null, signal: 'SIGSEGV' }],
  ['', undefined],
  ['inactive\n', undefined],
] as const) {
  test(`the end ${JSON.stringify(text)} of a unit is parsed`, () => deepEqual(parseStatus(text), expected));
}

test('a command joins its cgroups before it is executed', () => {
  const argv = inCgroups(['/cg/a', '/cg/b'], ['true', 'x']);

  deepEqual(argv.slice(3), ['sh', '/cg/a', '/cg/b', '--', 'true', 'x']);
});
