import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPrincipalName, parsePrincipalArn, ROLE_ARN } from './principal-arns.ts';

test('ARNs of users and roles are parsed', () => {
  assert.deepEqual(parsePrincipalArn('arn:aws:iam::123456789012:user/ci'), {
    account: '123456789012',
    type: 'user',
    name: 'ci',
  });
  assert.equal(parsePrincipalArn('arn:aws:iam::123456789012:role/a.b@c')?.type, 'role');
});

for (const text of [
  'arn:aws:iam::12345678901:user/ci',
  'arn:aws:iam::123456789012:group/ci',
  'arn:aws:iam::123456789012:user/path/ci',
  'arn:aws-cn:iam::123456789012:user/ci',
  'arn:aws:iam::123456789012:user/ci\n',
  `arn:aws:iam::123456789012:user/${'x'.repeat(65)}`,
  'user/ci',
])
  test(`not the ARN of a user or a role: ${JSON.stringify(text.slice(0, 50))}`, () =>
    assert.equal(parsePrincipalArn(text), undefined));

test('a role is not a user, and a name begins with its type', () => {
  assert.ok(ROLE_ARN.test('arn:aws:iam::123456789012:role/x'));
  assert.ok(!ROLE_ARN.test('arn:aws:iam::123456789012:user/x'));
  assert.deepEqual(['user/x', 'role/x', 'x', 'user/', 'group/x'].map(isPrincipalName), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
