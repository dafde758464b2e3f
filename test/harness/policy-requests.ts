/** Policies and requests for the tests of policies. */
import assert from 'node:assert/strict';
import type { AccessRequest, Decision } from '../../src/policies/decide.ts';
import { parsePolicy, type Policy, type PolicyKind } from '../../src/policies/document.ts';
import type { Principal } from '../../src/policies/principals.ts';

export const ACCOUNT = '123456789012';

export const OTHER = '210987654321';

export const COMPONENT = `arn:aws:imagebuilder:eu-west-1:${ACCOUNT}:component/web/1.0.0/1`;

export const USER: Principal = {
  type: 'user',
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:user/ci`,
  id: 'AIDA1',
  tags: {},
};

export const STRANGER: Principal = { ...USER, account: OTHER, arn: `arn:aws:iam::${OTHER}:user/ci` };

export const ROOT: Principal = { ...USER, type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root` };

export const SESSION: Principal = {
  ...USER,
  type: 'assumed-role',
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/builder/one`,
  roleArn: `arn:aws:iam::${ACCOUNT}:role/builder`,
};

export function policy(
  statements: object | readonly object[],
  kind: PolicyKind = 'identity',
  version = '2012-10-17',
): Policy {
  const read = parsePolicy(JSON.stringify({ Version: version, Statement: statements }), kind);
  if ('faults' in read) assert.fail(read.faults.join('\n'));
  return read.policy;
}

export const allow = (more: object = {}): object => ({
  Effect: 'Allow',
  Action: 'imagebuilder:*',
  Resource: '*',
  ...more,
});

export const deny = (more: object = {}): object => ({ ...allow(more), Effect: 'Deny' });

export type Context = Readonly<Record<string, string | readonly string[]>>;

export function request(more: Partial<AccessRequest> = {}, context: Context = {}): AccessRequest {
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

export const shown = (decision: Decision): string =>
  decision.allowed ? 'allowed' : `${decision.because}, ${decision.source}`;
