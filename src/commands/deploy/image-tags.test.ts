import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build } from '../build.ts';
import { readArguments, WrongUse, type Arguments } from '../command.ts';
import { imageTagsOf, withTags } from './image-tags.ts';

const read = (...options: readonly string[]): Arguments =>
  readArguments(build, ['template.yaml', ...options]) as Arguments;

for (const [options, tag] of [
  [[], undefined],
  [['--cache'], 'on'],
  [['--no-cache'], 'off'],
  [['--cache-max-age', '7d'], '7d'],
  [['--cache-max-age=90m'], '90m'],
] as const) {
  test(`${options.join(' ') || 'no option'} sets the tag's value ${tag}`, () =>
    assert.equal(imageTagsOf(read(...options))['ingot:layer-cache'], tag));
}

for (const options of [
  ['--cache', '--no-cache'],
  ['--no-cache', '--cache-max-age', '1h'],
  ['--cache-max-age', 'soon'],
  ['--cache-max-age', '-1h'],
  ['--cache-max-age', '1.5h'],
  ['--cache-max-age', ''],
  ['--keep-for', 'long'],
  ['--keep-for', '0h'],
]) {
  test(`${options.join(' ')} is a usage error`, () => assert.throws(() => imageTagsOf(read(...options)), WrongUse));
}

for (const [options, tag] of [
  [[], undefined],
  [['--keep-on-failure'], '4h'],
  [['--keep-for', '90m'], '90m'],
  [['--keep-on-failure', '--keep-for=2d'], '2d'],
] as const) {
  test(`${options.join(' ') || 'no option'} keeps a failed instance for ${tag}`, () =>
    assert.equal(imageTagsOf(read(...options))['ingot:keep-on-failure'], tag));
}

test('other tags stay, and the option overrides the template', () => {
  const asked = { 'ingot:layer-cache': 'off' };
  assert.deepEqual(withTags({ a: 'b', 'ingot:layer-cache': '7d' }, asked), {
    tags: { a: 'b', 'ingot:layer-cache': 'off' },
  });
  assert.deepEqual(withTags(undefined, asked), { tags: { 'ingot:layer-cache': 'off' } });
  assert.deepEqual(withTags({ a: 'b' }, {}), {});
});
