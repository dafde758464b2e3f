import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiredImages, type AgedRepositoryImage, type RepositoryRule } from './repository-rules.ts';

const NOW = Date.parse('2026-06-30T12:00:00Z');
const DAY = 86_400_000;

function image(digest: string, days: number, tags: string, more: Partial<AgedRepositoryImage> = {}) {
  return { digest, pushed: NOW - days * DAY, tags: tags.split(' ').filter(Boolean), children: [], ...more };
}

function rule(rulePriority: number, selection: object, type = 'expire'): RepositoryRule {
  return { rulePriority, selection: selection as RepositoryRule['selection'], action: { type } };
}

const expired = (rules: readonly RepositoryRule[], images: readonly AgedRepositoryImage[]): readonly string[] =>
  expiredImages(rules, images, NOW).map(({ digest, rulePriority }) => `${digest} by ${rulePriority}`);

const more = (count: number) => ({ countType: 'imageCountMoreThan', countNumber: count });
const days = (count: number) => ({ countType: 'sinceImagePushed', countUnit: 'days', countNumber: count });

test('of a count the oldest expire, of a time those that are older', () => {
  const images = [image('a', 1, 'x'), image('b', 3, ''), image('c', 2, 'y')];
  assert.deepEqual(expired([rule(1, { tagStatus: 'any', ...more(1) })], images), ['c by 1', 'b by 1']);
  assert.deepEqual(expired([rule(1, { tagStatus: 'any', ...days(2) })], images), ['b by 1']);
  assert.deepEqual(expired([rule(1, { tagStatus: 'untagged', ...days(2) })], images), ['b by 1']);
  assert.deepEqual(expired([rule(1, { tagStatus: 'untagged', ...days(3) })], images), []);
});

test('what was pulled lately stays, and what never was counts from its push', () => {
  const images = [image('a', 9, 'x', { pulled: NOW - DAY }), image('b', 9, 'y'), image('c', 9, 'z', { pulled: 1 })];
  const pulled = { tagStatus: 'any', countType: 'sinceImagePulled', countUnit: 'days', countNumber: 2 };
  assert.deepEqual(expired([rule(1, pulled)], images), ['b by 1', 'c by 1']);
});

test('each prefix, and each pattern, has to match a tag', () => {
  const images = [image('a', 2, 'prod-1 web-1'), image('b', 3, 'prod-2'), image('c', 4, 'prod-3 web')];
  const by = (list: object) => expired([rule(1, { tagStatus: 'tagged', ...list, ...days(1) })], images);
  assert.deepEqual(by({ tagPrefixList: ['prod-', 'web'] }), ['a by 1', 'c by 1']);
  assert.deepEqual(by({ tagPatternList: ['prod-*', '*-1'] }), ['a by 1']);
  assert.deepEqual(by({ tagPatternList: ['prod'] }), []);
});

// The example of the guide: image C has the tags of both rules; rule 1 selects it first.
test('an image that a rule selects is left alone by later ones, which count it all the same', () => {
  const images = [image('a', 4, 'beta'), image('b', 3, 'beta alpha'), image('c', 2, 'alpha'), image('d', 1, 'alpha')];
  const rules = [
    rule(2, { tagStatus: 'tagged', tagPrefixList: ['alpha'], ...more(1) }),
    rule(1, { tagStatus: 'tagged', tagPrefixList: ['beta'], ...more(1) }),
  ];
  assert.deepEqual(expired(rules, images), ['c by 2', 'a by 1']);
  assert.deepEqual(expired([...rules, rule(3, { tagStatus: 'any', ...days(0) })], images), ['c by 2', 'a by 1']);
});

test('images of a kept index stay, those of a deleted one go by their own rule', () => {
  const images = [
    image('new', 1, 'v2', { children: ['part'] }),
    image('part', 9, ''),
    image('old', 8, 'v1', { children: ['rest'] }),
    image('rest', 9, ''),
  ];
  const rules = [
    rule(1, { tagStatus: 'tagged', tagPrefixList: ['v'], ...more(1) }),
    rule(2, { tagStatus: 'untagged', ...days(5) }),
  ];
  assert.deepEqual(expired(rules, images), ['old by 1', 'rest by 2']);
});

test('a rule that archives deletes nothing', () => {
  assert.deepEqual(expired([rule(1, { tagStatus: 'any', ...days(1) }, 'transition')], [image('a', 9, '')]), []);
});
