import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide, decideMeant, grants, refusalMessage, type AccessRequest, type Decision } from './decide.ts';
import { parsePolicy, type Policy, type PolicyKind } from './document.ts';
import type { Principal } from './principals.ts';

const ACCOUNT = '123456789012';
const OTHER = '210987654321';
const COMPONENT = `arn:aws:imagebuilder:eu-west-1:${ACCOUNT}:component/web/1.0.0/1`;
const USER: Principal = {
  type: 'user',
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:user/ci`,
  id: 'AIDA1',
  tags: {},
};
const STRANGER: Principal = { ...USER, account: OTHER, arn: `arn:aws:iam::${OTHER}:user/ci` };
const ROOT: Principal = { ...USER, type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root` };
const SESSION: Principal = {
  ...USER,
  type: 'assumed-role',
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/builder/one`,
  roleArn: `arn:aws:iam::${ACCOUNT}:role/builder`,
};

function policy(statements: object | readonly object[], kind: PolicyKind = 'identity', version = '2012-10-17'): Policy {
  const read = parsePolicy(JSON.stringify({ Version: version, Statement: statements }), kind);
  if ('faults' in read) assert.fail(read.faults.join('\n'));
  return read.policy;
}
const allow = (more: object = {}): object => ({ Effect: 'Allow', Action: 'imagebuilder:*', Resource: '*', ...more });
const deny = (more: object = {}): object => ({ ...allow(more), Effect: 'Deny' });
type Context = Readonly<Record<string, string | readonly string[]>>;
function request(more: Partial<AccessRequest> = {}, context: Context = {}): AccessRequest {
  const values = new Map(
    Object.entries(context).map(([key, value]) => [key.toLowerCase(), [value].flat() as readonly string[]]),
  );
  return {
    principal: USER,
    action: 'imagebuilder:GetComponent',
    resource: COMPONENT,
    resourceAccount: ACCOUNT,
    context: (key) => values.get(key),
    ...more,
  };
}
const shown = (decision: Decision): string =>
  decision.allowed ? 'allowed' : `${decision.because}, ${decision.source}`;

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

describe('actions and resources', () => {
  const cases: readonly (readonly [name: string, statement: object, allowed: boolean])[] = [
    ['everything', { Action: '*' }, true],
    ['the service', { Action: 'imagebuilder:*' }, true],
    ['the action', { Action: 'imagebuilder:GetComponent' }, true],
    ['the action in any case', { Action: 'ImageBuilder:getcomponent' }, true],
    ['a wildcard inside', { Action: 'imagebuilder:Get*' }, true],
    ['a question mark', { Action: 'imagebuilder:?etComponent' }, true],
    ['a question mark is one character', { Action: 'imagebuilder:GetComponent?' }, false],
    ['another action', { Action: 'imagebuilder:GetComponentPolicy' }, false],
    ['another service', { Action: 'ec2:*' }, false],
    ['a list', { Action: ['ec2:*', 'imagebuilder:GetComponent'] }, true],
    ['NotAction leaves it out', { Action: undefined, NotAction: 'imagebuilder:Get*' }, false],
    ['NotAction leaves another out', { Action: undefined, NotAction: ['iam:*', 'imagebuilder:Delete*'] }, true],
    ['the resource', { Resource: COMPONENT }, true],
    ['all versions', { Resource: `arn:aws:imagebuilder:eu-west-1:${ACCOUNT}:component/web/*` }, true],
    ['any Region', { Resource: `arn:aws:imagebuilder:*:${ACCOUNT}:component/web/1.0.0/1` }, true],
    ['any account', { Resource: 'arn:aws:imagebuilder:eu-west-1:*:component/*' }, true],
    ['case counts in resources', { Resource: COMPONENT.replace('web', 'WEB') }, false],
    ['another name', { Resource: `arn:aws:imagebuilder:eu-west-1:${ACCOUNT}:component/database/*` }, false],
    ['a wildcard does not reach over a colon', { Resource: `arn:aws:imagebuilder:*:component/web/1.0.0/1:x` }, false],
    ['NotResource leaves it out', { Resource: undefined, NotResource: `${COMPONENT.slice(0, -1)}*` }, false],
    ['NotResource leaves another out', { Resource: undefined, NotResource: `arn:aws:imagebuilder:*:*:image/*` }, true],
    ['many stars', { Resource: `arn:aws:imagebuilder:*:*:*c*o*m*p*w*b*/1.?.0/*` }, true],
    ['many stars that fit nothing', { Resource: `arn:aws:imagebuilder:*:*:${'*o'.repeat(60)}` }, false],
  ];
  for (const [name, statement, allowed] of cases) {
    test(name, () => {
      assert.equal(
        shown(decide(request(), { identity: [policy(allow(statement))] })),
        allowed ? 'allowed' : 'no allow, identity-based',
      );
      // The statement as a deny denies what it would allow as an allow.
      assert.equal(
        shown(decide(request(), { identity: [policy([allow(), deny(statement)])] })),
        allowed ? 'explicit deny, identity-based' : 'allowed',
      );
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

describe('principals', () => {
  const named = (principal: unknown, more: object = {}): Policy =>
    policy(
      { Effect: 'Allow', Action: 'imagebuilder:GetComponent', Resource: COMPONENT, Principal: principal, ...more },
      'resource',
    );
  const everything = policy(allow());
  const cases: readonly (readonly [
    name: string,
    principal: Principal,
    policies: Parameters<typeof decide>[1],
    expected: string,
  ])[] = [
    ['no policy', USER, { identity: [] }, 'no allow, identity-based'],
    ['root needs none', ROOT, { identity: [] }, 'allowed'],
    [
      'a deny of another policy wins',
      USER,
      { identity: [everything, policy(deny())] },
      'explicit deny, identity-based',
    ],
    ['another account, identity alone', STRANGER, { identity: [everything] }, 'no allow, resource-based'],
    [
      'another account, resource alone',
      STRANGER,
      { identity: [], resource: named({ AWS: STRANGER.arn }) },
      'no allow, identity-based',
    ],
    ['another account, both', STRANGER, { identity: [everything], resource: named({ AWS: STRANGER.arn }) }, 'allowed'],
    ['another account by its id', STRANGER, { identity: [everything], resource: named({ AWS: OTHER }) }, 'allowed'],
    [
      'another account by its root',
      STRANGER,
      { identity: [everything], resource: named({ AWS: [`arn:aws:iam::${OTHER}:root`] }) },
      'allowed',
    ],
    [
      'a third account',
      STRANGER,
      { identity: [everything], resource: named({ AWS: '111111111111' }) },
      'no allow, resource-based',
    ],
    ['anybody', STRANGER, { identity: [everything], resource: named('*') }, 'allowed'],
    [
      'anybody who meets a condition',
      STRANGER,
      {
        identity: [everything],
        resource: named('*', { Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } }),
      },
      'no allow, resource-based',
    ],
    [
      'the root of another account needs the resource to allow it',
      { ...ROOT, account: OTHER },
      { identity: [] },
      'no allow, resource-based',
    ],
    [
      'a deny of the resource',
      USER,
      {
        identity: [everything],
        resource: policy({ Effect: 'Deny', Action: '*', Resource: '*', Principal: '*' }, 'resource'),
      },
      'explicit deny, resource-based',
    ],
    [
      'a deny for all but one',
      USER,
      {
        identity: [everything],
        resource: policy({ Effect: 'Deny', Action: '*', Resource: '*', NotPrincipal: { AWS: USER.arn } }, 'resource'),
      },
      'allowed',
    ],
    [
      'a deny for all but another',
      USER,
      {
        identity: [everything],
        resource: policy(
          { Effect: 'Deny', Action: '*', Resource: '*', NotPrincipal: { AWS: STRANGER.arn } },
          'resource',
        ),
      },
      'explicit deny, resource-based',
    ],
    [
      'a user of the same account, named by the resource',
      USER,
      { identity: [], resource: named({ AWS: USER.arn }) },
      'allowed',
    ],
    [
      'a user of the same account, its account named',
      USER,
      { identity: [], resource: named({ AWS: ACCOUNT }) },
      'no allow, identity-based',
    ],
    ['a session, its role named', SESSION, { identity: [], resource: named({ AWS: SESSION.roleArn }) }, 'allowed'],
    ['a session, itself named', SESSION, { identity: [], resource: named({ AWS: SESSION.arn }) }, 'allowed'],
    [
      'a session policy narrows',
      SESSION,
      { identity: [everything], session: policy(allow({ Action: 'imagebuilder:List*' })) },
      'no allow, session',
    ],
    ['a session policy grants nothing', SESSION, { identity: [], session: everything }, 'no allow, identity-based'],
    [
      'a session policy denies',
      SESSION,
      { identity: [everything], session: policy([allow(), deny()]) },
      'explicit deny, session',
    ],
    [
      'both allow',
      SESSION,
      { identity: [everything], session: policy(allow({ Action: 'imagebuilder:Get*' })) },
      'allowed',
    ],
  ];
  for (const [name, principal, policies, expected] of cases)
    test(name, () => assert.equal(shown(decide(request({ principal }), policies)), expected));

  test("without an owner, the principal's policies decide", () => {
    assert.equal(
      decide(request({ principal: STRANGER, resourceAccount: undefined }), { identity: [everything] }).allowed,
      true,
    );
    assert.equal(decide(request({ principal: STRANGER, resourceAccount: undefined }), { identity: [] }).allowed, false);
  });

  test('a trust policy names users, accounts and identity providers', () => {
    const trust = policy(
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com` },
        Condition: { StringLike: { 'token.actions.githubusercontent.com:sub': 'repo:acme/images:*' } },
      },
      'trust',
    );
    const federated: Principal = {
      ...USER,
      type: 'federated',
      arn: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`,
    };
    const asked = (principal: Principal, sub: string) =>
      grants(
        trust,
        request(
          { principal, action: 'sts:AssumeRoleWithWebIdentity' },
          { 'token.actions.githubusercontent.com:sub': sub },
        ),
      );
    assert.equal(asked(federated, 'repo:acme/images:ref:refs/heads/main'), 'itself');
    assert.equal(asked(federated, 'repo:evil/images:ref:refs/heads/main'), undefined);
    assert.equal(
      asked({ ...federated, arn: `arn:aws:iam::${ACCOUNT}:oidc-provider/evil.example` }, 'repo:acme/images:x'),
      undefined,
    );
    assert.equal(asked(USER, 'repo:acme/images:x'), undefined);
    assert.equal(
      grants(
        policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: ACCOUNT } }, 'trust'),
        request({ action: 'sts:AssumeRole' }),
      ),
      'account',
    );
  });

  test("denials have AWS's messages", () => {
    const asked = request();
    const refused = decide(asked, { identity: [] }) as Exclude<Decision, { allowed: true }>;
    assert.equal(
      refusalMessage(asked, refused),
      `User: ${USER.arn} is not authorized to perform: imagebuilder:GetComponent on resource: ${COMPONENT} because ` +
        'no identity-based policy allows the imagebuilder:GetComponent action',
    );
    assert.match(
      refusalMessage(asked, { allowed: false, because: 'explicit deny', source: 'identity-based' }),
      / with an explicit deny in an identity-based policy$/,
    );
    assert.match(
      refusalMessage(asked, { allowed: false, because: 'explicit deny', source: 'resource-based' }),
      / with an explicit deny in a resource-based policy$/,
    );
  });
});

test('faults of a policy are reported with their path', () => {
  const ok = { Effect: 'Allow', Action: '*', Resource: '*' };
  const cases: readonly (readonly [document: unknown, kind: PolicyKind, fault: RegExp])[] = [
    ['{', 'identity', /not JSON/],
    [[], 'identity', /not a JSON object/],
    [{ Version: '2012-10-17' }, 'identity', /^Statement: is required/],
    [{ Version: '2020-01-01', Statement: ok }, 'identity', /^Version: must be/],
    [{ Statement: ok, Statements: [] }, 'identity', /^Statements: unknown element/],
    [{ Statement: [ok, 5] }, 'identity', /^Statement\[1\]: must be an object/],
    [{ Statement: { ...ok, Effect: 'allow' } }, 'identity', /^Statement\.Effect: must be/],
    [{ Statement: { Effect: 'Allow', Resource: '*' } }, 'identity', /needs Action or NotAction/],
    [{ Statement: { ...ok, NotAction: 'iam:*' } }, 'identity', /has both Action and NotAction/],
    [{ Statement: { ...ok, Action: [] } }, 'identity', /Action: is empty/],
    [{ Statement: { ...ok, Action: 'GetImage' } }, 'identity', /'GetImage' is not an action/],
    [{ Statement: { ...ok, Action: 5 } }, 'identity', /must be a string or a list/],
    [{ Statement: { Effect: 'Allow', Action: '*' } }, 'identity', /needs Resource or NotResource/],
    [{ Statement: { ...ok, Resource: 'component/web' } }, 'identity', /neither "\*" nor an ARN/],
    [
      { Version: '2012-10-17', Statement: { ...ok, Resource: 'arn:aws:imagebuilder:*:*:component/${aws:username' } },
      'identity',
      /neither "\*" nor an ARN/,
    ],
    [{ Statement: { ...ok, Principal: '*' } }, 'identity', /names none/],
    [{ Statement: ok }, 'resource', /needs Principal or NotPrincipal/],
    [{ Statement: { ...ok, Principal: { AWS: 'me' } } }, 'resource', /neither "\*", nor an account id/],
    [{ Statement: { ...ok, Principal: {} } }, 'resource', /must be "\*" or an object/],
    [{ Statement: { ...ok, NotPrincipal: '*' } }, 'resource', /goes with "Effect": "Deny" only/],
    [{ Statement: { ...ok, Principal: '*' } }, 'trust', /names no resource/],
    [
      { Statement: { ...ok, Condition: { StringIs: { a: 'b' } } } },
      'identity',
      /unknown condition operator 'StringIs'/,
    ],
    [{ Statement: { ...ok, Condition: { StringEquals: 'a' } } }, 'identity', /must be an object of condition keys/],
    [{ Statement: { ...ok, Condition: { StringEquals: { a: [] } } } }, 'identity', /has no value/],
    [
      { Statement: { ...ok, Condition: { IpAddress: { 'aws:SourceIp': '300.1.1.1' } } } },
      'identity',
      /'300\.1\.1\.1' is not a valid value for IpAddress/,
    ],
    [
      { Statement: { ...ok, Condition: { NumericLessThan: { a: 'many' } } } },
      'identity',
      /'many' is not a valid value/,
    ],
    [
      { Statement: { ...ok, Condition: { DateLessThan: { a: 'tomorrow' } } } },
      'identity',
      /'tomorrow' is not a valid value/,
    ],
    [{ Statement: { ...ok, Condition: { Bool: { a: 'yes' } } } }, 'identity', /'yes' is not a valid value/],
    [{ Statement: { ...ok, Condition: { Null: { a: 'yes' } } } }, 'identity', /takes "true" or "false"/],
    [
      {
        Statement: [
          { ...ok, Sid: 'a' },
          { ...ok, Sid: 'a' },
        ],
      },
      'identity',
      /duplicate Sid 'a'/,
    ],
    ['x'.repeat(30_001), 'identity', /at most 30000/],
  ];
  for (const [document, kind, fault] of cases) {
    const read = parsePolicy(typeof document === 'string' ? document : JSON.stringify(document), kind);
    assert.ok('faults' in read, `accepted: ${JSON.stringify(document)}`);
    assert.ok(
      read.faults.some((each) => fault.test(each)),
      `${JSON.stringify(document)}: ${read.faults.join(' | ')}`,
    );
  }
});

describe('several names of one resource', () => {
  const version = COMPONENT.replace(/\/1$/, '');
  const latest = COMPONENT.replace('1.0.0/1', 'x.x.x');
  const cases: readonly (readonly [name: string, statements: readonly object[], given: string, expected: string])[] = [
    [
      'a deny of what a wildcard means',
      [allow(), deny({ Resource: COMPONENT })],
      latest,
      'explicit deny, identity-based',
    ],
    [
      'a deny of the version denies its build',
      [allow(), deny({ Resource: version })],
      COMPONENT,
      'explicit deny, identity-based',
    ],
    ['an allow of the version allows no build', [allow({ Resource: version })], COMPONENT, 'no allow, identity-based'],
    ['an allow of what a wildcard means', [allow({ Resource: COMPONENT })], latest, 'allowed'],
    [
      'what NotResource spares is spared, whatever its other names are',
      [allow(), deny({ Resource: undefined, NotResource: COMPONENT })],
      COMPONENT,
      'allowed',
    ],
    [
      'a pattern with leading zeros is the version without them',
      [allow(), deny({ Resource: COMPONENT.replace('1.0.0', '01.00.0') })],
      COMPONENT,
      'explicit deny, identity-based',
    ],
    [
      'a pattern with a wildcard behind leading zeros',
      [allow(), deny({ Resource: COMPONENT.replace('1.0.0/1', '01.00.*') })],
      COMPONENT,
      'explicit deny, identity-based',
    ],
    [
      'digits in a name are no version',
      [allow({ Resource: COMPONENT.replace('web', '007') })],
      COMPONENT.replace('web', '7'),
      'no allow, identity-based',
    ],
  ];
  for (const [name, statements, given, expected] of cases) {
    test(name, () => {
      const meant = given === latest ? COMPONENT : given;
      assert.equal(
        shown(
          decideMeant(request({ resource: given, aliases: [meant.replace(/\/1$/, '')] }), meant, {
            identity: [policy(statements)],
          }),
        ),
        expected,
      );
    });
  }
});
