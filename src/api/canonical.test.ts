import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalInput, canonicalName } from './canonical.ts';
import { OPERATIONS } from './model.ts';
import { API_DATA } from './validate.ts';

const PLACE = { account: '123456789012', region: 'eu-west-1' };
const MINE = `arn:aws:imagebuilder:${PLACE.region}:${PLACE.account}:`;
const notFound = { name: 'ResourceNotFoundException' };

test('every request member with an Image Builder ARN is canonicalized', () => {
  const missed: string[] = [];
  const walk = (shapeName: string, member: string, path: string, above: readonly string[]): void => {
    const shape = API_DATA.shapes[shapeName]!;
    if (above.includes(shapeName)) return;
    if (shape.pattern?.includes(':imagebuilder:') && !member.endsWith('Arn')) missed.push(path);
    for (const [name, each] of Object.entries(shape.members ?? {}))
      walk(each.shape, name, `${path}.${name}`, [...above, shapeName]);
    if (shape.member !== undefined) walk(shape.member, '[]', `${path}[]`, [...above, shapeName]);
  };
  for (const name of OPERATIONS.keys()) walk(API_DATA.operations[name].input, '', name, []);
  assert.deepEqual(missed, []);
});

test('names in a request become canonical, also nested ones, and everything else stays', () => {
  const given = {
    name: 'x',
    semanticVersion: '01.002.x',
    parentImage: `${MINE}image/web/01.0.0`,
    tags: { someArn: `${MINE}image/web/01.0.0` },
    components: [
      {
        componentArn: `${MINE}component/web/2026.01.05/1`,
        parameters: [{ name: 'p', value: [`${MINE}component/web/01.0.0`] }],
      },
    ],
  };
  assert.deepEqual(canonicalInput(OPERATIONS.get('CreateImageRecipe')!, given, PLACE), {
    ...given,
    semanticVersion: '1.2.x',
    parentImage: `${MINE}image/web/1.0.0`,
    components: [{ ...given.components[0], componentArn: `${MINE}component/web/2026.1.5/1` }],
  });
  assert.deepEqual(
    canonicalInput(
      OPERATIONS.get('ListImagePipelines')!,
      { filters: [{ name: 'imageRecipeArn', values: [`${MINE}image-recipe/web/01.0.0`, 'arn:aws-cn:x'] }] },
      PLACE,
    ),
    {
      filters: [{ name: 'imageRecipeArn', values: [`${MINE}image-recipe/web/1.0.0`, 'arn:aws-cn:x'] }],
    },
  );
  assert.deepEqual(canonicalInput(OPERATIONS.get('CreateImageRecipe')!, { name: 'x', dryRun: true }, PLACE), {
    name: 'x',
    dryRun: true,
  });
});

test('a parent image has one canonical name', () => {
  for (const [given, expected] of [
    ['ami-0123456789abcdef0', 'ami-0123456789abcdef0'],
    ['debian:12', 'debian:12'],
    ['ssm:golden', 'ssm:golden'],
    ['ssm:/golden', 'ssm:/golden'],
    ['ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/golden', 'ssm:/golden'],
    ['ssm:arn:aws:ssm:eu-west-1::parameter/aws/service/x', 'ssm:/aws/service/x'],
  ] as const)
    assert.equal(canonicalName(given, PLACE), expected);
  for (const given of [
    'arn:aws-cn:imagebuilder:eu-west-1:123456789012:image/web/1.0.0',
    'arn:AWS:imagebuilder:eu-west-1:123456789012:image/web/1.0.0',
    'ssm://golden',
    'ssm:arn:aws-cn:ssm:eu-west-1:123456789012:parameter/golden',
    'ssm:arn:aws:ssm:us-east-1:123456789012:parameter/golden',
    'ssm:arn:aws:ssm:eu-west-1:210987654321:parameter/golden',
    'ssm:ARN:aws:ssm:eu-west-1:123456789012:parameter/golden',
    'ssm:arn:aws:ssm:eu-west-1:123456789012:parameter//golden',
  ])
    assert.throws(() => canonicalName(given, PLACE), notFound, given);
});
