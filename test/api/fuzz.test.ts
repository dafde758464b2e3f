/**
 * Requests that no client would send: a table of raw ones, and 10,000 made from the model. A million: `npm run
 * test:long`.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
} from '@aws-sdk/client-imagebuilder';
import { fuzz, sendRaw } from '../harness/fuzz.ts';
import { DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi({ rates: { reads: null, writes: null, unsigned: null } });
});
after(() => api.close());

test('10,000 requests made from the model: no 5xx, no hang, nothing that is refused changes a record', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
  t.diagnostic(`FUZZ_SEED=${seed}`);
  const component = (
    await api.client.send(
      new CreateComponentCommand({
        name: 'fuzzed',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: documentOf('true'),
      }),
    )
  ).componentBuildVersionArn!;
  const recipe = (
    await api.client.send(
      new CreateImageRecipeCommand({
        name: 'fuzzed',
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn: component }],
      }),
    )
  ).imageRecipeArn!;
  const infrastructure = (
    await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'fuzzed', instanceProfileName: 'p' }))
  ).infrastructureConfigurationArn!;
  const tally = await fuzz(
    api.connectionOf('same'),
    api.catalog.dataDirectory,
    [component, recipe, infrastructure, DEBIAN],
    { count: Number(process.env['FUZZ_COUNT'] ?? 10_000), seed },
  );
  t.diagnostic(JSON.stringify(tally));
  // A fuzzer that nothing gets past, or that gets past nothing, tests nothing.
  for (const status of [200, 400, 403, 404])
    assert.ok((tally[status] ?? 0) > 0, `no answer ${status}: ${JSON.stringify(tally)}`);
});

test('what is hardly HTTP is answered, or the connection closed', async () => {
  const host = `Host: localhost\r\n`;
  const cases: readonly (readonly [bytes: string | Buffer, answer: RegExp])[] = [
    ['\r\n\r\nnonsense\r\n\r\n', /^HTTP\/1\.1 400 /],
    [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]), /^HTTP\/1\.1 400 /],
    ['GET / HTTP/9.9\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET /GetImage HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    [`GET /Get Image HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1\.1 400 /],
    [`GET /GetImage HTTP/1.1\r\n${host}Bad Header: x\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`GET /GetImage HTTP/1.1\r\n${host}X: ${'a'.repeat(40_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [`HEAD /GetImage HTTP/1.1\r\n${host}X: ${'a'.repeat(40_000)}\r\n\r\n`, /^HTTP\/1\.1 431 [^]*\r\n\r\n$/],
    [`PUT /CreateComponent HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [
      `PUT /CreateComponent HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [`PUT /CreateComponent HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, /^HTTP\/1\.1 400 /],
    [
      `PUT /CreateComponent HTTP/1.1\r\n${host}Content-Length: 99999999\r\n\r\n`,
      /^HTTP\/1\.1 413 [\s\S]*RequestEntityTooLargeException/,
    ],
    [
      `PUT /CreateComponent HTTP/1.1\r\n${host}Transfer-Encoding: ` +
        `chunked\r\n\r\n${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(18)}`,
      /^HTTP\/1\.1 413 [\s\S]*RequestEntityTooLargeException/,
    ],
    [
      `PUT /CreateComponent HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\n{}`,
      /^HTTP\/1\.1 403 [\s\S]*MissingAuthenticationTokenException/,
    ],
    [
      `PUT /CreateComponent HTTP/1.1\r\n${host}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`,
      /^HTTP\/1\.1 403 /,
    ],
    [`OPTIONS * HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1\.1 4\d\d /],
    [`CONNECT localhost:22 HTTP/1.1\r\n${host}\r\n`, /^(HTTP\/1\.1 4\d\d |$)/],
    [`GET http://elsewhere/GetImage HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1\.1 4\d\d /],
    [`GET /GetImage HTTP/1.1\r\n${host}Expect: something\r\n\r\n`, /^HTTP\/1\.1 4\d\d /],
    [`GET /tags/${'%41'.repeat(3000)} HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1\.1 403 /],
    [`GET /GetImage HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`, /^HTTP\/1\.1 403 /],
    [
      `GET /ingot/instances/i-0123456789abcdef0/shell HTTP/1.1\r\n${host}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`,
      /^HTTP\/1\.1 4\d\d /,
    ],
  ];
  for (const [bytes, answer] of cases) {
    const text = await sendRaw(api.connectionOf('same'), bytes);
    assert.match(
      text,
      answer,
      `${JSON.stringify(bytes.toString('latin1').slice(0, 120))} was answered ${JSON.stringify(text.slice(0, 300))}`,
    );
  }
  assert.equal(REGION, api.connectionOf('same').region);
});
