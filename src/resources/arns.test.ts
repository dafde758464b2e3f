import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accountOfArn,
  canonicalArn,
  formatArn,
  latestVersionReferences,
  nameArn,
  parseArn,
  resourceArn,
  versionArn,
  type Arn,
} from './arns.ts';
import type { Version } from './versions.ts';

const MINE = 'arn:aws:imagebuilder:eu-west-1:123456789012:';

test('ARNs of all types are parsed and formatted', () => {
  for (const [arn, expected] of [
    [
      `${MINE}component/my-comp/1.2.3/4`,
      { type: 'component', slug: 'my-comp', version: { major: 1, minor: 2, patch: 3 }, build: 4 },
    ],
    [
      `${MINE}component/my_comp/1.x.x`,
      { type: 'component', slug: 'my_comp', version: { major: 1, minor: 'x', patch: 'x' } },
    ],
    [`${MINE}image-recipe/r/1.2.3`, { type: 'image-recipe', slug: 'r', version: { major: 1, minor: 2, patch: 3 } }],
    [`${MINE}image/r/1.2.3/10`, { type: 'image', build: 10 }],
    [`${MINE}image-pipeline/p`, { type: 'image-pipeline', slug: 'p' }],
    [`${MINE}infrastructure-configuration/i`, { type: 'infrastructure-configuration' }],
    [`${MINE}distribution-configuration/d`, { type: 'distribution-configuration' }],
    [`${MINE}lifecycle-policy/l`, { type: 'lifecycle-policy' }],
    [`${MINE}workflow/build/w/1.0.0/1`, { type: 'workflow', workflowType: 'build', slug: 'w', build: 1 }],
    [
      'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-x86/x.x.x',
      { owner: 'aws', region: 'us-east-1', slug: 'debian-12-x86' },
    ],
    ['arn:aws:imagebuilder:us-east-1:aws-marketplace:component/c/1.0.0/1', { owner: 'aws-marketplace' }],
    ['arn:aws:imagebuilder:us-east-1:third-party:component/c/1.0.0/1', { owner: 'third-party' }],
  ] as const) {
    const parsed = parseArn(arn)!;
    for (const [member, value] of Object.entries(expected))
      assert.deepEqual(parsed[member as keyof Arn], value, `${arn}: ${member}`);
    assert.equal(formatArn(parsed), arn);
  }
});

test('other ARNs are rejected', () => {
  for (const text of [
    '',
    'ami-0123',
    'arn:aws:ec2:eu-west-1::image/ami-0123',
    `${MINE}component/my-comp/1.2.3/0`,
    `${MINE}component/My-Comp/1.2.3`,
    `${MINE}component/c/1.x.8`,
    `${MINE}component/c/1.x.x/1`,
    `${MINE}image-recipe/r/1.2.3/4`,
    `${MINE}image-pipeline/p/1.0.0`,
    `${MINE}workflow/w/1.0.0`,
    `${MINE}unknown/u`,
    'arn:aws:imagebuilder:eu-west-1:12345:component/c/1.0.0',
    `${MINE}component/c/1.2.3/4/5`,
    `${MINE}component/c/`,
    `${MINE}component/c/1.2.3/4\n`,
    ...['aws-cn', 'AWS', ''].map((partition) => `${MINE}component/c/1.0.0/1`.replace(':aws:', `:${partition}:`)),
    'arn:aws:imagebuilder:eu west:123456789012:component/c/1.0.0/1',
    'arn:aws:imagebuilder:../x:123456789012:image/c/1.0.0/1',
    `${MINE}component/c/1.0.0/01`,
    `${MINE}component/c//1.0.0/1`,
  ])
    assert.equal(parseArn(text), undefined, text);
});

test('an ARN has one canonical form: versions without leading zeros', () => {
  for (const [given, expected] of [
    ['component/c/2026.01.05/1', 'component/c/2026.1.5/1'],
    ['image/c/00.01.x', 'image/c/0.1.x'],
    ['image-recipe/r/1.2.3', 'image-recipe/r/1.2.3'],
    ['image-pipeline/007', 'image-pipeline/007'],
  ] as const)
    assert.equal(canonicalArn(MINE + given), MINE + expected);
  assert.equal(canonicalArn(`${MINE}component/c/1.0.0/01`), undefined);
});

test('shorter and wider forms', () => {
  const arn = parseArn(`${MINE}component/c/1.2.3/4`) as Arn & { version: Version };
  assert.equal(nameArn(arn), `${MINE}component/c`);
  assert.equal(versionArn(arn), `${MINE}component/c/1.2.3`);
  assert.equal(
    resourceArn({ region: 'eu-west-1', account: '123456789012' }, 'component', 'c', arn.version, 4),
    `${MINE}component/c/1.2.3/4`,
  );
  assert.equal(
    resourceArn({ region: 'eu-west-1', account: '123456789012' }, 'image-pipeline', 'p'),
    `${MINE}image-pipeline/p`,
  );
  assert.deepEqual(latestVersionReferences(arn), {
    latestVersionArn: `${MINE}component/c/x.x.x`,
    latestMajorVersionArn: `${MINE}component/c/1.x.x`,
    latestMinorVersionArn: `${MINE}component/c/1.2.x`,
    latestPatchVersionArn: `${MINE}component/c/1.2.3`,
  });
});

test('the account of an ARN of any service', () => {
  for (const [text, account] of [
    ['arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1', '123456789012'],
    ['arn:aws:imagebuilder:us-east-1:aws:component/update-linux/1.0.0/1', 'aws'],
    ['arn:aws:iam::123456789012:role/a:b', '123456789012'],
    ['arn:aws:s3:::bucket', undefined],
    ['ami-0123456789abcdef0', undefined],
  ] as const)
    assert.equal(accountOfArn(text), account);
});
