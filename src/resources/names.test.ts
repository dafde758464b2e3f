import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug } from './names.ts';

test('names that differ in case, blanks or underscores are one name', () => {
  for (const [name, expected] of [
    ['My Example Image', 'my-example-image'],
    ['my_example_image', 'my-example-image'],
    ['my-example-image', 'my-example-image'],
    ['a__b  c', 'a--b--c'],
    ['_x-', '-x-'],
  ] as const)
    assert.equal(slug(name), expected);
});
