import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imageTable, newestFirst } from './images.ts';
import { parseShortName, versionsOf } from './short-names.ts';
import { ago } from './text.ts';
import { stated } from '../../test/harness/stated.ts';

const MINE = 'arn:aws:imagebuilder:us-east-1:123456789012';

describe('short names', () => {
  for (const [text, expected] of [
    ['web', { slug: 'web' }],
    ['Web_Server 2', { slug: 'web-server-2' }],
    ['web/1.0.0', { slug: 'web', version: { major: 1, minor: 0, patch: 0 } }],
    ['web/1.x.x', { slug: 'web', version: { major: 1, minor: 'x', patch: 'x' } }],
    ['web/2026.01.05/3', { slug: 'web', version: { major: 2026, minor: 1, patch: 5 }, build: 3 }],
    ['image/web', { type: 'image', slug: 'web' }],
    ['image-recipe/web/1.0.0', { type: 'image-recipe', slug: 'web', version: { major: 1, minor: 0, patch: 0 } }],
    ['workflow/build/web', { type: 'workflow', slug: 'web' }],
    // A name may be the word for a type.
    ['component', { slug: 'component' }],
    ['', undefined],
    ['web/', undefined],
    ['web/1', undefined],
    ['web/1.0.0/0', undefined],
    ['web/1.x.x/1', undefined],
    ['web/1.0.0/1/2', undefined],
    ['./web.yaml', undefined],
    ['ami-0123/x', undefined],
  ] as const)
    test(`'${text}'`, () => assert.deepEqual(stated(parseShortName(text)), expected));
});

test('a name without version means the highest version, not the last in the list', () => {
  const arns = ['1.9.0', '1.10.0', '1.2.0', '0.99.0'].map((version) => `${MINE}:image/web/${version}`);
  const found = (text: string): readonly string[] =>
    versionsOf([...arns, `${MINE}:image/website/3.0.0`], parseShortName(text)!).map((arn) => arn.replace(/.*\//, ''));
  assert.deepEqual(found('web'), ['1.10.0', '1.9.0', '1.2.0', '0.99.0']);
  assert.deepEqual(found('web/1.2.x'), ['1.2.0']);
  assert.deepEqual(found('web/2.x.x'), []);
});

test('a name of several resources is rejected with each of them', () => {
  const arns = [`${MINE}:image/web/1.0.0`, `${MINE}:image-pipeline/web`, `${MINE}:workflow/test/web/1.0.0`];
  assert.throws(() => versionsOf(arns, parseShortName('web')!), {
    name: 'WrongUse',
    message: "'web' is the name of several resources: say which, image/web, image-pipeline/web or workflow/test/web",
  });
});

test('the list of images: newest first, with the AMI of the home Region and the number of others', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  const build = (
    number: number,
    dateCreated: string,
    status: 'AVAILABLE' | 'BUILDING',
    regions: readonly string[],
  ) => ({
    arn: `${MINE}:image/web/1.0.0/${number}`,
    state: { status },
    dateCreated,
    outputResources: { amis: regions.map((region) => ({ region, image: `ami-${region}` })) },
  });
  const builds = newestFirst([
    build(1, '2026-01-01T00:00:00Z', 'AVAILABLE', ['eu-west-1', 'us-east-1']),
    build(2, '2026-01-01T23:59:00Z', 'BUILDING', []),
  ]);
  assert.equal(
    imageTable(builds, now),
    [
      'IMAGE        STATUS     AMI            REGION        AGE',
      'web/1.0.0/2  BUILDING   -              -             1 min',
      'web/1.0.0/1  AVAILABLE  ami-us-east-1  us-east-1 +1  24 h',
      '',
    ].join('\n'),
  );
  assert.equal(imageTable([], now), 'no images\n');
  assert.deepEqual(
    ['2026-01-01T23:59:30Z', '2025-12-01T00:00:00Z', '2026-01-03T00:00:00Z', ''].map((time) => ago(time, now)),
    ['30 s', '32 days', '0 s', ''],
  );
});
