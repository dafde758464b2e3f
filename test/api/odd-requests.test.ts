/** Requests that no client sends, over real sockets. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, startApi, type TestApi } from './server.ts';
import { sendRaw } from './raw.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const codeOf = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): unknown =>
  headers['x-amzn-errortype'];

test('headers that the signature rests on are taken once only', async () => {
  const connection = api.connectionOf('same');
  const get = (after: readonly string[]) => sendRaw(connection, { method: 'GET', path: '/ingot/server', after });
  assert.equal((await get([])).status, 200);
  for (const name of ['Authorization', 'X-Amz-Date', 'X-Amz-Content-Sha256', 'host']) {
    const answer = await get([name, 'another']);
    assert.ok(
      answer.status === 400 && (name === 'host' || codeOf(answer) === 'IncompleteSignatureException'),
      `${name}: ${answer.status} ${answer.body}`,
    );
  }
});

test('a body of 500,000 brackets in one another is refused before it is read, everywhere', async () => {
  const arn = encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/x`);
  for (const open of ['[', '{"a":']) {
    const depth = open === '[' ? 500_000 : 150_000;
    for (const body of [
      open.repeat(depth),
      `{"filters":${open.repeat(depth)}${(open === '[' ? ']' : '}').repeat(depth)}}`,
    ]) {
      for (const [method, path] of [
        ['POST', '/ListComponents'],
        ['PUT', '/CreateComponent'],
        ['POST', '/ingot/instances'],
        ['POST', `/ingot/principals/${arn}`],
      ] as const) {
        const answer = await sendRaw(api.connectionOf('same'), { method, path, body });
        assert.deepEqual([answer.status, codeOf(answer)], [400, 'SerializationException'], answer.body.slice(0, 200));
        assert.match(answer.body, /more than 64 deep/);
      }
    }
  }
});

test('a request with a fault at every few bytes gets a short answer', async () => {
  const many = (count: number, item: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => item(index)).join(',');
  const bodies: readonly (readonly [method: string, path: string, body: string])[] = [
    ['POST', '/ListComponents', `{"filters":[${many(300_000, () => '[]')}]}`],
    ['PUT', '/CreateImageRecipe', `{"components":[${many(40_000, () => '{"componentArn":"x"}')}]}`],
    [
      'PUT',
      '/CreateImageRecipe',
      '{"name":"x","semanticVersion":"1.0.0","parentImage":"x",' +
        `"components":[${many(40_000, () => '{"componentArn":1}')}]}`,
    ],
    ['POST', '/ingot/instances', `{${many(90_000, (index) => `"k${index}":1`)}}`],
  ];
  for (const [method, path, body] of bodies) {
    const answer = await sendRaw(api.connectionOf('same'), { method, path, body });
    assert.equal(answer.status, 400);
    assert.ok(answer.body.length < 50_000, `${path}: ${answer.body.length}`);
  }
});

test("another account sees its own AMIs, and nothing of the server's sizes", async () => {
  const ask = (account: 'same' | 'other') =>
    signedJson<Record<string, unknown>>(api.connectionOf(account), { method: 'GET', path: '/ingot/storage' });
  assert.deepEqual(await ask('other'), { amis: [] });
  assert.ok((await ask('same'))['totalBytes']);
});
