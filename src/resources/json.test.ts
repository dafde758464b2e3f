import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEEPEST_JSON, isTooDeep } from './json.ts';

test('the depth of JSON is known before it is parsed', () => {
  const nested = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
  const cases: readonly (readonly [text: string, tooDeep: boolean])[] = [
    ['', false],
    ['{"a":[1,{"b":"]["}]}', false],
    [nested(DEEPEST_JSON), false],
    [nested(DEEPEST_JSON + 2), true],
    ['['.repeat(500_000), true],
    [`${'[]'.repeat(500_000)}`, false],
    [JSON.stringify('['.repeat(1000)), false],
    [JSON.stringify({ a: '\\"[[['.repeat(1000) }), false],
    [`"\\\\"${'['.repeat(1000)}`, true],
    [`{"${'{'.repeat(1000)}":1}`, false],
  ];
  for (const [text, tooDeep] of cases) assert.equal(isTooDeep(text), tooDeep, text.slice(0, 60));
});
