import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcePolicyFault } from './resource-policy.ts';

const statement = { Effect: 'Allow', Principal: { AWS: '210987654321' }, Action: ['imagebuilder:GetComponent'], Resource: '*' };
const policy = (change: object = {}): string => JSON.stringify({ Version: '2012-10-17', Statement: [{ ...statement, ...change }] });

test('policies that are well formed', () => {
  for (const text of [policy(), policy({ Sid: 's', Principal: '*', Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } }), JSON.stringify({ Statement: statement })]) {
    assert.equal(resourcePolicyFault(text), undefined, text);
  }
});

const CASES: readonly (readonly [text: string, fault: RegExp])[] = [
  ['{', /not JSON/],
  ['[]', /must be a JSON object/],
  ['{}', /must have a Statement/],
  ['{"Statement":[]}', /must have a Statement/],
  ['{"Version":"2026-01-01","Statement":[]}', /Version must be 2012-10-17/],
  ['{"Statement":[1]}', /Statement\[0\] must be an object/],
  [policy({ Effect: 'allow' }), /Statement\[0\] must have an Effect/],
  [policy({ Principals: '*' }), /'Principals'/],
  [policy({ Principal: 'me' }), /"\*" or an object of strings as Principal/],
  [policy({ NotAction: 'x' }), /either Action or NotAction/],
  [policy({ Action: [] }), /a list of strings as Action/],
  [policy({ Resource: undefined }), /either Resource or NotResource/],
  [policy({ Condition: { StringEquals: 'x' } }), /object of objects as Condition/],
];
for (const [text, fault] of CASES) test(`refused: ${text}`, () => assert.match(resourcePolicyFault(text) ?? '', fault));
