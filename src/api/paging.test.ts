import { strict as assert } from 'node:assert';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { ApiError } from '../resources/errors.ts';
import type { OperationContext } from './context.ts';
import { openPage, type PageInput } from './paging.ts';

const contextWith = (key: string): OperationContext =>
  ({
    operation: 'ListComponents',
    account: '123456789012',
    region: 'us-east-1',
    services: { catalog: { pageTokenKey: createSecretKey(Buffer.from(key)) } },
  }) as OperationContext;
const context = contextWith('key');
const numbers = Array.from({ length: 60 }, (_, index) => index);

function list(input: PageInput & Record<string, unknown>, from = context): { items: number[]; nextToken?: string } {
  const page = openPage(input, from, ['number']);
  const after = page.after?.[0] as number | undefined;
  return page.cut(
    numbers.filter((number) => after === undefined || number > after).slice(0, page.limit + 1),
    (number) => [number],
  );
}

test('pages continue to the end of the list', () => {
  const seen: number[] = [];
  const sizes: number[] = [];
  let nextToken: string | undefined;
  do {
    const page = list({ nextToken, owner: 'Self' });
    seen.push(...page.items);
    sizes.push(page.items.length);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  assert.deepEqual(seen, numbers);
  assert.deepEqual(sizes, [25, 25, 10]);
});

test('a full last page has no token', () => {
  const { nextToken } = list({ maxResults: 20 });
  const second = list({ maxResults: 20, nextToken });
  const third = list({ maxResults: 20, nextToken: second.nextToken });
  assert.equal(third.items.length, 20);
  assert.equal('nextToken' in third, false);
});

test('the page size may change from page to page', () => {
  const { nextToken } = list({ maxResults: 1 });
  assert.deepEqual(list({ maxResults: 2, nextToken }).items, [1, 2]);
});

test('a token is valid for its operation, caller and parameters only', () => {
  const token = list({ owner: 'Self', filters: [{ name: 'a', values: ['b'] }] }).nextToken!;
  const good = { owner: 'Self', filters: [{ values: ['b'], name: 'a' }], nextToken: token };
  assert.equal(list(good).items[0], 25);
  const refused: readonly [PageInput & Record<string, unknown>, OperationContext][] = [
    [{ ...good, owner: 'Amazon' }, context],
    [good, { ...context, region: 'eu-west-1' }],
    [good, { ...context, account: '210987654321' }],
    [good, { ...context, operation: 'ListImages' }],
    [{ ...good, nextToken: 'zork' }, context],
    [{ ...good, nextToken: Buffer.from('[1,"x",3]').toString('base64url') }, context],
    [{ ...good, nextToken: Buffer.from('{}').toString('base64url') }, context],
    [{ ...good, nextToken: token.slice(0, -3) }, context],
    [{ ...good, nextToken: `${token}=` }, context],
    [{ ...good, nextToken: forged(token) }, context],
    [good, contextWith('of another server')],
  ];
  for (const [input, from] of refused) {
    assert.throws(
      () => list(input, from),
      (error) => error instanceof ApiError && error.code === 'InvalidPaginationTokenException',
      JSON.stringify(input),
    );
  }
});

/** A token for another position with the signature of this one. */
function forged(token: string): string {
  const bytes = Buffer.from(token, 'base64url');
  const [position] = JSON.parse(bytes.subarray(16).toString()) as [number];
  return Buffer.concat([bytes.subarray(0, 16), Buffer.from(JSON.stringify([position + 1]))]).toString('base64url');
}

test('a position of another shape is rejected', () => {
  const { nextToken } = openPage({ maxResults: 1 }, context, ['string']).cut(['a', 'b'], (item) => [item]);
  assert.throws(() => openPage({ nextToken }, context, ['number']), ApiError);
  assert.deepEqual(openPage({ nextToken }, context, ['string']).after, ['a']);
});
