import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { memoryInfo, processorsOf } from './size.ts';

for (const [allowed, cpus, turn, expected] of [
  ['0-1', 2, 0, undefined],
  ['0-1', 4, 3, undefined],
  ['0-1\n', 1, 0, '0'],
  ['0-1', 1, 1, '1'],
  ['0-3,8', 2, 0, '0,1'],
  ['0-3,8', 2, 1, '2,3'],
  ['0-3,8', 2, 2, '8,0'],
  ['5', 1, 0, undefined],
] as const)
  test(`${cpus} of the processors ${JSON.stringify(allowed)}, turn ${turn}: ${expected}`, () =>
    equal(processorsOf(allowed, cpus, turn), expected));

test('the memory is that of the type, in the form of the kernel', () => {
  match(memoryInfo(2048), /^MemTotal: {8}2097152 kB\nMemFree: /);
  for (const line of memoryInfo(512).trim().split('\n')) match(line, /^\S+: +\d+ kB$/);
});
