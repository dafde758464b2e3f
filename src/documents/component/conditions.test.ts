import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateCondition } from './conditions.ts';
import type { ConditionProbe } from './conditions.ts';
import type { InputValue } from './document.ts';

const PROBE: ConditionProbe = {
  pause: async () => {},
  binaryExists: async (name) => name === 'bash',
  fileExists: async (path) => path === '/etc/passwd',
  folderExists: async (path) => path === '/etc',
  fileHash: async (path, algorithm) => (path === '/etc/passwd' ? `${algorithm}AB` : undefined),
};

const CASES: readonly (readonly [InputValue, boolean])[] = [
  [{ stringIsEmpty: '' }, true],
  [{ stringIsEmpty: ' ' }, false],
  [{ stringIsWhitespace: ' \t' }, true],
  [{ stringIsWhitespace: '' }, false],
  [{ stringEquals: 'A', value: 'a' }, true],
  [{ stringEquals: 'Testing', value: 'TESTING.' }, false],
  [{ stringEquals: ' a', value: 'a' }, false],
  [{ stringEquals: '1.0', value: 1 }, false],
  [{ stringLessThan: 'A', value: 'a' }, false],
  [{ stringLessThan: 'b', value: 'A' }, true],
  [{ stringLessThanEquals: 'A', value: 'a' }, true],
  [{ stringGreaterThan: '9', value: 'a' }, true],
  [{ stringGreaterThanEquals: 'b', value: 'a' }, false],
  [{ patternMatches: '^[a-z]+$', value: 'ThisIsValue' }, true],
  [{ patternMatches: '\\d{2}', value: 'a12b' }, true],
  [{ patternMatches: '(?P<year>[[:digit:]]{4})\\z', value: 'in 2026' }, true],
  [{ patternMatches: '^s3:\\/\\/.*\\/.*$', value: 's3://bucket/key' }, true],
  [{ patternMatches: '^b$', value: 'a\nb' }, false],
  [{ patternMatches: '(?m)^b$', value: 'a\nb' }, true],
  // RE2's syntax, which JavaScript does not have.
  [{ patternMatches: '^\\pL+$', value: 'é' }, true],
  [{ patternMatches: '^\\Qa.b\\E$', value: 'axb' }, false],
  [{ patternMatches: '^\\Qa.b\\E$', value: 'a.b' }, true],
  [{ patternMatches: '^[[:^digit:]]+$', value: 'abc' }, true],
  [{ patternMatches: '^[[:^digit:]]+$', value: 'a1c' }, false],
  [{ patternMatches: '^[[:print:]]+$', value: 'a b' }, true],
  [{ patternMatches: '^\\x{41}$', value: 'A' }, true],
  [{ patternMatches: '^(?i)abc$', value: 'ABC' }, true],
  [{ patternMatches: '^(?-i)abc$', value: 'ABC' }, false],
  [{ patternMatches: '(?U)^a+$', value: 'aa' }, true],
  [{ patternMatches: '^(a+)+$', value: `${'a'.repeat(10_000)}!` }, false],
  [{ numberEquals: '1.50', value: '1.5' }, true],
  [{ numberEquals: '10000000000000000000000000000001', value: '10000000000000000000000000000002' }, false],
  [{ numberEquals: '1', value: 'one' }, false],
  [{ numberLessThan: '-1', value: '-1.5' }, true],
  [{ numberLessThanEquals: 3, value: '3' }, true],
  [{ numberGreaterThan: '9', value: '10' }, true],
  [{ numberGreaterThanEquals: '0.1', value: '+0.09' }, false],
  [{ binaryExists: 'bash' }, true],
  [{ binaryExists: 'zsh' }, false],
  [{ fileExists: '/etc/passwd' }, true],
  [{ folderExists: '/etc/passwd' }, false],
  [{ fileMD5Equals: 'MD5ab', path: '/etc/passwd' }, true],
  [{ fileSHA1Equals: 'sha1AB', path: '/etc/passwd' }, true],
  [{ fileSHA256Equals: 'sha1AB', path: '/etc/passwd' }, false],
  [{ fileSHA512Equals: 'sha512AB', path: '/none' }, false],
  [{ not: { binaryExists: 'bash' } }, false],
  [{ and: [{ binaryExists: 'bash' }, { folderExists: '/etc' }] }, true],
  [{ and: [{ binaryExists: 'bash' }, { not: { folderExists: '/etc' } }] }, false],
  [{ or: [{ binaryExists: 'zsh' }, { or: [{ folderExists: '/etc' }] }] }, true],
  [{ or: [{ binaryExists: 'zsh' }] }, false],
];

for (const [condition, expected] of CASES) {
  test(`${JSON.stringify(condition)} is ${String(expected)}`, async () => {
    assert.equal((await evaluateCondition(condition, PROBE)).holds, expected);
  });
}

test('and, or stop at the first part that decides', async () => {
  const asked: string[] = [];
  const probe: ConditionProbe = {
    ...PROBE,
    fileExists: async (path) => {
      asked.push(path);
      return path === '/yes';
    },
  };

  await evaluateCondition({ and: [{ fileExists: '/no' }, { fileExists: '/after-false' }] }, probe);
  await evaluateCondition({ or: [{ fileExists: '/yes' }, { fileExists: '/after-true' }] }, probe);

  assert.deepEqual(asked, ['/no', '/yes']);
});

test('an outcome says which part decided', async () => {
  const outcome = await evaluateCondition(
    { and: [{ fileExists: '/etc/passwd' }, { stringEquals: 'b', value: 'a' }] },
    PROBE,
  );

  assert.deepEqual(outcome, { holds: false, explanation: "'a' stringEquals 'b' is false" });
});

test('a pattern that would block the process is aborted', async () => {
  const condition = { patternMatches: '((a{0,30}){0,30})b', value: 'a'.repeat(1 << 20) };

  await assert.rejects(evaluateCondition(condition, PROBE), /took longer than 1000 ms on a text of 1048576 characters/);
});

const NO_CONDITIONS: readonly InputValue[] = [
  {},
  'text',
  { and: 'x' },
  { patternMatches: '(?=x)', value: '' },
  { patternMatches: '(a)\\1', value: '' },
  { patternMatches: 'x{1000}'.repeat(9000), value: '' },
  { patternMatches: '('.repeat(15_000), value: '' },
];

for (const condition of NO_CONDITIONS) {
  test(`not a condition: ${JSON.stringify(condition)}`, async () => {
    await assert.rejects(evaluateCondition(condition, PROBE));
  });
}
