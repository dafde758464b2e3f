/** Faults of policy documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy, type PolicyKind } from './document.ts';

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
