import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Loop } from './document.ts';
import { planLoop } from './loops.ts';

const VALUES: Readonly<Record<string, string>> = {
  '{{ Last }}': '3',
  '{{ List }}': 'x;y',
  '{{ Delimiter }}': ';',
  '{{ Nothing }}': '',
  '{{ Word }}': 'three',
};
const resolve = (text: string): string => VALUES[text] ?? text;

const CASES: readonly (readonly [Loop, readonly string[] | string])[] = [
  [{ kind: 'for', start: 1, end: 3, updateBy: 1 }, ['1', '2', '3']],
  [{ kind: 'for', start: 0, end: 5, updateBy: 2 }, ['0', '2', '4']],
  [{ kind: 'for', start: 3, end: -3, updateBy: -3 }, ['3', '0', '-3']],
  [{ kind: 'for', start: 7, end: 7, updateBy: -1 }, ['7']],
  [{ kind: 'for', start: 1, end: '{{ Last }}', updateBy: 1 }, ['1', '2', '3']],
  [
    { kind: 'for', start: 5, end: '{{ Last }}', updateBy: 1 },
    'the loop cannot end: from 5, updateBy 1 leads away from 3',
  ],
  [{ kind: 'for', start: 1, end: 2, updateBy: 0 }, 'the loop cannot end: updateBy is 0'],
  [{ kind: 'for', start: 1, end: '{{ Word }}', updateBy: 1 }, "'end' of the loop must be an integer, not 'three'"],
  [{ kind: 'forEach', items: ['a', '{{ Last }}', 'a,b'] }, ['a', '3', 'a,b']],
  [{ kind: 'list', list: 'a,b, c', delimiter: ',' }, ['a', 'b', ' c']],
  [{ kind: 'list', list: 'a\nb\n', delimiter: '\n' }, ['a', 'b', '']],
  [{ kind: 'list', list: '{{ List }}', delimiter: '{{ Delimiter }}' }, ['x', 'y']],
  [{ kind: 'list', list: '{{ Nothing }}', delimiter: ',' }, []],
  [
    { kind: 'list', list: 'a', delimiter: '{{ Word }}' },
    "the delimiter must be one of ',', '.', ';', ':', newline, tab, space, '-', '_', not 'three'",
  ],
];

for (const [loop, expected] of CASES) {
  test(`${JSON.stringify(loop)} iterates over ${JSON.stringify(expected)}`, () => {
    const plan = planLoop(loop, resolve);

    if ('problem' in plan) assert.equal(plan.problem, expected);
    else
      for (const _ of ['once', 'and again'])
        assert.deepEqual(
          [...plan.iterations()],
          [...expected].map((value, index) => ({ index, value })),
        );
  });
}

test('a long loop is generated lazily', () => {
  const plan = planLoop({ kind: 'for', start: 0, end: Number.MAX_SAFE_INTEGER, updateBy: 1 }, resolve);

  assert.ok('iterations' in plan);
  const [first] = plan.iterations();
  assert.deepEqual(first, { index: 0, value: '0' });
});
