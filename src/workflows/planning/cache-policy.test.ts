import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cachePolicy } from './cache-policy.ts';

for (const [tag, expected] of [
  [undefined, { use: true, maxAgeSeconds: 86_400 }],
  ['on', { use: true, maxAgeSeconds: 86_400 }],
  ['7d', { use: true, maxAgeSeconds: 604_800 }],
  ['90m', { use: true, maxAgeSeconds: 5400 }],
  ['off', { use: false, reason: 'disabled by the tag ingot:layer-cache' }],
] as const) {
  test(`the tag's value ${tag}`, () =>
    assert.deepEqual(cachePolicy({ ...(tag === undefined ? {} : { tags: { 'ingot:layer-cache': tag } }) }), expected));
}

test('a scheduled build reuses no layer, whatever its tag says', () => {
  assert.equal(cachePolicy({ buildType: 'SCHEDULED', tags: { 'ingot:layer-cache': 'on' } }).use, false);
});

test('another value is rejected with the valid forms', () => {
  assert.throws(
    () => cachePolicy({ tags: { 'ingot:layer-cache': 'yes' } }),
    /'yes' for tag ingot:layer-cache: expected on, off or a duration/,
  );
});
