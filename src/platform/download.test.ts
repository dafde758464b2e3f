import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { download, DownloadError, downloadSmall, shown } from './download.ts';

const BODY = Buffer.alloc(300_000, 'ingot');
const seen: { readonly url: string; readonly authorization: string | undefined }[] = [];

describe('a download', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-download-'));
  const path = join(folder, 'file');
  let server: Server;
  let address = '';

  before(async () => {
    server = createServer((request, response) => {
      seen.push({ url: request.url!, authorization: request.headers.authorization });
      const redirect = { '/moved': '/file', '/round': '/round', '/away': 'ftp://example.com/', '/elsewhere': '/file' }[
        request.url!
      ];
      if (redirect !== undefined) return void response.writeHead(302, { location: redirect }).end();
      if (request.url === '/file') return void response.end(BODY);
      if (request.url === '/chunked') return void response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(BODY);
      if (request.url === '/cut')
        return void response
          .writeHead(200, { 'content-length': BODY.length })
          .write(BODY.subarray(0, 1000), () => response.destroy());
      if (request.url === '/cut-chunked')
        return void response
          .writeHead(200, { 'transfer-encoding': 'chunked' })
          .write(BODY.subarray(0, 1000), () => response.destroy());
      if (request.url === '/silent') return void response.writeHead(200, { 'content-length': BODY.length }).write('x');
      response.writeHead(request.url === '/forbidden' ? 403 : 404).end('<html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const options = { signal: new AbortController().signal, maxBytes: 1_000_000 };

  test('returns the file, its hashes, progress and the final URL', async () => {
    const told: (readonly [number, number | undefined])[] = [];
    const got = await download(`${address}/moved`, path, {
      ...options,
      onProgress: (bytes, total) => told.push([bytes, total]),
    });
    assert.deepEqual(got, {
      url: `${address}/file`,
      bytes: BODY.length,
      sha256: createHash('sha256').update(BODY).digest('hex'),
      sha512: createHash('sha512').update(BODY).digest('hex'),
    });
    assert.ok(readFileSync(path).equals(BODY));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(told.at(-1), [BODY.length, BODY.length]);
    assert.equal((await download(`${address}/chunked`, path, options)).bytes, BODY.length);
  });

  test('sends headers only to the first server', async () => {
    seen.length = 0;
    await downloadSmall(`${address}/elsewhere`, { ...options, headers: { authorization: 'secret' } });
    assert.deepEqual(seen, [
      { url: '/elsewhere', authorization: 'secret' },
      { url: '/file', authorization: undefined },
    ]);
  });

  for (const [url, message] of [
    ['/cut', /broke off after 1000 of 300000 bytes/],
    ['/cut-chunked', /broke off after 1000 of an unknown number of bytes/],
    ['/nothing', /answered 404 \(not found\)/],
    ['/forbidden', /answered 403 \(forbidden\)/],
    ['/round', /redirects more than 5 times/],
    ['/away', /redirects to ftp:.*not followed/],
  ] as const)
    test(`${url} is an error`, () =>
      assert.rejects(
        download(`${address}${url}`, path, options),
        (error: Error) => error instanceof DownloadError && message.test(error.message),
      ));

  test('that is too large is an error, whether the server announces it or not', async () => {
    await assert.rejects(
      download(`${address}/file`, path, { ...options, maxBytes: 1000 }),
      /has 300000 bytes; 1000 at most are allowed/,
    );
    await assert.rejects(
      download(`${address}/chunked`, path, { ...options, maxBytes: 1000 }),
      /sends more than 1000 bytes/,
    );
  });

  test('that stalls is given up, and one that is aborted ends at once', async () => {
    await assert.rejects(
      download(`${address}/silent`, path, { ...options, stallMs: 50 }),
      /broke off after 1 of 300000 bytes: nothing came for/,
    );
    const controller = new AbortController();
    const going = download(`${address}/silent`, path, {
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('not wanted')),
    });
    await assert.rejects(going, /not wanted/);
  });

  test('from a closed port is an error with the address', async () => {
    await assert.rejects(
      downloadSmall('http://127.0.0.1:9/f?token=secret', options),
      (error: Error) =>
        /^http:\/\/127\.0\.0\.1:9\/f cannot be reached/.test(error.message) && !error.message.includes('secret'),
    );
  });

  test('is reported without possible secrets', () =>
    assert.equal(shown('https://me:pw@example.com/a?b=c'), 'https://example.com/a'));
});
