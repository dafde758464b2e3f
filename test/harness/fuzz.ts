/**
 * Requests that no client would send, made from the model and from a seed: none may be answered with a 5xx, hang, or
 * change a record and be refused.
 */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { NormalizedSchema } from '@smithy/core/schema';
import { ingotRoutes } from '../../src/api/ingot/register.ts';
import { members } from '../../src/api/model.ts';
import { readModel } from '../../src/api/services/model.ts';
import { nameTraits } from '../../src/api/services/protocols/xml.ts';
import { SERVICES } from '../../src/api/services/register.ts';
import { API_DATA, type Shape } from '../../src/api/validate.ts';
import type { OperationName } from '../../src/api/model.ts';
import type { Connection } from '../../src/platform/api-client.ts';

/** What a run came to: how many answers of each status. */
export type Tally = Readonly<Record<number, number>>;

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: Buffer;
}

const DEADLINE_MS = 30_000;
/** What begins the header of operations of services that speak JSON. */
const TARGETS: Readonly<Record<string, string>> = {
  ssm: 'AmazonSSM',
  logs: 'Logs_20140328',
  ecr: 'AmazonEC2ContainerRegistry_V20150921',
};
const OPERATIONS = Object.keys(API_DATA.operations) as OperationName[];

/** A small generator of numbers, so that a seed gives the same requests again. */
function generator(seed: number) {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  return { below, pick };
}

/**
 * Sends requests, one after the other.
 * @param arns of things that are there, for requests that get far
 * @throws {AssertionError} naming seed, number and request of the first that was not answered as it should be
 */
export async function fuzz(
  connection: Connection,
  dataDirectory: string,
  arns: readonly string[],
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Tally> {
  const { below, pick } = generator(seed);
  const watch = new DatabaseSync(join(dataDirectory, 'catalog.db'), { readOnly: true });
  const version = watch.prepare('PRAGMA data_version');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const tally: Record<number, number> = {};
  const signer = createSigner(connection);
  const services = await Promise.all(
    [...SERVICES.values()].map(async (entry) => {
      const { schemas, operations } = await entry.load();
      return { name: entry.name, operations, model: readModel(schemas, Object.keys(operations)) };
    }),
  );

  const TEXTS: readonly (() => string)[] = [
    () => '',
    () => 'web',
    () => 'x'.repeat(below(200)),
    () => 'ü😀\u2028',
    () => '\u0000',
    () => "'; drop table components; --",
    () => '../../etc/passwd',
    () => '${aws:username}',
    () => '%2e%2e%2f',
    () => '1.0.0',
    () => 'x.x.x',
    () => '1.x.0',
    () => '99999999999.0.0',
    () => '{"Version":"2012-10-17","Statement":[]}',
    () => '__proto__',
    () => 'constructor',
    () => '\ud800',
    () => pick(arns),
    () => `${pick(arns)}/7`,
    () => pick(arns).replace(/\d+$/, 'x'),
    () => pick(arns).replace(/:\d{12}:/, ':999999999999:'),
    () => pick(arns).toUpperCase(),
    () =>
      'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: A\n        action: ExecuteBash\n    ' +
      '    inputs:\n          commands: [ls]\n',
    () => 'a: &a [*a]',
    () => '- '.repeat(500),
    () => `arn:aws:imagebuilder:eu-west-1:123456789012:${'component/'.repeat(below(40))}`,
    () => 'A'.repeat(20_000),
    () => 'ami-0123456789abcdef0',
    () => 'ssm:/x',
    () => `rate(${below(5)} days)`,
    () => 'cron(0 0 * * ? *)',
  ];
  const SCALARS: readonly (() => unknown)[] = [
    () => null,
    () => true,
    () => -1,
    () => 0,
    () => 1e308,
    () => 2 ** 53,
    () => 0.1,
    () => [],
    () => ({}),
    () => [[[[]]]],
    () => ({ __proto__: { a: 1 } }),
    () => pick(TEXTS)(),
    () => [pick(TEXTS)()],
    () => ({ [pick(TEXTS)()]: pick(TEXTS)() }),
  ];

  /** A value for a shape: mostly of its type, now and then anything. */
  function valueOf(name: string, depth: number): unknown {
    if (below(14) === 0 || depth > 6) return pick(SCALARS)();
    const shape = API_DATA.shapes[name]!;
    switch (shape.type) {
      case 'structure':
        return structureOf(shape, depth);
      case 'list':
        return Array.from({ length: below(20) === 0 ? (shape.max ?? 3) + 1 : below(3) }, () =>
          valueOf(shape.member!, depth + 1),
        );
      case 'map':
        return Object.fromEntries(
          Array.from({ length: below(3) }, () => [pick(TEXTS)(), valueOf(shape.value!, depth + 1)]),
        );
      case 'boolean':
        return below(2) === 0;
      case 'integer':
      case 'long':
      case 'double':
        return pick([shape.min ?? 0, shape.max ?? 5, (shape.max ?? 5) + 1, 1, -5]);
      case 'timestamp':
        return pick([0, 1e9, 1e15, -1]);
      case 'string':
        return shape.enum !== undefined && below(4) > 0
          ? pick(shape.enum)
          : below(5) === 0
            ? 'a'.repeat((shape.max ?? 10) + below(2))
            : below(3) > 0 && /arn/i.test(name)
              ? pick(arns)
              : pick(TEXTS)();
    }
  }
  function structureOf(shape: Shape, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const [member, { shape: type }] of Object.entries(shape.members ?? {})) {
      if (below(10) < (shape.required?.includes(member) ? 9 : 3)) value[member] = valueOf(type, depth + 1);
    }
    return value;
  }
  const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

  function modelled(): Sent {
    const { http, input } = API_DATA.operations[pick(OPERATIONS)];
    const shape = API_DATA.shapes[input]!;
    const query: string[] = [];
    const body: Record<string, unknown> = {};
    let url = http.requestUri;
    for (const [member, value] of Object.entries(structureOf(shape, 0))) {
      const { location, locationName } = shape.members![member]!;
      if (location === 'uri') url = url.replace(`{${locationName}}`, encode(asText(value)));
      else if (location === 'querystring')
        for (const each of [value].flat()) query.push(`${locationName}=${encode(asText(each))}`);
      else body[member] = value;
    }
    const text = JSON.stringify(body);
    const mangled =
      below(20) > 0
        ? text
        : pick([
            text.slice(0, -1),
            `${text}x`,
            '[]',
            'null',
            '"',
            '1e999',
            text.replaceAll('"', "'"),
            `{"a":${'['.repeat(2000)}`,
            '{"name":"\\ud800"}',
            `{"name":1${text.slice(1)}`,
          ]);
    const bytes =
      below(60) === 0
        ? Buffer.concat([Buffer.from(mangled.slice(0, 5)), Buffer.from([0xff, 0xfe, 0xc0])])
        : Buffer.from(mangled);
    return {
      method: below(25) === 0 ? pick(['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']) : http.method,
      url: query.length > 0 ? `${url}?${query.join('&')}` : url,
      headers: {},
      ...(http.method === 'GET' || http.method === 'DELETE' ? {} : { body: bytes }),
    };
  }
  function ingots(): Sent {
    const route = pick(ingotRoutes.filter(({ path }) => path !== '/ingot/server/stop'));
    const query =
      below(3) === 0 ? `?${pick(['follow', 'after', 'since', 'account', 'region', 'x'])}=${encode(pick(TEXTS)())}` : '';
    const body = Object.fromEntries(
      Array.from({ length: below(4) }, () => [
        pick([
          'image',
          'publish',
          'argv',
          'tags',
          'trustPolicy',
          'document',
          'status',
          'userData',
          'olderThanSeconds',
          'x',
        ]),
        pick(SCALARS)(),
      ]),
    );
    return {
      method: route.method,
      url: route.path.replace(/:\w+/g, () => encode(pick(TEXTS)()) || 'x') + query,
      headers: {},
      ...(route.method === 'POST' ? { body: Buffer.from(JSON.stringify(body)) } : {}),
    };
  }
  function strays(): Sent {
    const url = pick([
      '/',
      '/x',
      '//',
      '/GetImage/',
      '/getimage',
      '/tags',
      '/tags/',
      '/tags/%',
      '/tags/%ff',
      '/%00',
      '/GetImage?%ff',
      '/GetImage?=&&=',
      `/${'a/'.repeat(300)}`,
      '/ingot',
      '/ingot/',
      '/ingot/images/%2f/log',
      '/..',
      '/GetImage?imageBuildVersionArn=a&imageBuildVersionArn=b',
      '/*',
      '/;a=b',
    ]);
    return { method: pick(['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE']), url, headers: {} };
  }
  function stsCalls(): Sent {
    const parameters = [
      ['Action', pick(['AssumeRole', 'GetCallerIdentity', 'AssumeRoleWithWebIdentity', 'X'])],
      ...Array.from({ length: below(5) }, () => [
        pick([
          'RoleArn',
          'RoleSessionName',
          'DurationSeconds',
          'Policy',
          'WebIdentityToken',
          'Tags.member.1.Key',
          'Tags.member.x',
          'ExternalId',
        ]),
        pick([...TEXTS, () => 'arn:aws:iam::123456789012:role/r', () => 'e30.e30.e30', () => 'session'])(),
      ]),
    ];
    return {
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(parameters.map(([name, value]) => `${name}=${encode(value!)}`).join('&')),
    };
  }
  const SERVICE_TEXTS = [
    ...['self', '*', 'a*b?', 'ami-0123456789abcdef0', 'snap-0123456789abcdef0', 'lt-0123456789abcdef0', '$Latest'],
    ...[
      '/a/b',
      '/a/b:1',
      'aws:ec2:image',
      'String',
      'SecureString',
      'name',
      'tag:a',
      '/ingot/x',
      '[a, b]',
      'us-east-1',
    ],
  ];
  /** A value for a schema of a service: mostly of its type. */
  function serviceValue(schema: NormalizedSchema, depth: number): unknown {
    if (below(20) === 0 || depth > 6) return pick(SCALARS)();
    if (schema.isStructSchema())
      return Object.fromEntries(
        [...members(schema)]
          .filter(() => below(3) === 0)
          .map(([name, member]) => [name, serviceValue(member, depth + 1)]),
      );
    if (schema.isListSchema())
      return Array.from({ length: below(3) }, () => serviceValue(schema.getValueSchema(), depth + 1));
    if (schema.isMapSchema()) return { [pick(TEXTS)()]: serviceValue(schema.getValueSchema(), depth + 1) };
    if (schema.isBooleanSchema()) return below(2) === 0;
    if (schema.isNumericSchema()) return pick([0, 1, 5, 50, -1, 2 ** 53, 0.5]);
    if (schema.isTimestampSchema()) return pick([0, 1e9, '2027-01-01T00:00:00Z', 1e20]);
    return below(3) > 0 ? pick(SERVICE_TEXTS) : pick([...TEXTS, () => 'e30='])();
  }
  /** The names and values of a query. */
  function flat(
    service: string,
    schema: NormalizedSchema,
    value: unknown,
    name: string,
  ): readonly (readonly [string, string])[] {
    if (schema.isListSchema() && Array.isArray(value)) {
      const infix = service === 'ec2' ? '' : '.member';
      return value.flatMap((each, index) =>
        flat(service, schema.getValueSchema(), each, `${name}${infix}.${below(15) === 0 ? pick(TEXTS)() : index + 1}`),
      );
    }
    if (schema.isStructSchema() && typeof value === 'object' && value !== null)
      return [...members(schema)].flatMap(([member, target]) => {
        const given = (value as Readonly<Record<string, unknown>>)[member];
        if (given === undefined) return [];
        const { ec2QueryName, xmlName } = nameTraits(target);
        const plain = xmlName ?? member;
        const own = service === 'ec2' ? (ec2QueryName ?? `${plain[0]!.toUpperCase()}${plain.slice(1)}`) : plain;
        return flat(service, target, given, name === '' ? own : `${name}.${own}`);
      });
    return [[name, asText(value)]];
  }
  function serviceCall(): readonly [sent: Sent, service: string] {
    const { name: service, operations, model } = pick(services);
    const operation = pick(Object.keys(operations));
    const { input: schema, required } = model.get(operation)!;
    const takes: readonly string[] = operations[operation]!.takes;
    const input = Object.fromEntries(
      [...members(schema)]
        .filter(([member]) =>
          takes.includes(member) ? below(10) < (required.includes(member) ? 9 : 3) : below(40) === 0,
        )
        .map(([member, target]) => [member, serviceValue(target, 0)]),
    );
    const target = TARGETS[service];
    if (target !== undefined) {
      const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${target}.${operation}` };
      return [{ method: 'POST', url: '/', headers, body: Buffer.from(JSON.stringify(input)) }, service];
    }
    const pairs = [['Action', operation] as const, ...flat(service, schema, input, '')];
    const body = Buffer.from(pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'));
    return [
      { method: 'POST', url: '/', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body },
      service,
    ];
  }
  function unsigned(sent: Sent): Sent {
    const signed = signer(sent, 'imagebuilder');
    const authorization = signed.headers['authorization']!;
    const changed = pick([
      {},
      { authorization: '' },
      { authorization: 'AWS4-HMAC-SHA256' },
      { authorization: authorization.replace(/Signature=.*/, 'Signature=') },
      { authorization: authorization.replace('SignedHeaders=host', 'SignedHeaders=hos;t') },
      { authorization: authorization.slice(0, below(authorization.length)) },
      { ...signed.headers, 'x-amz-date': pick(['', '20260101T000000Z', 'x', '99999999T999999Z']) },
      { ...signed.headers, 'x-amz-security-token': pick(TEXTS)().replace(/[^\x20-\x7e]/g, '') },
      { ...signed.headers, authorization: authorization.replace(/.$/, (c) => (c === '0' ? '1' : '0')) },
    ]) as Record<string, string>;
    return { ...sent, headers: changed };
  }

  let before = version.get()!['data_version'];
  try {
    for (let number = 0; number < count; number++) {
      const kind = below(100);
      const sent =
        kind < 62
          ? signer(modelled(), 'imagebuilder')
          : kind < 74
            ? signer(...serviceCall())
            : kind < 82
              ? signer(ingots(), 'imagebuilder')
              : kind < 88
                ? signer(strays(), 'imagebuilder')
                : kind < 93
                  ? signer(stsCalls(), 'sts')
                  : unsigned(modelled());
      const where =
        `FUZZ_SEED=${seed}, request ${number}: ${sent.method} ${sent.url.slice(0, 500)} ` +
        `${sent.body?.subarray(0, 1000).toString('latin1') ?? ''}`;
      if (process.env['FUZZ_TRACE']) process.stderr.write(`${where.slice(0, 300)}\n`);
      const { status, headers, text } = await send(connection, agent, sent, where);
      tally[status] = (tally[status] ?? 0) + 1;
      assert.ok(status < 500, `${where}\nanswered ${status}: ${text}`);
      const after = version.get()!['data_version'];
      if (status >= 400) {
        assert.equal(after, before, `${where}\nwas refused with ${status}, but something was written: ${text}`);
        if (sent.method !== 'HEAD' && headers['content-type'] !== 'text/xml') {
          const told = JSON.parse(text) as Record<string, string>;
          if (headers['content-type'] === 'application/json')
            assert.equal(told['__type'], headers['x-amzn-errortype'], where);
          assert.equal(typeof told['message'], 'string', where);
        }
      }
      before = after;
    }
  } finally {
    agent.destroy();
    watch.close();
  }
  return tally;
}

async function send(
  { host, port }: Connection,
  agent: Agent,
  { method, url, headers, body }: Sent,
  where: string,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host,
        port,
        method,
        path: url,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
        agent,
        timeout: DEADLINE_MS,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        if (answer.headers['content-type'] === 'application/vnd.amazon.eventstream') {
          // A stream, which has no end.
          resolve({ status: answer.statusCode!, headers: answer.headers, text: '' });
          return void answer.destroy();
        }
        answer.once('end', () =>
          resolve({
            status: answer.statusCode!,
            headers: answer.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        );
        answer.once('error', reject);
      },
    );
    request.once('timeout', () => request.destroy(new Error(`no answer within ${DEADLINE_MS} ms: ${where}`)));
    request.once('error', (error) => reject(new Error(`${where}: ${error.message}`)));
    request.end(body);
  });
}

/** Signs as clients do. Much faster than the SDK's signer, which a million requests would wait for. */
function createSigner({ host, port, region, credentials }: Connection): (sent: Sent, service: string) => Sent {
  const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
  const keys = new Map<string, Buffer>();
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return (sent, service) => {
    const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
    let key = keys.get(scope);
    if (key === undefined)
      keys.set(
        scope,
        (key = scope
          .split('/')
          .reduce<Buffer>(
            (sofar, part) => createHmac('sha256', sofar).update(part).digest(),
            Buffer.from(`AWS4${credentials.secretAccessKey}`),
          )),
      );
    const [path = '', query = ''] = sent.url.split(/\?(.*)/s);
    const segments: string[] = [];
    for (const segment of path.split('/')) {
      if (segment === '..') segments.pop();
      else if (segment !== '' && segment !== '.') segments.push(segment);
    }
    const canonicalPath = `/${segments.map(encode).join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
    const pairs = query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const at = pair.indexOf('=');
        return at < 0
          ? [encode(decode(pair)), '']
          : [encode(decode(pair.slice(0, at))), encode(decode(pair.slice(at + 1)))];
      });
    pairs.sort(([a, b], [c, d]) => (a! < c! ? -1 : a! > c! ? 1 : b! < d! ? -1 : b! > d! ? 1 : 0));
    const hashed = sha(
      [
        sent.method,
        canonicalPath,
        pairs.map((pair) => pair.join('=')).join('&'),
        `host:${host}:${port}`,
        `x-amz-date:${time}`,
        '',
        'host;x-amz-date',
        sha(sent.body ?? ''),
      ].join('\n'),
    );
    const signature = createHmac('sha256', key).update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${hashed}`).digest('hex');
    return {
      ...sent,
      headers: {
        ...sent.headers,
        host: `${host}:${port}`,
        'x-amz-date': time,
        authorization:
          `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=host;x-amz-date, ` +
          `Signature=${signature}`,
      },
    };
  };
}

/**
 * Sends bytes as they are, and tells what came back until the server closed, or was silent for a moment after an
 * answer.
 */
export async function sendRaw({ host, port }: Connection, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, host, () => socket.write(bytes));
    socket.setTimeout(DEADLINE_MS, () =>
      socket.destroy(
        new Error(`no answer within ${DEADLINE_MS} ms to ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`),
      ),
    );
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (/^HTTP\/1\.1 \d{3}/.test(text)) socket.end();
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(text) : reject(error),
    );
    socket.once('close', () => resolve(text));
  });
}
