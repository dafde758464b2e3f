import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wildcardMatcher } from './globs.ts';

const CASES: readonly (readonly [pattern: string, text: string, wildcards: '*' | '*?', matches: boolean])[] = [
  ['', '', '*?', true],
  ['', 'a', '*?', false],
  ['*', '', '*?', true],
  ['*', 'a\nb', '*?', true],
  ['a*', 'ab', '*?', true],
  ['a*', 'ba', '*?', false],
  ['*a', 'ba', '*?', true],
  ['*a', 'ab', '*?', false],
  ['a*b*c', 'a1b2c', '*?', true],
  ['a*b*c', 'a1c2b', '*?', false],
  ['a**b', 'ab', '*?', true],
  ['a?c', 'abc', '*?', true],
  ['a?c', 'ac', '*?', false],
  ['a?c', 'a?c', '*', true],
  ['a?c', 'abc', '*', false],
  ['/x/*.pem', '/x/y/z.pem', '*', true],
  ['*ab', 'aab', '*', true],
  ['g++*', 'g++-12', '*?', true],
  ['lib.', 'libx', '*?', false],
  ['[a]*', '[a]b', '*', true],
];
for (const [pattern, text, wildcards, matches] of CASES) {
  test(`'${pattern}' ${matches ? 'fits' : 'fits not'} ${JSON.stringify(text)}, with ${wildcards} as wildcards`, () => {
    assert.equal(wildcardMatcher(pattern, wildcards)(text), matches);
  });
}
