/** Users with policies, and a server for them. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { CreateComponentCommand, type ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, documentOf, startApi, type TestApi } from './server.ts';

export const OTHER = '210987654321';

export let api: TestApi;

before(async () => {
  api = await startApi();
});

after(() => api.close());

export type Account = 'same' | 'other';

export interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export const own = (method: string, path: string, body?: object, account: Account = 'same') =>
  signedJson<Record<string, unknown>>(api.connectionOf(account), {
    method,
    path: `/ingot/principals${path}`,
    ...(body === undefined ? {} : { body }),
  });

export const at = (arn: string): string => `/${encodeURIComponent(arn)}`;

let serial = 0;
/** A number that no earlier call returned. */
export function nextNumber(): number {
  return serial++;
}

/** A user with these statements, and a client with its key. */
export async function user(
  statements: readonly object[],
  account: Account = 'same',
  tags: Record<string, string> = {},
): Promise<{ arn: string; key: Key; client: ImagebuilderClient }> {
  const arn = `arn:aws:iam::${account === 'same' ? ACCOUNT : OTHER}:user/u${nextNumber()}`;
  await own('POST', at(arn), { tags: Object.entries(tags).map(([key, value]) => ({ key, value })) }, account);
  await own(
    'POST',
    `${at(arn)}/policies/p`,
    { document: JSON.stringify({ Version: '2012-10-17', Statement: statements }) },
    account,
  );
  const key = (await own('POST', `${at(arn)}/keys`, undefined, account)) as unknown as Key;
  return { arn, key, client: api.clientWith(key) };
}

export const allow = (Action: string | string[], Resource: string | string[] = '*', more: object = {}): object => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});

export const deny = (Action: string | string[], Resource: string | string[] = '*', more: object = {}): object => ({
  ...allow(Action, Resource, more),
  Effect: 'Deny',
});

export const component = (name: string, more: object = {}) =>
  new CreateComponentCommand({
    name,
    semanticVersion: '1.0.0',
    platform: 'Linux',
    data: documentOf(`echo ${nextNumber()}`),
    ...more,
  });

export const refused = (request: Promise<unknown>, message: RegExp | string) =>
  assert.rejects(request, (error: Error) => {
    assert.equal(error.name, 'AccessDeniedException', error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
