/** Registries on bad days, what is sent to them, and that no password is said. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pullImage } from '../../src/distribution/registry/pull.ts';
import { pushImage } from '../../src/distribution/registry/push.ts';
import type { PushTarget } from '../../src/distribution/registry/room.ts';
import { missingBlobs, takeLayout, type StoredManifest } from '../../src/images/container-blobs.ts';
import { writeLayout } from '../harness/oci-layout.ts';
import { plainRegistry, type PlainRegistry } from '../harness/plain-registry.ts';

const LOGIN = { user: 'ann', password: 'hunter2/secret' };
const PAIR = Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64');

describe('pushes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-push-'));
  const dataDirectory = join(folder, 'data');
  let image: StoredManifest;
  let behind: PlainRegistry;
  const servers: Server[] = [];

  before(async () => {
    mkdirSync(dataDirectory);
    behind = await plainRegistry(join(folder, 'registry'));
    writeLayout(join(folder, 'layout'));
    image = await takeLayout(dataDirectory, join(folder, 'layout'));
  });
  after(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await behind.stop();
    rmSync(folder, { recursive: true });
  });

  /** @returns its host and port */
  async function registry(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const push = (host: string, more: Partial<PushTarget> = {}, timeoutMs?: number, pushed = image): Promise<string> =>
    pushImage(
      dataDirectory,
      pushed,
      { uri: `${host}/team/web:1`, plain: true, ...more },
      {
        report: () => {},
        signal: new AbortController().signal,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      },
    );

  const refused = (push: Promise<string>, words: RegExp): Promise<void> =>
    assert.rejects(push, (error: Error) => {
      assert.equal(error.name, 'PushError');
      assert.match(error.message, words);
      for (const secret of [LOGIN.password, encodeURIComponent(LOGIN.password), PAIR])
        assert.ok(!`${error.message}${String(error.cause)}`.includes(secret), error.message);
      return true;
    });

  test('a registry that answers 401 gets the login, and its answer is told without the password', async () => {
    const got: (string | undefined)[] = [];
    const host = await registry((asked, answer) => {
      got.push(asked.headers.authorization);
      if (asked.headers.authorization !== `Basic ${PAIR}`) {
        answer.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      } else if (asked.method === 'POST') {
        // A stranger who says what it was asked with.
        answer.writeHead(403, { 'content-type': 'application/json' });
        answer.end(JSON.stringify({ errors: [{ code: 'DENIED', message: `no ${LOGIN.password} for ${PAIR} here` }] }));
      } else {
        answer.writeHead(asked.url === '/v2/' ? 200 : 404).end();
      }
    });
    await refused(push(host, { login: LOGIN }), /team\/web:1 could not be pushed: .*no \*\*\* for \*\*\* here/);
    assert.ok(got.includes(`Basic ${PAIR}`), String(got));
    got.length = 0;
    await refused(push(host), /could not be pushed: .*authentication required/);
    // skopeo sends an empty user where it has none.
    assert.ok(
      got.every((each) => each === undefined || each === 'Basic Og=='),
      String(got),
    );
  });

  test('a registry that hangs ends the push, and nothing stays', async () => {
    const host = await registry(() => {});
    await refused(push(host, { login: LOGIN }, 2000), /could not be pushed: the registry took too long$/);
    assert.deepEqual(readdirSync(join(dataDirectory, 'work')), []);
  });

  test('a registry that drops the connection within a blob is told', async () => {
    let begun = 0;
    const host = await registry((asked, answer) => {
      if (asked.method === 'POST') {
        answer.writeHead(202, { location: '/v2/team/web/blobs/uploads/1', range: '0-0' }).end();
      } else if (asked.method === 'PATCH') {
        begun++;
        asked.once('data', () => asked.socket.destroy());
      } else {
        answer.writeHead(asked.url === '/v2/' ? 200 : 404).end();
      }
    });
    await refused(push(host), /could not be pushed: .*(EOF|reset|closed)/);
    assert.ok(begun > 0);
  });

  /**
   * Ingot's registry, with what is sent to it written down.
   * @param before sees each request, and may keep it from the registry with `false`
   */
  async function watched(sent: string[], before: (asked: IncomingMessage) => boolean = () => true): Promise<string> {
    const { host } = behind;
    return registry((asked: IncomingMessage, answer) => {
      if (before(asked) === false) return;
      if (asked.method === 'PUT') sent.push(asked.url!.includes('/manifests/') ? 'manifest' : 'blob');
      const onward = request(`http://${host}${asked.url}`, { method: asked.method!, headers: asked.headers }, (got) => {
        answer.writeHead(got.statusCode!, got.headers);
        got.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
  }

  test('only what a registry does not have is sent', async () => {
    const sent: string[] = [];
    const between = await watched(sent);
    const kinds = async (pushed: StoredManifest): Promise<readonly string[]> => {
      sent.length = 0;
      assert.equal(await push(between, {}, undefined, pushed), pushed.digest);
      return sent.toSorted();
    };
    assert.deepEqual(await kinds(image), ['blob', 'blob', 'manifest']);
    assert.deepEqual(
      (await kinds(image)).filter((each) => each === 'blob'),
      [],
    );
    // Another image on the same layer.
    writeLayout(join(folder, 'other'), () => {}, { Labels: { version: '2' } });
    const other = await takeLayout(dataDirectory, join(folder, 'other'));
    assert.notEqual(other.digest, image.digest);
    assert.deepEqual(await kinds(other), ['blob', 'manifest']);
  });

  test('a parent image is pulled with the login of its registry, by its digest, and nothing but its blobs stays', async () => {
    const { host } = behind;
    const uri = `${host}/team/parent:1`;
    await push(host, { uri });
    const between = await watched([], ({ headers, socket }) => {
      if (headers.authorization === `Basic ${PAIR}`) return true;
      socket.end('HTTP/1.1 401 no\r\nwww-authenticate: Basic realm="r"\r\ncontent-length: 0\r\n\r\n');
      return false;
    });
    const other = join(folder, 'puller');
    mkdirSync(other);
    const source = { uri: uri.replace(host, between), plain: true };
    const control = { signal: new AbortController().signal, timeoutMs: 60_000 };
    const pulled = await pullImage(other, { ...source, login: LOGIN }, control);
    assert.equal(pulled.digest, image.digest);
    assert.deepEqual(await missingBlobs(other, [image.digest, image.config.digest, image.layers[0]!.digest]), []);
    assert.deepEqual(readdirSync(join(other, 'work')), []);
    await assert.rejects(pullImage(other, source, control), /parent:1 could not be pulled: .*authentication required/);
  });

  test('a push that is killed after its first blob leaves nothing here, and the next one sends the rest', async () => {
    const sent: string[] = [];
    const killing = new AbortController();
    const between = await watched(sent, ({ method }) => {
      if (method !== 'POST' || sent.length === 0 || killing.signal.aborted) return true;
      killing.abort(new Error('killed'));
      return false;
    });
    writeLayout(join(folder, 'half'), () => {}, { Labels: { version: 'half' } });
    const half = await takeLayout(dataDirectory, join(folder, 'half'));
    const uri = `${between}/team/half:1`;
    const control = { report: () => {}, timeoutMs: 60_000 };
    await assert.rejects(
      pushImage(dataDirectory, half, { uri, plain: true }, { ...control, signal: killing.signal }),
      /killed/,
    );
    assert.deepEqual(sent, ['blob']);
    assert.deepEqual(readdirSync(join(dataDirectory, 'work')), []);
    sent.length = 0;
    const digest = await pushImage(
      dataDirectory,
      half,
      { uri, plain: true },
      { ...control, signal: new AbortController().signal },
    );
    assert.equal(digest, half.digest);
    assert.deepEqual(sent, ['blob', 'manifest']);
  });

  test('a registry that answers 401 in the middle of the push is told', async () => {
    const sent: string[] = [];
    const between = await registry(async (asked, answer) => {
      // What is sent is read first: an answer in the middle of it can be a broken pipe to who sends.
      for await (const _ of asked);
      if (sent.length > 0 || asked.headers.authorization !== `Basic ${PAIR}`)
        return answer.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      if (asked.method === 'PUT') sent.push('blob');
      if (asked.method === 'POST') answer.writeHead(202, { location: '/v2/team/web/blobs/uploads/1', range: '0-0' });
      else if (asked.method === 'PATCH') answer.writeHead(202, { location: '/v2/team/web/blobs/uploads/1' });
      else if (asked.method === 'PUT') answer.writeHead(201, { location: '/v2/team/web/blobs/x' });
      else answer.writeHead(asked.url === '/v2/' ? 200 : 404);
      return answer.end();
    });
    await refused(
      push(between, { login: LOGIN }),
      /could not be pushed: .*(unauthorized|authentication required|401)/i,
    );
    assert.deepEqual(sent, ['blob']);
  });
});
