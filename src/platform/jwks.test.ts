import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { openKeySource } from './jwks.ts';

let answer: { readonly status: number; readonly keys: readonly object[] };
let asked = 0;
const server = createServer((_request, response) => {
  asked++;
  response.statusCode = answer.status;
  response.end(JSON.stringify({ keys: answer.keys }));
});
before(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
after(() => new Promise((resolve) => server.close(resolve)));

const MINUTE = 60_000;

test('an issuer that does not respond is retried at growing intervals, and its keys stay valid meanwhile', async () => {
  const issuer = {
    issuer: 'https://ci.example',
    audiences: ['a'],
    jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
  };
  let now = 0;
  const keysOf = openKeySource({ now: () => now });
  const ask = (fresh = false) => keysOf(issuer, fresh);
  const requests = async (work: () => Promise<unknown>): Promise<number> => {
    const before = asked;
    await work();
    return asked - before;
  };
  const fails = () => assert.rejects(ask(), /answered 500/);

  answer = { status: 500, keys: [] };
  assert.equal(
    await requests(async () => {
      for (let count = 0; count < 50; count++) await fails();
    }),
    1,
  );
  assert.equal(await requests(() => Promise.all(Array.from({ length: 50 }, fails))), 0);
  // 5 s, then 10, then 20, at most five minutes.
  const waits = [];
  for (let count = 0; count < 9; count++) {
    const since = now;
    while ((await requests(fails)) === 0) now += 1000;
    waits.push((now - since) / 1000);
  }
  assert.deepEqual(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);

  now += 5 * MINUTE;
  answer = { status: 200, keys: [{ kid: 'one' }] };
  const good = { keys: [{ kid: 'one' }] };
  assert.deepEqual(await ask(), good);
  answer = { status: 500, keys: [] };
  now += MINUTE;
  // A token with an unknown key causes one request, and removes no keys.
  assert.equal(
    await requests(async () => {
      for (let count = 0; count < 20; count++) assert.deepEqual(await ask(true), good);
    }),
    1,
  );
  assert.deepEqual(await ask(), good);
  now += 10 * MINUTE;
  await fails();
  now += 5 * MINUTE;
  answer = { status: 200, keys: [] };
  assert.deepEqual(await ask(), { keys: [] });
});
