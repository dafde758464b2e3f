import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whatIsMissing } from './build-room.ts';

const HOST = { cpus: 4, memoryMiB: 8192 };
const LIMITS = { atOnce: 4, cpus: 8, memoryMiB: 7000 };
const cases: readonly [
  what: string,
  asked: string | undefined,
  running: (string | undefined)[],
  said: RegExp | undefined,
][] = [
  ['a build alone starts, whatever it asks for', 'm5.24xlarge', [], undefined],
  ['small ones start beside each other', undefined, [undefined, 't3.small'], undefined],
  ['as many as are allowed', undefined, ['t3.nano', 't3.nano', 't3.nano', 't3.nano'], /one of 4 running builds/],
  [
    'processors of all together',
    'c5.xlarge',
    ['t3.nano', 't3.nano', 't3.nano'],
    /^waits for processors: c5\.xlarge asks for 4, and running builds have 6 of 8 \(builds\.cpus\)$/,
  ],
  [
    'memory of all together',
    't3.large',
    [undefined],
    /^waits for memory: t3\.large asks for 8192 MiB, and running builds have 2048 of 7000 MiB \(builds\.memoryMegabytes\)$/,
  ],
  ['a type larger than the host is cut to it', 'm5.24xlarge', ['t3.nano'], /asks for 8192 MiB/],
  ['an unknown type is as the default', 'x9.huge', ['x9.huge'], undefined],
];
for (const [what, asked, running, said] of cases)
  test(what, () => {
    const missing = whatIsMissing(asked, running, LIMITS, HOST);
    if (said === undefined) assert.equal(missing, undefined);
    else assert.match(missing ?? '', said);
  });
