/** The API without a socket, with a launch service that records its calls. Its hooks make an app for each test. */
import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import type { AuditEvent } from '../../src/catalog/audit-log.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import { localRegistry } from '../../src/distribution/registry/local-registry.ts';
import { storageService } from '../../src/storage/storage.ts';
import type {
  ExecRequest,
  InstanceDescription,
  LaunchInstanceRequest,
  LaunchService,
} from '../../src/launches/types.ts';
import { resourceNotFound } from '../../src/resources/errors.ts';
import { openIdentities } from '../../src/api/access/identities.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { sealerOf } from '../../src/platform/sealing.ts';
import type { ApiServices, Handlers } from '../../src/api/context.ts';
import { handlers } from '../../src/api/operations/register.ts';
import { createApi } from '../../src/api/server.ts';

// A test must not delete what this host caches for other data directories.
process.env['INGOT_BASE_CACHE'] = 'off';

process.env['INGOT_LOG'] ??= 'silent';

export const ACCOUNT = '123456789012';

export const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

export const COMPONENT = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}:component/web/1.0.0/1`;

export const INSTANCE = 'i-0123456789abcdef0';

export const described: InstanceDescription = {
  instanceId: INSTANCE,
  imageId: 'ami-0123456789abcdef0',
  state: 'pending',
  driver: 'qemu',
  instanceType: 't3.micro',
  launchTime: '2026-11-20T12:00:00.000Z',
  publish: [],
  purpose: 'launch',
};

/** A launch service that records its calls. */
class Launches implements LaunchService {
  launched: LaunchInstanceRequest | undefined;
  executed: ExecRequest | undefined;
  aborted = Promise.withResolvers<void>();
  async launch(_owner: object, request: LaunchInstanceRequest): Promise<InstanceDescription> {
    this.launched = request;
    return described;
  }
  async list(): Promise<readonly InstanceDescription[]> {
    return [described];
  }
  async get(_owner: object, id: string): Promise<InstanceDescription> {
    if (id !== INSTANCE) throw resourceNotFound(id);
    return described;
  }
  async terminate(): Promise<InstanceDescription> {
    return { ...described, state: 'shutting-down' };
  }
  async exec(
    _owner: object,
    _id: string,
    request: ExecRequest,
    onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void,
    signal: AbortSignal,
  ): Promise<{ exitCode: number; signal: null; timedOut: false }> {
    this.executed = request;
    if (request.argv[0] === 'fail') throw new Error('internal words');
    onOutput('stdout', Buffer.from([0, 255]));
    onOutput('stderr', Buffer.from('oh'));
    if (request.argv[0] === 'hang') {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      this.aborted.resolve();
    }
    return { exitCode: 3, signal: null, timedOut: false };
  }
  shell(): Promise<never> {
    throw new Error('session.test.ts has one that opens shells');
  }
  getFiles = this.shell;
  putFiles = this.shell;
  async console(): Promise<AsyncIterable<Buffer>> {
    return (async function* () {
      yield Buffer.from('Linux version\n');
      yield Buffer.from('login: ');
    })();
  }
}

export let directory: string;

export let catalog: Catalog;

export let app: FastifyInstance;

export let launches: Launches;

export const counts = { wakes: 0, stops: 0, runs: 0 };

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-api-'));
  catalog = await openCatalog(directory);
});

after(async () => {
  await catalog.close();
  await rm(directory, { recursive: true });
});

beforeEach(() => {
  Object.assign(counts, { wakes: 0, stops: 0, runs: 0 });
  launches = new Launches();
  api();
});

afterEach(() => app.close());

export const audited: AuditEvent[] = [];

/** Makes `app`, with some handlers replaced. */
export function api(own: Partial<Handlers> = {}): FastifyInstance {
  const services: ApiServices = {
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
    audit: { write: (event) => void audited.push(event), flush() {}, lost: () => undefined, close() {} },
    wakeWorker: () => void counts.wakes++,
    worker: () => ({ up: true, silentSeconds: 0 }),
    shutdown: () => void counts.stops++,
  };
  return (app = createApi(services, { handlers: { ...handlers, ...own } }));
}

interface Call {
  readonly body?: string | object;
  readonly region?: string;
  readonly headers?: Record<string, string>;
}

export async function signed(
  method: string,
  url: string,
  { body, region = 'us-east-1', headers = {} }: Call = {},
): Promise<{ headers: Record<string, string>; body: string | undefined }> {
  const signer = new SignatureV4({ service: 'imagebuilder', region, credentials: KEY, sha256: Sha256 });
  const [path, search] = url.split('?') as [string, string?];
  const query: Record<string, string | string[]> = {};
  for (const [name, value] of new URLSearchParams(search)) query[name] = [query[name] ?? [], value].flat();
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  const request = await signer.sign({
    method,
    protocol: 'http:',
    hostname: 'localhost',
    path,
    query,
    headers: { host: 'localhost', ...headers },
    ...(text === undefined ? {} : { body: text }),
  });
  return { headers: request.headers, body: text };
}

export async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  options: Call = {},
): Promise<LightMyRequestResponse> {
  const { headers, body } = await signed(method, url, options);
  return app.inject({ method, url, headers, ...(body === undefined ? {} : { body }) });
}

export function assertError(response: LightMyRequestResponse, status: number, code: string, message = /./): void {
  assert.equal(response.statusCode, status, response.body);
  assert.equal(response.headers['x-amzn-errortype'], code);
  const body = response.json() as Record<string, string>;
  assert.deepEqual(Object.keys(body).sort(), ['__type', 'message']);
  assert.equal(body['__type'], code);
  assert.match(body['message']!, message);
  assert.match(String(response.headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
}

export const component = { name: 'web', semanticVersion: '1.0.0', platform: 'Linux', data: 'x', clientToken: 'one' };
