import { equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { bootTimeOffset, memoryInfo, processorInfoProgram, processorsOf } from './size.ts';

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

test("the memory is that of the type, in the kernel's format", () => {
  match(memoryInfo(2048), /^MemTotal: {8}2097152 kB\nMemFree: /);
  for (const line of memoryInfo(512).trim().split('\n')) match(line, /^\S+: +\d+ kB$/);
});

test('the processors of a container are numbered from 0', () => {
  const one = (cpu: number): string => `processor\t: ${cpu}\nmodel name\t: processor 1\ncore id\t\t: ${cpu}\n\n`;
  const given = [0, 1, 2, 10, 11].map(one).join('');

  const shown = execFileSync('sed', ['-n', processorInfoProgram('11,1')], { input: given, encoding: 'utf8' });

  equal(shown, one(1).replace(': 1\n', ': 0\n') + one(11).replace(': 11\n', ': 1\n'));
});

for (const [uptime, offsets, expected] of [
  ['7999.48 100.0\n', 'monotonic           0         0\nboottime            0         0\n', -7999],
  ['30.90 1.0\n', 'monotonic           0         0\nboottime        -7000         0\n', -7030],
] as const)
  test(`a clock starts at 0 after ${uptime.trim()}`, () => equal(bootTimeOffset(uptime, offsets), expected));
