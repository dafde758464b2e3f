import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import {
  CreateComponentCommand,
  GetComponentCommand,
  ImagebuilderClient,
  ImagebuilderServiceException,
  InvalidParameterException,
  InvalidParameterValueException,
  InvalidRequestException,
  ListTagsForResourceCommand,
  ResourceNotFoundException,
  TagResourceCommand,
  UntagResourceCommand,
  type CreateComponentCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { SignatureV4 } from '@smithy/signature-v4';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { insertAmi } from '../catalog/amis.ts';
import type { AuditEvent } from '../catalog/audit-log.ts';
import { openCatalog, type Catalog } from '../catalog/catalog.ts';
import { imageLogPath, openImageLog } from '../catalog/image-log.ts';
import { unknownMembersOf } from '../catalog/unknown-members.ts';
import { localRegistry } from '../distribution/registry/local-registry.ts';
import { storageService } from '../storage/storage.ts';
import type { ExecRequest, InstanceDescription, LaunchInstanceRequest, LaunchService } from '../launches/types.ts';
import { resourceNotFound } from '../resources/errors.ts';
import { openIdentities } from './access/identities.ts';
import { DEFAULT_CONFIG } from '../platform/config/config.ts';
import { until } from '../platform/clock.ts';
import { sealerOf } from '../platform/sealing.ts';
import type { ApiServices, Handler, Handlers } from './context.ts';
import { handlers } from './operations/register.ts';
import { BODY_LIMIT } from './error-responses.ts';
import { createApi } from './server.ts';
import { stated } from '../../test/harness/stated.ts';

// A test must not delete what this host caches for other data directories.
process.env['INGOT_BASE_CACHE'] = 'off';

process.env['INGOT_LOG'] ??= 'silent';

const ACCOUNT = '123456789012';
const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
const COMPONENT = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}:component/web/1.0.0/1`;
const INSTANCE = 'i-0123456789abcdef0';

const described: InstanceDescription = {
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

let directory: string;
let catalog: Catalog;
let app: FastifyInstance;
let launches: Launches;
let wakes = 0;
let stops = 0;
let runs = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-api-'));
  catalog = await openCatalog(directory);
});
after(async () => {
  await catalog.close();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  [wakes, stops, runs] = [0, 0, 0];
  launches = new Launches();
  app = api();
});
afterEach(() => app.close());

const audited: AuditEvent[] = [];

function api(own: Partial<Handlers> = {}): FastifyInstance {
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
    wakeWorker: () => void wakes++,
    worker: () => ({ up: true, silentSeconds: 0 }),
    shutdown: () => void stops++,
  };
  return createApi(services, { handlers: { ...handlers, ...own } });
}

interface Call {
  readonly body?: string | object;
  readonly region?: string;
  readonly headers?: Record<string, string>;
}

async function signed(
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

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  options: Call = {},
): Promise<LightMyRequestResponse> {
  const { headers, body } = await signed(method, url, options);
  return app.inject({ method, url, headers, ...(body === undefined ? {} : { body }) });
}

function assertError(response: LightMyRequestResponse, status: number, code: string, message = /./): void {
  assert.equal(response.statusCode, status, response.body);
  assert.equal(response.headers['x-amzn-errortype'], code);
  const body = response.json() as Record<string, string>;
  assert.deepEqual(Object.keys(body).sort(), ['__type', 'message']);
  assert.equal(body['__type'], code);
  assert.match(body['message']!, message);
  assert.match(String(response.headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
}

const component = { name: 'web', semanticVersion: '1.0.0', platform: 'Linux', data: 'x', clientToken: 'one' };

describe('the wire', () => {
  test('unsigned requests are rejected, for existing and for missing resources', async () => {
    for (const url of ['/GetImage?imageBuildVersionArn=x', '/nothing', '/ingot/server']) {
      assertError(
        await app.inject({ url, headers: { host: 'localhost' } }),
        403,
        'MissingAuthenticationTokenException',
      );
    }
  });

  test('unknown paths and methods', async () => {
    assertError(await call('GET', '/Nothing'), 404, 'UnknownOperationException', /GET \/Nothing/);
    assertError(await call('GET', '/CreateComponent'), 405, 'UnknownOperationException', /takes PUT, not GET/);
    assertError(
      await call('PUT', `/tags/${encodeURIComponent(COMPONENT)}`, { body: '{}' }),
      405,
      'UnknownOperationException',
      /takes DELETE, GET, POST/,
    );
    assertError(await call('POST', '/ingot/server'), 405, 'UnknownOperationException', /takes GET/);
  });

  test('a path that a signature does not cover exactly is rejected', async () => {
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    for (const path of ['/tags/a/../b', '/tags/a//b', '/tags/./b', '//tags/b', '/ingot/./server']) {
      const { headers } = await signed('GET', path);
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      httpRequest(endpoint, { path, headers, agent: false }, (response) => resolve(response.resume().statusCode))
        .once('error', reject)
        .end();
      assert.equal(await promise, 404, path);
    }
  });

  test('bodies that cannot be parsed', async () => {
    assertError(await call('PUT', '/CreateComponent', { body: '{' }), 400, 'SerializationException', /not valid JSON/);
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, name: 5 } }),
      400,
      'SerializationException',
      /'name'.*not the number 5/,
    );
    assertError(
      await call('PUT', '/CreateComponent', { body: 'x'.repeat(BODY_LIMIT + 1) }),
      413,
      'RequestEntityTooLargeException',
    );
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, platform: 'BeOS' } }),
      400,
      'InvalidParameterValueException',
      /'platform'/,
    );
    assertError(await call('GET', '/tags/%25'), 400, 'InvalidParameterException');
  });

  test('any content type, or none, is accepted', async () => {
    app = api({ CreateComponent: async () => ({}) });
    for (const headers of [
      {},
      { 'content-type': 'application/x-amz-json-1.1' },
      { 'content-type': 'nonsense' },
    ] as Record<string, string>[]) {
      const response = await call('PUT', '/CreateComponent', {
        body: { ...component, clientToken: JSON.stringify(headers) },
        headers,
      });
      assert.equal(response.statusCode, 200, response.body);
    }
  });

  test('an unexpected error of a handler is answered with its request id only', async () => {
    app = api({
      GetComponent: async () => {
        throw new Error('SELECT secret');
      },
    });
    const response = await call('GET', `/GetComponent?componentBuildVersionArn=${encodeURIComponent(COMPONENT)}`);
    assertError(response, 500, 'ServiceException', new RegExp(String(response.headers['x-amzn-requestid'])));
    assert.doesNotMatch(response.body, /secret/);
  });

  test('a catalogue that another process keeps busy is not a failure: clients retry', async () => {
    app = api({
      GetComponent: async () => {
        throw Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 });
      },
    });
    assertError(
      await call('GET', `/GetComponent?componentBuildVersionArn=${encodeURIComponent(COMPONENT)}`),
      503,
      'ServiceUnavailableException',
    );
  });
});

test('a dry run that only newer clients know changes nothing', async () => {
  const configuration = { name: 'web', instanceProfileName: 'p', clientToken: 'newer' };
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, dryRun: true } }),
    412,
    'DryRunOperationException',
  );
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, dryRun: 'yes' } }),
    400,
    'SerializationException',
    /'dryRun'.*true or false/,
  );
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, name: '?', dryRun: true } }),
    400,
    'InvalidParameterValueException',
  );
  assert.equal(
    (await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, dryRun: false } })).statusCode,
    200,
  );
});

test('members newer than the SDK are validated, stored and returned', async () => {
  const newer = {
    parentInstance: { autoScalingGroup: { name: 'warm', capacityWaitTimeoutSeconds: 60 } },
    terminateInstanceOnCompletion: false,
  };
  const body = { name: 'newer members', instanceProfileName: 'p', clientToken: 'newer-members', ...newer };
  const created = await call('PUT', '/CreateInfrastructureConfiguration', { body });
  assert.equal(created.statusCode, 200, created.body);
  assert.equal(created.headers['x-ingot-warning'], undefined);
  const { infrastructureConfigurationArn: arn } = created.json() as { infrastructureConfigurationArn: string };
  const found = await call('GET', `/GetInfrastructureConfiguration?infrastructureConfigurationArn=${arn}`);
  const { parentInstance, terminateInstanceOnCompletion } = (
    found.json() as { infrastructureConfiguration: typeof newer }
  ).infrastructureConfiguration;
  assert.deepEqual({ parentInstance, terminateInstanceOnCompletion }, newer);
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', {
      body: { ...body, name: 'n2', clientToken: 'n2', parentInstance: { autoScalingGroup: {} } },
    }),
    400,
    'InvalidParameterValueException',
    /parentInstance\.autoScalingGroup\.name/,
  );
});

test('an unknown member is named in the response and kept for the logs of images', async () => {
  const body = { name: 'unknown', instanceProfileName: 'p', clientToken: 'unknown' };
  const unknown = { scanGate: { level: 'HIGH' }, instanceMetadataOptions: { httpTokens: 'required', 'späte\n': 1 } };
  const created = await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...body, ...unknown } });
  assert.equal(created.statusCode, 200, created.body);
  assert.match(
    String(created.headers['x-ingot-warning']),
    /does not know it: instanceMetadataOptions\.sp\?te\?, scanGate$/,
  );
  const { infrastructureConfigurationArn: arn } = created.json() as { infrastructureConfigurationArn: string };
  const remembered = async (): Promise<string[]> =>
    (await unknownMembersOf(catalog.db, [arn])).map(({ member }) => member);
  assert.deepEqual(await remembered(), ['instanceMetadataOptions.sp?te?', 'scanGate']);
  const update = { infrastructureConfigurationArn: arn, instanceProfileName: 'p', clientToken: 'unknown-2' };
  assert.equal((await call('PUT', '/UpdateInfrastructureConfiguration', { body: update })).statusCode, 200);
  assert.deepEqual(await remembered(), []);
});

describe('around a handler', () => {
  /** Writes a row, and returns how many times it ran. */
  const create: Handler<'CreateComponent'> = async ({ name }, { db, afterCommit, services, region }) => {
    runs++;
    await db
      .insertInto('tags')
      .values({ arn: `${region}/${name}`, key: String(runs), value: '' })
      .execute();
    afterCommit(services.wakeWorker);
    if (name === 'refused') throw resourceNotFound(name);
    return { componentBuildVersionArn: `arn-${runs}` };
  };
  const rows = async (arn: string): Promise<number> =>
    (await catalog.db.selectFrom('tags').select('key').where('arn', '=', arn).execute()).length;
  beforeEach(() => void (app = api({ CreateComponent: create })));
  afterEach(() => catalog.db.deleteFrom('tags').execute());
  afterEach(() => catalog.db.deleteFrom('client_tokens').execute());

  test('the response has request id and client token, and the worker is woken after the commit', async () => {
    const response = await call('PUT', '/CreateComponent', { body: component });
    assert.equal(response.statusCode, 200, response.body);
    assert.deepEqual(response.json(), {
      requestId: response.headers['x-amzn-requestid'],
      clientToken: 'one',
      componentBuildVersionArn: 'arn-1',
    });
    assert.equal(wakes, 1);
    assert.equal(await rows('us-east-1/web'), 1);
  });

  test('an error rolls back what was written and wakes no worker', async () => {
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, name: 'refused' } }),
      404,
      'ResourceNotFoundException',
    );
    assert.equal(await rows('us-east-1/refused'), 0);
    assert.equal(wakes, 0);
  });

  test('a repeated token gets the first response, with a new request id', async () => {
    const first = await call('PUT', '/CreateComponent', { body: component });
    const { name, ...others } = component;
    const second = await call('PUT', '/CreateComponent', { body: { ...others, name } });
    assert.deepEqual(second.json(), { ...(first.json() as object), requestId: second.headers['x-amzn-requestid'] });
    assert.notEqual(second.headers['x-amzn-requestid'], first.headers['x-amzn-requestid']);
    assert.deepEqual([runs, wakes], [1, 1]);
  });

  test('the same token at the same moment runs once', async () => {
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => call('PUT', '/CreateComponent', { body: component })),
    );
    assert.deepEqual(
      new Set(responses.map((response) => (response.json() as Record<string, string>)['componentBuildVersionArn'])),
      new Set(['arn-1']),
    );
    assert.equal(runs, 1);
  });

  test('a token with other parameters is rejected; another Region is independent', async () => {
    await call('PUT', '/CreateComponent', { body: component });
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, data: 'y' } }),
      400,
      'IdempotentParameterMismatchException',
    );
    assert.equal(
      (await call('PUT', '/CreateComponent', { body: { ...component, data: 'y' }, region: 'eu-west-1' })).statusCode,
      200,
    );
  });

  test('a token of a failed request can be used again', async () => {
    let fail = true;
    app = api({
      CreateComponent: async (input, context) => {
        if (fail) throw resourceNotFound('x');
        return create(input, context);
      },
    });
    await call('PUT', '/CreateComponent', { body: component });
    fail = false;
    assert.equal((await call('PUT', '/CreateComponent', { body: component })).statusCode, 200);
  });

  test('a dry run finds the faults and leaves nothing behind', async () => {
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, dryRun: true } }),
      412,
      'DryRunOperationException',
      /^Request would have succeeded, but dryRun flag is set\.$/,
    );
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, name: 'refused', dryRun: true } }),
      404,
      'ResourceNotFoundException',
    );
    assert.deepEqual([await rows('us-east-1/web'), wakes], [0, 0]);
    assert.equal((await call('PUT', '/CreateComponent', { body: component })).statusCode, 200);
  });
});

describe('the SDK as a client', () => {
  let client: ImagebuilderClient;
  let endpoint: string;
  beforeEach(async () => {
    app = api({
      GetComponent: async ({ componentBuildVersionArn }) => {
        throw resourceNotFound(componentBuildVersionArn);
      },
      CreateComponent: async (_input, { region }) => ({ componentBuildVersionArn: region }),
      TagResource: async ({ resourceArn, tags }) => {
        tagged = [resourceArn, tags];
        return {};
      },
      UntagResource: async ({ resourceArn, tagKeys }) => {
        tagged = [resourceArn, tagKeys];
        return {};
      },
      ListTagsForResource: async ({ resourceArn }) => ({ tags: { resourceArn } }),
    });
    endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    client = new ImagebuilderClient({ endpoint, region: 'eu-central-1', credentials: KEY, maxAttempts: 1 });
  });
  afterEach(() => client.destroy());
  let tagged: unknown;

  test('reads responses, with the Region of its signature', async () => {
    const { $metadata, requestId, clientToken, componentBuildVersionArn } = await client.send(
      new CreateComponentCommand(component as CreateComponentCommandInput),
    );
    assert.equal($metadata.requestId, requestId);
    assert.deepEqual([clientToken, componentBuildVersionArn], ['one', 'eu-central-1']);
  });

  test('tags go with the ARN in the path', async () => {
    assert.deepEqual((await client.send(new ListTagsForResourceCommand({ resourceArn: COMPONENT }))).tags, {
      resourceArn: COMPONENT,
    });
    await client.send(new TagResourceCommand({ resourceArn: COMPONENT, tags: { 'a b': 'é/+' } }));
    assert.deepEqual(tagged, [COMPONENT, { 'a b': 'é/+' }]);
    await client.send(new UntagResourceCommand({ resourceArn: COMPONENT, tagKeys: ['a b', 'c+d=e'] }));
    assert.deepEqual(tagged, [COMPONENT, ['a b', 'c+d=e']]);
  });

  test('recognizes errors by their names', async () => {
    const get = (arn: string): Promise<unknown> =>
      client.send(new GetComponentCommand({ componentBuildVersionArn: arn }));
    await assert.rejects(
      get(COMPONENT),
      (error) =>
        error instanceof ResourceNotFoundException &&
        error.message.includes(COMPONENT) &&
        error.$metadata.httpStatusCode === 404,
    );
    await assert.rejects(
      get('x'),
      (error) => error instanceof InvalidParameterValueException && /must match pattern/.test(error.message),
    );
    await assert.rejects(client.send(new ListTagsForResourceCommand({ resourceArn: 'x' })), InvalidParameterException);
    await assert.rejects(
      client.send(new CreateComponentCommand({ ...component, name: undefined } as CreateComponentCommandInput)),
      InvalidParameterValueException,
    );
    const stranger = new ImagebuilderClient({
      endpoint: endpoint,
      region: 'us-east-1',
      credentials: { ...KEY, secretAccessKey: 'guess' },
      maxAttempts: 1,
    });
    await assert.rejects(
      stranger.send(new GetComponentCommand({ componentBuildVersionArn: COMPONENT })),
      (error) =>
        error instanceof ImagebuilderServiceException &&
        error.name === 'InvalidSignatureException' &&
        error.$metadata.httpStatusCode === 403,
    );
    stranger.destroy();
    assert.ok(new InvalidRequestException({ message: '', $metadata: {} }) instanceof ImagebuilderServiceException);
  });
});

describe("Ingot's own routes", () => {
  const IMAGE = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}:image/web/1.0.0/1`;
  const route = (what: string): string => `/ingot/images/${encodeURIComponent(IMAGE)}/${what}`;
  const records = (body: string): unknown[] =>
    body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  test('the server describes itself, and stops', async () => {
    assert.deepEqual((await call('GET', '/ingot/server')).json(), {
      version: '1.2.3',
      pid: process.pid,
      dataDirectory: directory,
    });
    assert.deepEqual((await call('POST', '/ingot/server/stop')).json(), { inWork: [] });
    assert.equal(stops, 1);
  });

  test('launch, list, describe, terminate', async () => {
    const body = {
      image: 'ami-0123456789abcdef0',
      publish: [{ hostPort: 8080, instancePort: 80 }],
      sshKeys: ['ssh-ed25519 AAAA'],
      firmware: 'uefi',
    };
    assert.deepEqual((await call('POST', '/ingot/instances', { body })).json(), {
      instanceId: INSTANCE,
      state: 'pending',
    });
    assert.deepEqual(stated(launches.launched), body);
    assert.deepEqual((await call('GET', '/ingot/instances')).json(), { instances: [described] });
    assert.deepEqual((await call('GET', `/ingot/instances/${INSTANCE}`)).json(), described);
    assert.deepEqual((await call('DELETE', `/ingot/instances/${INSTANCE}`)).json(), {
      instanceId: INSTANCE,
      state: 'shutting-down',
    });
    assertError(await call('GET', '/ingot/instances/i-0'), 404, 'ResourceNotFoundException');
  });

  test('storage: usage, garbage, deregistering', async () => {
    const usage = (await call('GET', '/ingot/storage')).json() as {
      dataDirectory: string;
      totalBytes: number;
      amis: unknown[];
    };
    assert.deepEqual([usage.dataDirectory, usage.totalBytes > 0], [directory, true]);
    for (const body of [undefined, {}, { olderThanSeconds: 3600 }]) {
      assert.deepEqual((await call('POST', '/ingot/gc', body === undefined ? {} : { body })).json(), {
        layers: 0,
        files: 0,
        bytes: 0,
      });
    }
    assertError(
      await call('POST', '/ingot/gc', { body: { olderThanSeconds: -1 } }),
      400,
      'InvalidParameterValueException',
      /olderThanSeconds/,
    );
    assertError(
      await call('POST', '/ingot/gc', { body: { olderThan: 1 } }),
      400,
      'InvalidParameterValueException',
      /olderThan/,
    );
    for (const url of [
      '/ingot/amis/ami-0123456789abcdeff',
      '/ingot/amis/web',
      '/ingot/amis/ami-0123456789abcdeff?region=us-east-1',
    ]) {
      assertError(await call('DELETE', url), 404, 'ResourceNotFoundException');
    }
  });

  test('a launch reports all its faults', async () => {
    const body = {
      image: 'web',
      publish: [{ hostPort: 0, hostAddress: 'here' }],
      sshKeys: 'x',
      firmware: 'coreboot',
      type: 'm5',
    };
    const response = await call('POST', '/ingot/instances', { body });
    assertError(response, 400, 'InvalidParameterValueException');
    const paths = [...(response.json() as { message: string }).message.matchAll(/parameter '([^']+)'/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(
      new Set(paths),
      new Set([
        'image',
        'publish[0].hostPort',
        'publish[0].instancePort',
        'publish[0].hostAddress',
        'sshKeys',
        'firmware',
        'type',
      ]),
    );
    assert.equal(launches.launched, undefined);
  });

  test('a command: its output unchanged, then its result', async () => {
    const request = { argv: ['sh', '-c', ''], env: { A: 'b' }, cwd: '/', timeoutSeconds: 5 };
    const response = await call('POST', `/ingot/instances/${INSTANCE}/exec`, { body: request });
    assert.equal(response.headers['content-type'], 'application/x-ndjson');
    assert.deepEqual(records(response.body), [
      { stream: 'stdout', data: Buffer.from([0, 255]).toString('base64') },
      { stream: 'stderr', data: Buffer.from('oh').toString('base64') },
      { exitCode: 3, signal: null, timedOut: false },
    ]);
    assert.deepEqual(launches.executed, request);
    const failed = await call('POST', `/ingot/instances/${INSTANCE}/exec`, { body: { argv: ['fail'] } });
    assert.doesNotMatch(failed.body, /internal words/);
    assert.deepEqual(Object.keys(records(failed.body)[0] as object), ['error']);
    assertError(
      await call('POST', '/ingot/instances/i-1123456789abcdef0/exec', { body: { argv: ['x'] } }),
      404,
      'ResourceNotFoundException',
    );
    assertError(
      await call('POST', `/ingot/instances/${INSTANCE}/exec`, { body: { argv: [], env: { 'A=': '' } } }),
      400,
      'InvalidParameterValueException',
      /argv[^]*env/,
    );
  });

  test('a client that disconnects kills its command', async () => {
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `/ingot/instances/${INSTANCE}/exec`;
    const { host } = new URL(endpoint);
    const { headers, body } = await signed('POST', url, { body: { argv: ['hang'] }, headers: { host } });
    const gone = new AbortController();
    const response = await fetch(`${endpoint}${url}`, { method: 'POST', headers, body: body!, signal: gone.signal });
    const reader = response.body!.getReader();
    assert.match(Buffer.from((await reader.read()).value!).toString(), /stdout/);
    gone.abort();
    await launches.aborted.promise;
  });

  test('a client that disconnects before the response leaves an event, once its request is done', async () => {
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    app = api({
      CreateComponent: async () => {
        begun.resolve();
        await go.promise;
        return { componentBuildVersionArn: 'made' };
      },
    });
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const send = async (method: string, url: string, body: object): Promise<AbortController> => {
      const gone = new AbortController();
      const { headers, body: text } = await signed(method, url, { body, headers: { host: new URL(endpoint).host } });
      void fetch(`${endpoint}${url}`, { method, headers, body: text!, signal: gone.signal })
        .then((response) => response.text())
        .catch(() => {});
      return gone;
    };
    audited.length = 0;
    const connections = (): Promise<number> =>
      new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)));
    const creating = await send('PUT', '/CreateComponent', component);
    await begun.promise;
    creating.abort();
    await until('the connection to go', 5000, async () => ((await connections()) === 0 ? true : undefined));
    assert.deepEqual(audited, []);
    go.resolve();
    await until('the event', 5000, () => (audited.length > 0 ? true : undefined));
    const executing = await send('POST', `/ingot/instances/${INSTANCE}/exec`, { argv: ['hang'] });
    await until('the command', 5000, () => (launches.executed === undefined ? undefined : true));
    executing.abort();
    await launches.aborted.promise;
    await until('the second event', 5000, () => (audited.length > 1 ? true : undefined));
    assert.deepEqual(
      audited.map(({ eventName, responseElements }) => [
        eventName,
        (responseElements as { componentBuildVersionArn?: string } | null)?.componentBuildVersionArn,
      ]),
      [
        ['CreateComponent', 'made'],
        ['ExecuteCommand', undefined],
      ],
    );
  });

  test('closing the server ends its streams', async () => {
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `/ingot/instances/${INSTANCE}/exec`;
    const { headers, body } = await signed('POST', url, {
      body: { argv: ['hang'] },
      headers: { host: new URL(endpoint).host },
    });
    const response = await fetch(`${endpoint}${url}`, { method: 'POST', headers, body: body! });
    const text = response.text();
    await app.close();
    await launches.aborted.promise;
    assert.match(await text, /stdout/);
  });

  test('the console is plain text', async () => {
    const response = await call('GET', `/ingot/instances/${INSTANCE}/console?follow=false`);
    assert.equal(response.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(response.body, 'Linux version\nlogin: ');
    assertError(
      await call('GET', `/ingot/instances/${INSTANCE}/console?follow=perhaps`),
      400,
      'InvalidParameterValueException',
    );
  });

  test("an image's log, from an offset, and its AMIs", async () => {
    assertError(await call('GET', route('log')), 404, 'ResourceNotFoundException');
    assertError(await call('GET', route('amis')), 404, 'ResourceNotFoundException');
    const log = openImageLog(directory, IMAGE);
    for (const text of ['one', 'two', 'three']) log.report({ type: 'log', text });
    log.close();
    const texts = async (query: string): Promise<unknown[]> =>
      records((await call('GET', `${route('log')}${query}`)).body).map(
        (record) => (record as Record<string, unknown>)['text'],
      );
    assert.deepEqual(await texts(''), ['one', 'two', 'three']);
    assert.deepEqual(await texts('?after=2&follow=true'), ['three']);
    await insertAmi(catalog.db, {
      id: 'ami-0123456789abcdef0',
      region: 'us-east-1',
      account: ACCOUNT,
      name: 'web',
      description: null,
      image_arn: IMAGE,
      layer_id: null,
      file: 'layers/x.qcow2',
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      created: '2026-11-20T12:00:00.000Z',
    });
    assert.deepEqual((await call('GET', route('amis'))).json(), {
      amis: [
        { region: 'us-east-1', id: 'ami-0123456789abcdef0', file: join(directory, 'layers/x.qcow2'), name: 'web' },
      ],
    });
  });

  test("another account's image is rejected, and so is an ARN that is not a build's", async () => {
    const other = IMAGE.replace(ACCOUNT, '210987654321');
    await mkdir(dirname(imageLogPath(directory, other)), { recursive: true });
    await writeFile(imageLogPath(directory, other), '{}\n');
    assertError(await call('GET', `/ingot/images/${encodeURIComponent(other)}/log`), 403, 'AccessDeniedException');
    assertError(
      await call('GET', `/ingot/images/${encodeURIComponent(IMAGE.replace('/1.0.0/1', '/x.x.x'))}/log`),
      400,
      'InvalidParameterValueException',
    );
    assertError(
      await call('GET', `/ingot/images/${encodeURIComponent('../../etc')}/log`),
      400,
      'InvalidParameterValueException',
    );
  });
});
