/** Decisions by actions, resources and principals. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide, decideMeant, grants, refusalMessage, type Decision } from './decide.ts';
import type { Policy } from './document.ts';
import type { Principal } from './principals.ts';
import {
  ACCOUNT,
  OTHER,
  COMPONENT,
  USER,
  STRANGER,
  ROOT,
  SESSION,
  policy,
  allow,
  deny,
  request,
  shown,
} from '../../test/harness/policy-requests.ts';

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
