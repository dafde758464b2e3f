import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepOnCompletion, keepSeconds } from './keep.ts';

for (const [name, image, build, tested] of [
  ['nothing said', {}, undefined, undefined],
  [
    'terminateInstanceOnFailure: true',
    { infrastructureConfiguration: { terminateInstanceOnFailure: true } },
    undefined,
    undefined,
  ],
  [
    'terminateInstanceOnFailure: false keeps build instances',
    { infrastructureConfiguration: { terminateInstanceOnFailure: false } },
    14_400,
    undefined,
  ],
  ['the tag keeps both', { tags: { 'ingot:keep-on-failure': '90m' } }, 5400, 5400],
  [
    'the tag wins',
    { tags: { 'ingot:keep-on-failure': '2d' }, infrastructureConfiguration: { terminateInstanceOnFailure: false } },
    172_800,
    172_800,
  ],
] as const) {
  test(name, () => assert.deepEqual([keepSeconds(image, 'build'), keepSeconds(image, 'test')], [build, tested]));
}

for (const value of ['yes', '', '0h', '1.5h']) {
  test(`the tag's value '${value}' is rejected`, () =>
    assert.throws(
      () => keepSeconds({ tags: { 'ingot:keep-on-failure': value } }, 'build'),
      /for tag ingot:keep-on-failure: expected a duration such as 90m/,
    ));
}

test('instances stay after a success only where terminateInstanceOnCompletion is false', () => {
  assert.equal(keepOnCompletion({ infrastructureConfiguration: { terminateInstanceOnCompletion: false } }), 4 * 3600);
  assert.equal(keepOnCompletion({ infrastructureConfiguration: { terminateInstanceOnCompletion: true } }), undefined);
  assert.equal(keepOnCompletion({}), undefined);
});
