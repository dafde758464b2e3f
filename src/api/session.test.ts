/** Sessions over real WebSockets, with the command line's own client; the shell is an echo. */
import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import { openCatalog, type Catalog } from '../catalog/catalog.ts';
import { followSession, sendInput, tellSession } from '../commands/session.ts';
import type { InstanceDescription, LaunchService, Session, ShellRequest } from '../launches/types.ts';
import { openIdentities } from './access/identities.ts';
import { DEFAULT_CONFIG } from '../platform/config/config.ts';
import { sealerOf } from '../platform/sealing.ts';
import { localRegistry } from '../distribution/registry/local-registry.ts';
import { storageService } from '../storage/storage.ts';
import { signedRequest, signedSocket, type Connection } from '../platform/api-client.ts';
import { until } from '../platform/clock.ts';
import { resourceNotFound } from '../resources/errors.ts';
import type { ApiServices } from './context.ts';
import { createApi } from './server.ts';

process.env['INGOT_LOG'] ??= 'silent';

const ACCOUNT = '123456789012';
const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
const INSTANCE = 'i-0123456789abcdef0';

const shells: { readonly request: ShellRequest; readonly resized: object[]; hungUp: boolean }[] = [];

async function openEcho(request: ShellRequest): Promise<Session> {
  const seen = { request, resized: [] as object[], hungUp: false };
  shells.push(seen);
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  // An echo that ends with its input.
  stdin.pipe(stdout);
  stdin.once('end', () => {
    stderr.end('bye');
    resolve(7);
  });
  return {
    terminal: request.size !== undefined,
    stdin,
    stdout,
    stderr,
    ended,
    resize: async (size) => void seen.resized.push(size),
    hangUp: async () => {
      seen.hungUp = true;
      resolve(129);
    },
  };
}

function never(): Promise<never> {
  return Promise.reject(new Error('not asked for here'));
}

const launches: LaunchService = {
  launch: never,
  list: never,
  terminate: never,
  exec: never,
  console: never,
  getFiles: never,
  putFiles: never,
  async get(_owner, instanceId): Promise<InstanceDescription> {
    if (instanceId !== INSTANCE) throw resourceNotFound(instanceId);
    return {
      instanceId,
      imageId: 'ami-0123456789abcdef0',
      state: 'running',
      driver: 'qemu',
      instanceType: 't3.micro',
      launchTime: '',
      publish: [],
      purpose: 'launch',
    };
  },
  shell: (_owner, _instanceId, request) => openEcho(request),
};

let directory: string;
let catalog: Catalog;
let services: ApiServices;
let app: FastifyInstance;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-session-'));
  catalog = await openCatalog(directory);
  services = {
    catalog,
    launches,
    storage: storageService(catalog),
    registry: localRegistry(catalog.dataDirectory),
    packageIndexes: async () => [],
    defaultAccount: ACCOUNT,
    version: '1.2.3',
    dataDirectory: directory,
    identities: openIdentities(catalog, sealerOf(new Uint8Array(32)), [{ ...KEY, account: ACCOUNT }]),
    config: DEFAULT_CONFIG,
    audit: { write() {}, flush() {}, lost: () => undefined, close() {} },
    wakeWorker() {},
    worker: () => ({ up: true, silentSeconds: 0 }),
    shutdown() {},
  };
});
after(async () => {
  await catalog.close();
  await rm(directory, { recursive: true });
});

describe('a shell over a WebSocket', () => {
  let connection: Connection;
  const path = `/ingot/instances/${INSTANCE}/shell`;
  beforeEach(async () => {
    shells.length = 0;
    app = createApi(services);
    await app.listen({ host: '127.0.0.1', port: 0 });
    connection = {
      host: '127.0.0.1',
      port: (app.server.address() as AddressInfo).port,
      region: 'us-east-1',
      credentials: KEY,
    };
  });

  afterEach(() => app.close());

  test('bytes go both ways, then the exit code arrives', async () => {
    const socket = await signedSocket(connection, {
      path,
      query: { rows: '30', columns: '90', term: 'xterm-256color' },
    });
    const out: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    const big = Buffer.alloc(3 << 20, 7);
    const followed = followSession(socket, {
      begin({ terminal }) {
        assert.equal(terminal, true);
        tellSession(socket, { resize: { rows: 10, columns: 20 } });
        socket.send(JSON.stringify({ resize: { rows: 0, columns: 'x' } }));
        socket.send('no JSON');
        void sendInput(socket, big).then(() => tellSession(socket, { end: true }));
      },
      output: (stream, bytes) => void out[stream].push(Buffer.from(bytes)),
    });
    assert.equal(await followed, 7);
    assert.ok(Buffer.concat(out.stdout).equals(big));
    assert.equal(Buffer.concat(out.stderr).toString(), 'bye');
    assert.deepEqual(
      shells.map(({ request, resized }) => [request, resized]),
      [[{ term: 'xterm-256color', size: { rows: 30, columns: 90 } }, [{ rows: 10, columns: 20 }]]],
    );
  });

  test('the command is told that its client disconnected, or that the server stops', async () => {
    for (const go of [(socket: WebSocket) => socket.terminate(), () => void app.close()]) {
      const socket = await signedSocket(connection, { path });
      const ended = followSession(socket, { begin: () => go(socket), output() {} });
      await assert.rejects(ended, /the connection to the server ended/);
      await until('the command to be told', 5000, () => (shells.at(-1)?.hungUp === true ? true : undefined));
    }
  });

  for (const [name, target, error] of [
    [
      'an instance that is not there',
      '/ingot/instances/i-00000000000000000/shell',
      { code: 'ResourceNotFoundException', status: 404 },
    ],
    ['half a size', `${path}?rows=3`, { code: 'InvalidParameterValueException', status: 400 }],
    ['a route without sessions', `/ingot/instances/${INSTANCE}`, { code: 'InvalidAnswer', status: 200 }],
  ] as const) {
    test(`rejected: ${name}`, async () => {
      const [where, search] = target.split('?') as [string, string?];
      await assert.rejects(
        signedSocket(connection, { path: where, query: Object.fromEntries(new URLSearchParams(search)) }),
        error,
      );
    });
  }

  test('rejected without a valid signature, and without an upgrade', async () => {
    await assert.rejects(
      signedSocket({ ...connection, credentials: { ...KEY, secretAccessKey: 'x'.repeat(40) } }, { path }),
      { code: 'InvalidSignatureException', status: 403 },
    );
    await assert.rejects(signedRequest(connection, { method: 'GET', path }), {
      code: 'InvalidRequestException',
      status: 400,
    });
    assert.deepEqual(shells, []);
  });
});
