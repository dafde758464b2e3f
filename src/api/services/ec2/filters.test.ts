import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filtered, matcher } from './filters.ts';

test('wildcards and escapes in filter values', () => {
  const cases: readonly (readonly [pattern: string, value: string, matches: boolean])[] = [
    ['web', 'web', true],
    ['web', 'web2', false],
    ['web*', 'web', true],
    ['*web', 'my web', true],
    ['w*b*', 'web 1.0', true],
    ['w?b', 'web', true],
    ['w?b', 'wb', false],
    ['*', '', true],
    ['?', '', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b-d', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\?', 'a?', true],
    ['', '', true],
    ['', 'x', false],
  ];
  for (const [pattern, value, matches] of cases) {
    assert.equal(matcher(pattern)(value), matches, `${pattern} ${value}`);
  }
});

test('filters that would take minutes are rejected quickly', () => {
  const items = Array.from({ length: 1000 }, () => ({ name: 'a'.repeat(255) }));
  const Values = Array.from({ length: 200 }, () => `*${'a'.repeat(100)}b`);
  const filters = [
    { Name: 'name', Values: [...Values.slice(1), '*'] },
    { Name: 'name', Values },
  ];
  assert.throws(() => filtered(items, filters, { name: ({ name }) => [name] }), /The filters take too long/);
});

test('an item passes if every filter matches by one of its values', () => {
  const items: readonly { readonly name: string; readonly tags: Readonly<Record<string, string>> }[] = [
    { name: 'web', tags: { Env: 'prod' } },
    { name: 'db', tags: { Env: 'test', Team: 'a' } },
  ];
  const names = (...filters: { Name?: string; Values?: string[] }[]): string[] =>
    filtered(items, filters, { name: (item) => [item.name] }, (item) => item.tags).map(({ name }) => name);
  assert.deepEqual(names(), ['web', 'db']);
  assert.deepEqual(names({ Name: 'name', Values: ['d*', 'x'] }), ['db']);
  assert.deepEqual(names({ Name: 'tag:Env', Values: ['*'] }, { Name: 'tag-key', Values: ['Team'] }), ['db']);
  assert.deepEqual(names({ Name: 'tag:constructor', Values: ['*'] }), []);
  assert.deepEqual(names({ Name: 'name', Values: [] }), []);
  assert.throws(() => names({ Name: 'nmae', Values: ['x'] }), {
    wireCode: 'InvalidParameterValue',
    message: "The filter 'nmae' is invalid. Valid filters are: name, tag-key, tag:KEY.",
  });
  assert.throws(() => names({ Values: ['x'] }), /needs a Name/);
});
