import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build } from '../build.ts';
import { readArguments, WrongUse, type Arguments } from '../command.ts';
import { cacheTagOf, withCacheTag } from './cache.ts';

const read = (...options: readonly string[]): Arguments => readArguments(build, ['template.yaml', ...options]) as Arguments;

for (const [options, tag] of [
  [[], undefined], [['--cache'], 'on'], [['--no-cache'], 'off'], [['--cache-max-age', '7d'], '7d'], [['--cache-max-age=90m'], '90m'],
] as const) {
  test(`${options.join(' ') || 'no option'} is the tag's value ${tag}`, () => assert.equal(cacheTagOf(read(...options)), tag));
}

for (const options of [['--cache', '--no-cache'], ['--no-cache', '--cache-max-age', '1h'], ['--cache-max-age', 'soon'], ['--cache-max-age', '-1h'], ['--cache-max-age', '1.5h'], ['--cache-max-age', '']]) {
  test(`${options.join(' ')} is wrong use`, () => assert.throws(() => cacheTagOf(read(...options)), WrongUse));
}

test('other tags stay, and the option wins over the template', () => {
  assert.deepEqual(withCacheTag('off', { a: 'b', 'ingot:layer-cache': '7d' }), { tags: { a: 'b', 'ingot:layer-cache': 'off' } });
  assert.deepEqual(withCacheTag('on', undefined), { tags: { 'ingot:layer-cache': 'on' } });
  assert.deepEqual(withCacheTag(undefined, { a: 'b' }), {});
});
