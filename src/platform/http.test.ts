import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { askServer, getJson, headOf } from './http.ts';

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/silent') return;
  response.setHeader('x-url', request.url!);
  response.end(request.method === 'HEAD' ? undefined : '{"a":1}');
});
let address: string;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test('a signed path is sent unchanged', async () => {
  const { answer, close } = await askServer(address, { path: '/a/../b?x=%27', proxy: 'none' });
  assert.equal(answer.headers['x-url'], '/a/../b?x=%27');
  answer.resume();
  close();
});

test('headers and JSON', async () => {
  const { signal } = new AbortController();
  assert.equal((await headOf(`${address}/x`, { signal })).headers['x-url'], '/x');
  assert.deepEqual(await getJson(`${address}/x`, { signal }), { a: 1 });
});

test('a request ends with the reason of its signal, or when the server is silent', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const asked = askServer(`${address}/silent`, { signal: controller.signal, proxy: 'none' });
  controller.abort(reason);
  await assert.rejects(asked, reason);
  await assert.rejects(askServer(`${address}/silent`, { proxy: 'none', stallMs: 10 }), /no answer within/);
});

test('no other module makes HTTP requests', () => {
  const source = join(import.meta.dirname, '..');
  const found = globSync('**/*.ts', { cwd: source }).filter(
    (path) =>
      !path.endsWith('.test.ts') &&
      path !== 'platform/http.ts' &&
      /import \{[^}]*\brequest\b[^}]*\} from 'node:https?'|(?<![.\w])fetch\(/.test(
        readFileSync(join(source, path), 'utf8'),
      ),
  );
  assert.deepEqual(found, []);
});
