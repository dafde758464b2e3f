/**
 * What a client may send instead of WebSocket frames, and a server instead of responses, over real sockets. The other
 * side must keep running.
 */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { FastifyInstance } from 'fastify';
import { openCatalog, type Catalog } from '../catalog/catalog.ts';
import { followSession } from '../commands/session.ts';
import type { InstanceDescription, LaunchService, Session } from '../launches/types.ts';
import { openIdentities } from './access/identities.ts';
import { DEFAULT_CONFIG } from '../platform/config/config.ts';
import { sealerOf } from '../platform/sealing.ts';
import { localRegistry } from '../distribution/registry/local-registry.ts';
import { storageService } from '../storage/storage.ts';
import { recordsOf, signedJson, signedRequest, signedSocket, type Connection } from '../platform/api-client.ts';
import { until } from '../platform/clock.ts';
import { createApi } from './server.ts';

process.env['INGOT_LOG'] ??= 'silent';

const ACCOUNT = '123456789012';
const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
const INSTANCE = 'i-0123456789abcdef0';
const SHELL = `/ingot/instances/${INSTANCE}/shell`;
const WEBSOCKET = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

interface Shell {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  hungUp: boolean;
}

const shells: Shell[] = [];
/**
 * Errors that would have ended the process. The test runner assigns none of them to a test if the server is older than
 * the test.
 */
const uncaught: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => void uncaught.push(error));
afterEach(() => assert.deepEqual(uncaught.splice(0), []));
const described: InstanceDescription = {
  instanceId: INSTANCE,
  imageId: 'ami-0123456789abcdef0',
  state: 'running',
  driver: 'qemu',
  instanceType: 't3.micro',
  launchTime: '',
  publish: [],
  purpose: 'launch',
};

/** A shell that runs until its client has disconnected. */
async function openShell(): Promise<Session> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  const shell: Shell = { stdin, stdout, hungUp: false };
  shells.push(shell);
  stdin.resume();
  const hangUp = async (): Promise<void> => {
    shell.hungUp = true;
    stdout.end();
    stderr.end();
    resolve(129);
  };
  return { terminal: false, stdin, stdout, stderr, ended, resize: async () => {}, hangUp };
}

const never = (): Promise<never> => Promise.reject(new Error('not asked for here'));
const launches: LaunchService = {
  launch: never,
  list: async () => [],
  get: async () => described,
  terminate: never,
  exec: never,
  console: never,
  getFiles: never,
  putFiles: never,
  shell: openShell,
};

describe('the server', () => {
  let directory: string;
  let catalog: Catalog;
  let app: FastifyInstance;
  let connection: Connection;
  const sockets: Socket[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ingot-upgrade-'));
    catalog = await openCatalog(directory);
    app = createApi({
      catalog,
      launches,
      storage: storageService(catalog),
      registry: localRegistry(catalog.dataDirectory),
      packageIndexes: async () => [],
      defaultAccount: ACCOUNT,
      version: '1.2.3',
      dataDirectory: directory,
      config: DEFAULT_CONFIG,
      wakeWorker() {},
      worker: () => ({ up: true, silentSeconds: 0 }),
      shutdown() {},
      identities: openIdentities(catalog, sealerOf(new Uint8Array(32)), [{ ...KEY, account: ACCOUNT }]),
      audit: { write() {}, flush() {}, lost: () => undefined, close() {} },
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    connection = { host: '127.0.0.1', port, region: 'us-east-1', credentials: KEY };
  });
  after(async () => {
    await app.close();
    await catalog.close();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => void (shells.length = 0));
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** The head of a signed request, as bytes. */
  async function head(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const host = `127.0.0.1:${connection.port}`;
    const signer = new SignatureV4({ service: 'imagebuilder', region: 'us-east-1', credentials: KEY, sha256: Sha256 });
    const { headers: signed } = await signer.sign({
      method,
      protocol: 'http:',
      hostname: host,
      path,
      headers: { host },
      query: {},
    });
    const lines = Object.entries({ ...signed, ...headers }).map(([name, value]) => `${name}: ${value}`);
    return [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
  }

  async function open(): Promise<{ readonly socket: Socket; readonly said: () => string }> {
    const socket = connect(connection.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
    await once(socket, 'connect');
    return { socket, said: () => said };
  }

  async function stillAnswers(): Promise<void> {
    assert.deepEqual(await signedJson(connection, { method: 'GET', path: '/ingot/instances' }), { instances: [] });
  }

  const MASK = Buffer.from([0, 0, 0, 0]);
  const frames: readonly (readonly [name: string, frame: Buffer])[] = [
    [
      'a frame of 2 MiB',
      Buffer.concat([Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0]), MASK, Buffer.alloc(1000)]),
    ],
    [
      'a frame of 2^63 bytes',
      Buffer.concat([Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]), MASK]),
    ],
    [
      'fragments of 2 MiB in all',
      Buffer.concat(
        [2, 0, 0].flatMap((opcode) => [
          Buffer.from([opcode, 0xff, 0, 0, 0, 0, 0, 0x0c, 0, 0]),
          MASK,
          Buffer.alloc(0x0c0000),
        ]),
      ),
    ],
    ['an opcode that is none', Buffer.concat([Buffer.from([0x83, 0x80]), MASK])],
    ['a frame without a mask', Buffer.from([0x82, 1, 0x61])],
    ['a reserved bit', Buffer.concat([Buffer.from([0xc2, 0x80]), MASK])],
    ['a continuation of nothing', Buffer.concat([Buffer.from([0x80, 0x80]), MASK])],
    ['a ping in fragments', Buffer.concat([Buffer.from([0x09, 0x80]), MASK])],
    ['text that is no UTF-8', Buffer.concat([Buffer.from([0x81, 0x81]), MASK, Buffer.from([0xff])])],
    ['a close with a code that is none', Buffer.concat([Buffer.from([0x88, 0x82]), MASK, Buffer.from([0, 1])])],
    ['HTTP again', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ];
  for (const [name, frame] of frames) {
    test(`${name}: the connection ends, its command is told, the server keeps running`, async () => {
      const { socket, said } = await open();
      socket.write(await head('GET', SHELL, WEBSOCKET));
      await until('the session', 5000, () => (said().includes('{"terminal":false}') ? true : undefined));
      socket.write(frame);
      await once(socket, 'close');
      await until('the command to be told', 5000, () => (shells[0]?.hungUp === true ? true : undefined));
      await stillAnswers();
    });
  }

  test('the same together with the handshake, before the shell is open', async () => {
    for (const [, frame] of frames) {
      const { socket } = await open();
      socket.write(Buffer.concat([Buffer.from(await head('GET', SHELL, WEBSOCKET)), frame]));
      await once(socket, 'close');
      await stillAnswers();
    }
  });

  test('a reset in the middle of a frame, and of a handshake', async () => {
    const { socket, said } = await open();
    socket.write(await head('GET', SHELL, WEBSOCKET));
    await until('the session', 5000, () => (said().includes('{"terminal":false}') ? true : undefined));
    socket.write(Buffer.from([0x82, 0xfe]));
    socket.resetAndDestroy();
    await until('the command to be told', 5000, () => (shells[0]?.hungUp === true ? true : undefined));
    const second = await open();
    second.socket.write(await head('GET', SHELL, WEBSOCKET));
    second.socket.resetAndDestroy();
    await stillAnswers();
  });

  test("a command's stream that breaks ends only its session", async () => {
    for (const stream of ['stdout', 'stdin'] as const) {
      const { socket, said } = await open();
      socket.write(await head('GET', SHELL, WEBSOCKET));
      await until('the session', 5000, () => (said().includes('{"terminal":false}') ? true : undefined));
      shells.at(-1)![stream].destroy(new Error('the instance broke'));
      // Bytes to a closed stdin are dropped; a broken output ends the session.
      socket.write(Buffer.concat([Buffer.from([0x82, 0x81]), MASK, Buffer.from('x')]));
      if (stream === 'stdout') {
        await until('the end', 5000, () => (said().includes('{"error":') && shells.at(-1)!.hungUp ? true : undefined));
      }
      await stillAnswers();
    }
  });

  test('an invalid handshake is rejected with a message', async () => {
    for (const headers of [
      { ...WEBSOCKET, 'sec-websocket-version': '7' },
      { ...WEBSOCKET, 'sec-websocket-key': 'short' },
    ]) {
      const { socket, said } = await open();
      socket.write(await head('GET', SHELL, headers));
      await once(socket, 'close');
      assert.match(said(), /^HTTP\/1\.1 400 [^]*InvalidRequestException[^]*handshake is not valid/);
    }
    assert.deepEqual(shells, []);
    await stillAnswers();
  });

  test('two requests at once, the second of which becomes a WebSocket', async () => {
    const { socket, said } = await open();
    socket.write(`${await head('GET', '/ingot/server', {})}${await head('GET', SHELL, WEBSOCKET)}`);
    await until('both answers', 5000, () =>
      said().includes('"version":"1.2.3"') && said().includes('101 Switching') ? true : undefined,
    );
    socket.resetAndDestroy();
    await stillAnswers();
  });

  const others: readonly (readonly [name: string, path: string, headers: Readonly<Record<string, string>>])[] = [
    [
      'h2c',
      '/ingot/server',
      { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' },
    ],
    ['h2c, where a WebSocket could be', `/ingot/instances/${INSTANCE}`, { connection: 'Upgrade', upgrade: 'h2c' }],
    ['a WebSocket, where there is none', '/ingot/server', WEBSOCKET],
    ['several', '/ingot/server', { connection: 'upgrade', upgrade: 'TLS/1.0, websocket' }],
  ];
  for (const [name, path, headers] of others) {
    test(`an upgrade to ${name} is ignored: a normal answer, and the connection stays open`, async () => {
      const { socket, said } = await open();
      for (let count = 1; count <= 2; count++) {
        socket.write(await head('GET', path, headers));
        await until('the answer', 5000, () => (said().split('HTTP/1.1 200 OK').length > count ? true : undefined));
      }
      assert.doesNotMatch(said(), /HTTP.1\.1 (101|403)/);
    });
  }

  test('an upgrade on another route needs a signature like every request', async () => {
    const { socket, said } = await open();
    socket.write('GET /ingot/server HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await until('the answer', 5000, () => (said().includes('MissingAuthenticationTokenException') ? true : undefined));
  });
});

describe('the client', () => {
  let server: Server;
  let connection: Connection;
  let answer: (socket: Socket, key: string) => void;

  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (chunk: Buffer) => {
        const key = /^sec-websocket-key: (.*)$/im.exec(chunk.toString('latin1'))?.[1] ?? '';
        answer(socket, createHash('sha1').update(`${key.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    connection = { host: '127.0.0.1', port, region: 'us-east-1', credentials: KEY };
  });
  afterEach(() => void server.close());

  const text = (said: string): Buffer => Buffer.concat([Buffer.from([0x81, said.length]), Buffer.from(said)]);
  const wrong: readonly (readonly [name: string, said: Buffer | 'reset', message: RegExp])[] = [
    ['a mask', Buffer.from([0x82, 0x80, 0, 0, 0, 0]), /the connection to the server broke: /],
    ['an opcode that is none', Buffer.from([0x83, 0]), /the connection to the server broke: /],
    [
      'a frame without end',
      Buffer.from([0x82, 127, 0x00, 0, 0, 255, 255, 255, 255, 255]),
      /the connection to the server broke: /,
    ],
    ['HTTP again', Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), /the connection to the server broke: /],
    ['text that is no JSON', text('hello'), /a message that no Ingot server/],
    ['JSON that is no object', text('null'), /a message that no Ingot server/],
    ['an exit code that is none', text('{"exitCode":"x"}'), /a message that no Ingot server/],
    ['a message of nothing', Buffer.from([0x82, 0]), /a message that no Ingot server/],
    ['a reset', 'reset', /the connection to the server /],
  ];
  for (const [name, said, message] of wrong) {
    test(`a session of ${name} is an error`, async () => {
      for (const moment of ['with the handshake', 'later'] as const) {
        answer = (socket, key) => {
          const handshake = Buffer.from(
            'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: ' +
              `Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
          );
          if (said === 'reset') return void socket.write(handshake, () => socket.resetAndDestroy());
          if (moment === 'with the handshake') return void socket.write(Buffer.concat([handshake, said]));
          socket.write(handshake, () => socket.write(said));
          return undefined;
        };
        const socket = await signedSocket(connection, { path: SHELL });
        await assert.rejects(followSession(socket, { output() {} }), { name: 'CommandFailed', message });
        socket.terminate();
      }
    });
  }

  const http = (status: string, body: string): string =>
    `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
  const answers: readonly (readonly [name: string, said: string, error: object])[] = [
    [
      'a page',
      http('200 OK', '<html>'),
      { name: 'RequestRefused', message: /the server's answer is not valid.*Check the address/ },
    ],
    ['JSON that is no object', http('200 OK', '3'), { name: 'RequestRefused', message: /is not a JSON object/ }],
    [
      'an error without words',
      http('500 No', 'null'),
      { name: 'RequestRefused', status: 500, message: 'the server answered 500' },
    ],
    [
      'an error of 2 MiB',
      http('403 No', 'x'.repeat(2 << 20)),
      { name: 'RequestRefused', status: 403, message: 'the server answered 403' },
    ],
    ['what is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', { code: 'HPE_INVALID_CONSTANT' }],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', /aborted/],
  ];
  for (const [name, said, error] of answers) {
    test(`${name} in the response is an error`, async () => {
      answer = (socket) => void socket.end(said);
      await assert.rejects(signedJson(connection, { method: 'GET', path: '/ingot/server' }), error);
      if (said.includes(' 200 ')) {
        await assert.rejects(async () => {
          const answered = await signedRequest(connection, { method: 'GET', path: '/ingot/server' });
          for await (const record of recordsOf(answered)) assert.fail(`read ${JSON.stringify(record)}`);
        });
      }
      await assert.rejects(signedSocket(connection, { path: SHELL }));
    });
  }
});
