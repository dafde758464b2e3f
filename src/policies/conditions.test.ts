/** Conditions of policies. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide } from './decide.ts';
import { ACCOUNT, USER, policy, allow, deny, type Context, request } from '../../test/harness/policy-requests.ts';

describe('tags that differ only in case count against the caller', () => {
  const cases: readonly (readonly [condition: object, tags: readonly string[], allows: boolean, denies: boolean])[] = [
    [{ StringEquals: { 'aws:ResourceTag/team': 'web' } }, ['web'], true, true],
    [{ StringEquals: { 'aws:ResourceTag/Team': 'web' } }, ['web', 'db'], false, true],
    [{ StringEquals: { 'aws:ResourceTag/Team': ['web', 'db'] } }, ['web', 'db'], true, true],
    [{ StringNotEquals: { 'aws:ResourceTag/team': 'web' } }, ['web', 'db'], false, true],
    [{ StringNotEquals: { 'aws:ResourceTag/team': 'web' } }, ['db', 'ops'], true, true],
    [{ StringLikeIfExists: { 'aws:ResourceTag/team': 'w*' } }, ['db', 'web'], false, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:ResourceTag/team': 'web' } }, ['db', 'web'], false, true],
    [{ 'ForAllValues:StringEquals': { 'aws:ResourceTag/team': 'web' } }, ['db', 'web'], false, true],
    [{ StringEquals: { 'aws:RequestedRegion': '${aws:ResourceTag/team}' } }, ['db', 'web'], false, true],
    // A multi-valued key keeps its meaning.
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'team' } }, ['team', 'Team'], true, true],
  ];
  for (const [condition, values, allows, denies] of cases) {
    test(`${JSON.stringify(condition)} ${values.join(', ')}`, () => {
      const context = { 'aws:ResourceTag/team': values, 'aws:TagKeys': values, 'aws:RequestedRegion': 'web' };
      const judged = (statement: object): boolean =>
        decide(request({}, context), { identity: [policy([allow(), statement])] }).allowed;
      assert.equal(
        decide(request({}, context), { identity: [policy(allow({ Condition: condition }))] }).allowed,
        allows,
      );
      assert.equal(judged(deny({ Condition: condition })), !denies);
    });
  }
});

describe('conditions', () => {
  const cases: readonly (readonly [condition: object, context: Context, holds: boolean])[] = [
    [{ StringEquals: { 'aws:RequestTag/team': 'web' } }, { 'aws:RequestTag/team': 'web' }, true],
    [{ StringEquals: { 'AWS:requesttag/TEAM': 'web' } }, { 'aws:RequestTag/team': 'web' }, true],
    [{ StringEquals: { 'aws:RequestTag/team': 'web' } }, { 'aws:RequestTag/team': 'Web' }, false],
    [{ StringEquals: { 'aws:RequestTag/team': 'w*' } }, { 'aws:RequestTag/team': 'web' }, false],
    [{ StringEquals: { 'aws:RequestTag/team': ['db', 'web'] } }, { 'aws:RequestTag/team': 'web' }, true],
    [{ StringEquals: { 'aws:RequestTag/team': 'web' } }, {}, false],
    [{ StringEqualsIfExists: { 'aws:RequestTag/team': 'web' } }, {}, true],
    [{ StringEqualsIfExists: { 'aws:RequestTag/team': 'web' } }, { 'aws:RequestTag/team': 'db' }, false],
    [{ StringNotEquals: { 'aws:RequestTag/team': 'web' } }, {}, true],
    [{ StringNotEquals: { 'aws:RequestTag/team': ['web', 'db'] } }, { 'aws:RequestTag/team': 'db' }, false],
    [{ StringNotEquals: { 'aws:RequestTag/team': ['web', 'db'] } }, { 'aws:RequestTag/team': 'ops' }, true],
    [{ StringEqualsIgnoreCase: { 'aws:RequestTag/team': 'WEB' } }, { 'aws:RequestTag/team': 'web' }, true],
    [{ StringNotEqualsIgnoreCase: { 'aws:RequestTag/team': 'WEB' } }, { 'aws:RequestTag/team': 'web' }, false],
    [{ StringLike: { 'aws:RequestTag/team': 'w?b*' } }, { 'aws:RequestTag/team': 'web-1' }, true],
    [{ StringNotLike: { 'aws:RequestTag/team': 'w*' } }, { 'aws:RequestTag/team': 'web' }, false],
    [{ StringEquals: { 'aws:RequestTag/a': '1', 'aws:RequestTag/b': '2' } }, { 'aws:RequestTag/a': '1' }, false],
    [
      { StringEquals: { 'aws:RequestTag/a': '1' }, Bool: { 'aws:SecureTransport': 'true' } },
      { 'aws:RequestTag/a': '1', 'aws:SecureTransport': 'false' },
      false,
    ],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'stage'] } }, { 'aws:TagKeys': ['team'] }, true],
    [
      { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'stage'] } },
      { 'aws:TagKeys': ['team', 'owner'] },
      false,
    ],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] } }, {}, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['team'] } }, { 'aws:TagKeys': ['team', 'owner'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['team'] } }, { 'aws:TagKeys': ['owner'] }, false],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['team'] } }, {}, false],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['team'] } }, { 'aws:TagKeys': ['team', 'owner'] }, true],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['team'] } }, {}, false],
    [{ 'ForAllValues:StringNotLike': { 'aws:TagKeys': ['secret*'] } }, { 'aws:TagKeys': ['team', 'secret-1'] }, false],
    [{ NumericEquals: { 'aws:MultiFactorAuthAge': 5 } }, { 'aws:MultiFactorAuthAge': '5.0' }, true],
    [{ NumericLessThan: { 'aws:MultiFactorAuthAge': '300' } }, { 'aws:MultiFactorAuthAge': '299' }, true],
    [{ NumericGreaterThanEquals: { 'aws:MultiFactorAuthAge': '300' } }, { 'aws:MultiFactorAuthAge': '299' }, false],
    [{ NumericNotEquals: { 'aws:MultiFactorAuthAge': '300' } }, { 'aws:MultiFactorAuthAge': '300' }, false],
    [{ NumericLessThan: { 'aws:MultiFactorAuthAge': '300' } }, { 'aws:MultiFactorAuthAge': 'soon' }, false],
    [
      { DateGreaterThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } },
      { 'aws:CurrentTime': '2026-11-21T12:00:00.000Z' },
      true,
    ],
    [{ DateLessThan: { 'aws:CurrentTime': '2026-01-01' } }, { 'aws:CurrentTime': '2026-11-21T12:00:00.000Z' }, false],
    [{ DateLessThanEquals: { 'aws:EpochTime': '1800000000' } }, { 'aws:EpochTime': '1799999999' }, true],
    [{ DateEquals: { 'aws:CurrentTime': '1795262400' } }, { 'aws:CurrentTime': '2026-11-21T12:00:00Z' }, true],
    [
      { DateNotEquals: { 'aws:CurrentTime': '2026-11-21T12:00:00Z' } },
      { 'aws:CurrentTime': '2026-11-21T12:00:00.000Z' },
      false,
    ],
    [{ Bool: { 'aws:SecureTransport': false } }, { 'aws:SecureTransport': 'false' }, true],
    [{ BoolIfExists: { 'aws:MultiFactorAuthPresent': 'true' } }, {}, true],
    [{ Null: { 'aws:RequestTag/team': 'true' } }, {}, true],
    [{ Null: { 'aws:RequestTag/team': 'true' } }, { 'aws:RequestTag/team': 'web' }, false],
    [{ Null: { 'aws:RequestTag/team': 'false' } }, { 'aws:RequestTag/team': 'web' }, true],
    [{ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, { 'aws:SourceIp': '203.0.113.9' }, true],
    [{ IpAddress: { 'aws:SourceIp': ['198.51.100.7', '203.0.113.0/31'] } }, { 'aws:SourceIp': '203.0.113.2' }, false],
    [{ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, { 'aws:SourceIp': '::ffff:203.0.113.9' }, true],
    [{ IpAddress: { 'aws:SourceIp': '2001:db8::/32' } }, { 'aws:SourceIp': '2001:db8:1::9' }, true],
    [{ IpAddress: { 'aws:SourceIp': '2001:db8::/32' } }, { 'aws:SourceIp': '2001:db9::1' }, false],
    [{ IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, { 'aws:SourceIp': '::1' }, false],
    [{ NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, { 'aws:SourceIp': '203.0.114.9' }, true],
    [{ NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '203.0.113.0/24'] } }, { 'aws:SourceIp': '203.0.113.9' }, false],
    [{ ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/c?' } }, { 'aws:PrincipalArn': USER.arn }, true],
    [{ ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:role/*` } }, { 'aws:PrincipalArn': USER.arn }, false],
    [{ ArnNotLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:role/*` } }, { 'aws:PrincipalArn': USER.arn }, true],
    [
      { StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } },
      { 'aws:ResourceTag/team': 'web', 'aws:PrincipalTag/team': 'web' },
      true,
    ],
    [
      { StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } },
      { 'aws:ResourceTag/team': 'web' },
      false,
    ],
    [
      { StringEquals: { 'aws:ResourceTag/team': "${aws:PrincipalTag/team, 'web'}" } },
      { 'aws:ResourceTag/team': 'web' },
      true,
    ],
    [
      { StringLike: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } },
      { 'aws:ResourceTag/team': 'web', 'aws:PrincipalTag/team': '*' },
      false,
    ],
    [{ StringLike: { 'aws:ResourceTag/team': 'w${*}' } }, { 'aws:ResourceTag/team': 'web' }, false],
    [{ StringLike: { 'aws:ResourceTag/team': 'w${*}' } }, { 'aws:ResourceTag/team': 'w*' }, true],
  ];
  for (const [condition, context, holds] of cases) {
    test(`${JSON.stringify(condition)} with ${JSON.stringify(context)}`, () => {
      assert.equal(
        decide(request({}, context), { identity: [policy(allow({ Condition: condition }))] }).allowed,
        holds,
      );
    });
  }

  test('a variable in a resource', () => {
    const own = policy(allow({ Resource: 'arn:aws:imagebuilder:*:*:component/${aws:username}/*' }));
    assert.equal(decide(request({}, { 'aws:username': 'web' }), { identity: [own] }).allowed, true);
    assert.equal(decide(request({}, { 'aws:username': 'w*' }), { identity: [own] }).allowed, false);
    assert.equal(decide(request(), { identity: [own] }).allowed, false);
    // Versions before 2012-10-17 have no variables.
    const old = policy(
      allow({ Resource: 'arn:aws:imagebuilder:*:*:component/${aws:username}/*' }),
      'identity',
      '2008-10-17',
    );
    assert.equal(decide(request({}, { 'aws:username': 'web' }), { identity: [old] }).allowed, false);
  });

  test('a policy lists its context keys', () => {
    const { keys } = policy(
      allow({
        Resource: 'arn:aws:imagebuilder:*:*:component/${aws:UserName}/*',
        Condition: { StringEquals: { 'aws:ResourceTag/Team': '${aws:PrincipalTag/Team}' } },
      }),
    );
    assert.deepEqual([...keys].sort(), ['aws:principaltag/team', 'aws:resourcetag/team', 'aws:username']);
  });
});
