/**
 * How fast the API answers, over a socket, with signatures checked: 100,000 images and 10,000 components, the server on
 * one core and the client on another. Beside it moto's server on a comparable read, and Fastify alone with the same
 * payload.
 *
 *   node bench/api.ts [--seconds 10] [--images 100000] [--components 10000] [--user] [--only
 *   GetImage,ListImages,CreateComponent] [--profile DIR]
 *
 * With --user the requests are those of a user with policies, conditions on tags among them, instead of the account's
 * root. With --profile the server writes where its processor time went to that folder (a .cpuprofile, for Chrome's or
 * VS Code's tools).
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { components } from '../src/catalog/components.ts';
import { openCatalog } from '../src/catalog/catalog.ts';
import { createImage } from '../src/catalog/images.ts';
import { endpointOf, signedJson, type Connection } from '../src/platform/api-client.ts';
import { sleep } from '../src/platform/clock.ts';
import { loadCredentials } from '../src/platform/credentials.ts';
import { findProgram } from '../src/platform/files.ts';
import type { RunningProcess } from '../src/platform/processes.ts';
import { runningServer } from '../src/platform/server-file.ts';
import { SERVER_FLAGS } from '../src/service/server-flags.ts';
import { run, start } from '../test/harness/processes.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string' },
    images: { type: 'string' },
    components: { type: 'string' },
    user: { type: 'boolean' },
    profile: { type: 'string' },
    only: { type: 'string' },
  },
});
const SECONDS = Number(options.seconds ?? 10);
const IMAGES = Number(options.images ?? 100_000);
const COMPONENTS = Number(options.components ?? 10_000);
const REGION = 'eu-west-1';
const CONNECTIONS = 8;
const SILENCE_MS = 30_000;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT =
  'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Run\n        action: ExecuteBash\n      ' +
  '  inputs:\n          commands:\n            - echo hello\n';

interface Request {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
}
interface Measured {
  readonly perSecond: number;
  /** Microseconds of processor time that the server took per request; it gives the rate on an otherwise idle core. */
  readonly processor: number | undefined;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const directory = mkdtempSync(join(tmpdir(), 'ingot-bench-api-'));
const lines: string[][] = [];
const report = (name: string, value: string, reach = ''): void => {
  lines.push([name, value, reach]);
  process.stdout.write(`${name}: ${value}${reach === '' ? '' : ` (to reach: ${reach})`}\n`);
};
const rate = ({ perSecond, p50, p99, processor }: Measured): string =>
  `${Math.round(perSecond)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ` +
  `ms${processor === undefined ? '' : `, ${Math.round(processor)} µs of processor time each`}`;
process.stdout.write(
  `${cpus().length} cores, ${cpus()[0]?.model ?? ''}, Node ${process.version}, load ${loadavg()
    .map((each) => each.toFixed(1))
    .join(' ')}\n`,
);
try {
  await seed();
  await measure();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function seed(): Promise<void> {
  const { account } = await loadCredentials(directory);
  writeFileSync(join(directory, 'config.yaml'), 'quotas: {components: null}\n');
  const catalog = await openCatalog(directory);
  const place = { account, region: REGION };
  const recipe = {
    arn: `arn:aws:imagebuilder:${REGION}:${account}:image-recipe/golden/1.0.0`,
    name: 'golden',
    version: '1.0.0',
    platform: 'Linux' as const,
    parentImage: 'ami-0123456789abcdef0',
    components: [{ componentArn: 'arn:aws:imagebuilder:eu-west-1:aws:component/update-linux/x.x.x' }],
  };
  for (let first = 0; first < IMAGES; first += 2000) {
    await catalog.transaction(async (trx) => {
      for (let index = first; index < Math.min(first + 2000, IMAGES); index++) {
        const name = `golden-${String(Math.floor(index / 10)).padStart(5, '0')}`;
        await createImage(trx, {
          place,
          slug: name,
          version: { major: 1, minor: index % 10, patch: 0 },
          tags: { team: 'web' },
          image: {
            name,
            type: 'AMI',
            platform: 'Linux',
            osVersion: 'Debian 12',
            imageRecipe: recipe,
            buildType: 'USER_INITIATED',
          },
        });
      }
      await trx.updateTable('images').set({ status: 'AVAILABLE' }).where('status', '=', 'PENDING').execute();
      await trx.deleteFrom('outbox').execute();
    });
  }
  for (let first = 0; first < COMPONENTS; first += 2000) {
    await catalog.transaction(async (trx) => {
      for (let index = first; index < Math.min(first + 2000, COMPONENTS); index++) {
        const name = `component-${String(index).padStart(5, '0')}`;
        const arn = `arn:aws:imagebuilder:${REGION}:${account}:component/${name}/1.0.0/1`;
        await components.insert(
          trx,
          place,
          {
            arn,
            name,
            version: '1.0.0',
            platform: 'Linux',
            type: 'BUILD',
            data: DOCUMENT,
            owner: account,
            encrypted: true,
            state: { status: 'ACTIVE' },
            dateCreated: '2026-01-01T00:00:00.000Z',
          },
          name,
        );
      }
    });
  }
  await catalog.close();
}

function wanted(name: string): boolean {
  return options.only === undefined || options.only.split(',').includes(name);
}

async function measure(): Promise<void> {
  // The server's processes on one core, this one on another.
  const pinned = cpus().length > 1 && findProgram('taskset') !== undefined;
  if (pinned) await run(['taskset', '-cp', '1', String(process.pid)]);
  const began = Date.now();
  const server = await start(
    [
      ...(pinned ? ['taskset', '-c', '0'] : []),
      process.execPath,
      ...SERVER_FLAGS,
      ...(options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`]),
      join(ROOT, 'src/commands/main.ts'),
      'serve',
      '--port',
      '0',
      '--data',
      directory,
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  try {
    let connection: Connection | undefined;
    while (connection === undefined) {
      const file = await runningServer(directory);
      if (file === undefined) await sleep(5);
      else
        connection = {
          host: file.host,
          port: file.port,
          region: REGION,
          credentials: await loadCredentials(directory),
        };
    }
    await signedJson(connection, { method: 'GET', path: '/ingot/server' });
    report('ready', `${((Date.now() - began) / 1000).toFixed(2)} s`, 'under 1 s');
    const own = options.user === true ? await asUser(connection) : connection;

    const account = (connection.credentials as { readonly account?: string }).account!;
    const imageArn = (index: number): string =>
      `arn:aws:imagebuilder:${REGION}:${account}:image/` +
      `golden-${String(Math.floor(index / 10)).padStart(5, '0')}/1.${index % 10}.0/1`;
    const gets = Array.from(
      { length: 1000 },
      (_, index): Request => ({
        method: 'GET',
        url: `/GetImage?imageBuildVersionArn=${encodeURIComponent(imageArn((index * 7919) % IMAGES))}`,
      }),
    );
    if (wanted('GetImage')) {
      await load(own, gets, 2);
      report('GetImage', rate(await load(own, gets, SECONDS)), '3,000 a second, p99 under 20 ms');
    }
    if (wanted('ListImages')) {
      const lists: Request[] = [{ method: 'POST', url: '/ListImages', body: '{"maxResults":25}' }];
      await load(own, lists, 1);
      report('ListImages, 25', rate(await load(own, lists, SECONDS)), '1,500 a second, p99 under 20 ms');
      let token: string | undefined;
      for (let page = 1; page < Math.min(1000, IMAGES / 25); page++)
        token = (
          (await ask(own, {
            method: 'POST',
            url: '/ListImages',
            body: JSON.stringify({ maxResults: 25, ...(token === undefined ? {} : { nextToken: token }) }),
          })) as { nextToken: string }
        ).nextToken;
      const deep = await load(
        own,
        [{ method: 'POST', url: '/ListImages', body: JSON.stringify({ maxResults: 25, nextToken: token }) }],
        SECONDS,
      );
      report('ListImages, thousandth page', rate(deep), 'as the first');
    }
    if (wanted('CreateComponent')) {
      const bare = bareCommits();
      report('bare SQLite, durable commits', `${Math.round(bare)} a second`);
      const creates = Array.from(
        { length: 40_000 },
        (_, index): Request => ({
          method: 'PUT',
          url: '/CreateComponent',
          body: JSON.stringify({
            name: `made-${index}-${randomBytes(3).toString('hex')}`,
            semanticVersion: '1.0.0',
            platform: 'Linux',
            data: DOCUMENT,
            clientToken: randomBytes(16).toString('hex'),
          }),
        }),
      );
      report(
        'CreateComponent, durable',
        rate(await load(own, creates, SECONDS / 2, { once: true })),
        `${Math.round(bare / 2)} a second`,
      );
    }
    const pid = (await runningServer(directory))!.pid;
    const memory = readFileSync(`/proc/${pid}/status`, 'utf8');
    report(
      'memory of the server',
      `${megabytes(memory, 'VmRSS')}, of them ${megabytes(memory, 'RssFile')} the program's own file`,
      'under 200 MB',
    );
    await besides(Buffer.from(JSON.stringify(await ask(own, gets[0]!))), pinned);
  } finally {
    server.kill('SIGTERM');
    await server.exited;
  }
}

/** A user whose policies have to be looked at for every request. */
async function asUser(connection: Connection): Promise<Connection> {
  const arn = `arn:aws:iam::${(connection.credentials as { readonly account?: string }).account}:user/bench`;
  const send = <T>(path: string, body?: object) =>
    signedJson<T>(connection, {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(arn)}${path}`,
      ...(body === undefined ? {} : { body }),
    });
  await send('', { tags: [{ key: 'team', value: 'web' }] });
  const statements = [
    {
      Effect: 'Allow',
      Action: ['imagebuilder:List*', 'imagebuilder:Create*'],
      Resource: `arn:aws:imagebuilder:${REGION}:*:*`,
    },
    {
      Effect: 'Allow',
      Action: 'imagebuilder:Get*',
      Resource: '*',
      Condition: {
        StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' },
        IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '127.0.0.0/8'] },
      },
    },
    { Effect: 'Deny', Action: 'imagebuilder:Delete*', Resource: '*' },
  ];
  await send('/policies/p', { document: JSON.stringify({ Version: '2012-10-17', Statement: statements }) });
  return { ...connection, credentials: await send('/keys') };
}

/** Durable inserts of one row each, past everything else, on the same disk. */
function bareCommits(): number {
  const database = new DatabaseSync(join(directory, 'bare.db'));
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL']) database.exec(`PRAGMA ${pragma}`);
  database.exec('create table rows (id integer primary key, text text)');
  const insert = database.prepare('insert into rows (text) values (?)');
  const until = Date.now() + 2000;
  let count = 0;
  for (; Date.now() < until; count++) {
    database.exec('BEGIN IMMEDIATE');
    insert.run(DOCUMENT);
    database.exec('COMMIT');
  }
  database.close();
  return count / 2;
}

/** What others reach on this machine: Fastify with the same payload, and moto's server listing images of EC2. */
async function besides(payload: Buffer, pinned: boolean): Promise<void> {
  const onServerCore = pinned ? ['taskset', '-c', '0'] : [];
  const program = join(directory, 'fastify.mjs');
  writeFileSync(
    program,
    `import { fastify } from ${JSON.stringify(import.meta.resolve('fastify'))};\nconst body = ` +
      `${JSON.stringify(payload.toString('utf8'))};\nconst app = fastify();\napp.get('/GetImage', (_request, reply) ` +
      `=> reply.header('content-type', 'application/json').send(body));\nawait app.listen({ host: '127.0.0.1', port: ` +
      '18701 });\n',
  );
  await beside(
    'Fastify alone, the same payload',
    [...onServerCore, process.execPath, program],
    { host: '127.0.0.1', port: 18_701, region: REGION, credentials: { accessKeyId: 'x', secretAccessKey: 'x' } },
    '/GetImage',
    SECONDS / 2,
  );
  const moto = findProgram('moto_server');
  if (moto === undefined) return report("moto's server", 'not on this machine (pip install moto[server])');
  await beside(
    "moto's server, DescribeRegions",
    [...onServerCore, moto, '-H', '127.0.0.1', '-p', '18702'],
    { host: '127.0.0.1', port: 18_702, region: REGION, credentials: { accessKeyId: 'x', secretAccessKey: 'x' } },
    '/?Action=DescribeRegions&Version=2016-11-15',
    SECONDS / 2,
    { closes: true },
  );
}

/** @param closes whether that server closes the connection with every answer: each request then has one of its own */
async function beside(
  name: string,
  argv: readonly string[],
  connection: Connection,
  url: string,
  seconds: number,
  { closes = false } = {},
): Promise<void> {
  const other: RunningProcess = await start(argv, { stdio: ['ignore', 'ignore', 'ignore'] });
  try {
    const deadline = Date.now() + 30_000;
    while (
      Date.now() < deadline &&
      !(await fetch(`${endpointOf(connection)}${url}`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      await sleep(100);
    // The first requests are for what it loads then: seconds in moto.
    await load(connection, [{ method: 'GET', url }], 0.1, { service: 'ec2', closes });
    report(name, rate(await load(connection, [{ method: 'GET', url }], seconds, { service: 'ec2', closes })));
  } finally {
    other.kill('SIGKILL');
    await other.exited;
  }
}

/** Sends requests over some connections, each the next when the last was answered. */
async function load(
  connection: Connection,
  requests: readonly Request[],
  seconds: number,
  { once = false, service = 'imagebuilder', closes = false } = {},
): Promise<Measured> {
  const signed = requests.map((request) => signedBytes(connection, request, service, closes));
  const pid = (await runningServer(directory))?.pid;
  const before = processorTime(pid);
  const times: number[] = [];
  let next = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      let socket = await open(connection);
      while (performance.now() < until && !(once && next >= signed.length)) {
        const bytes = signed[next++ % signed.length]!;
        const sent = performance.now();
        if (socket.closed()) socket = await open(connection);
        const status = await socket.ask(bytes);
        if (status !== 200) throw new Error(`${bytes.toString().split('\r\n')[0]} was answered ${status}`);
        times.push(performance.now() - sent);
        if (closes) socket.close();
      }
      socket.close();
    }),
  );
  const elapsed = (performance.now() - began) / 1000;
  const processor =
    before === undefined || service !== 'imagebuilder'
      ? undefined
      : ((processorTime(pid)! - before) / times.length) * 1e6;
  times.sort((a, b) => a - b);
  return {
    processor,
    perSecond: times.length / elapsed,
    p50: times[Math.floor(times.length / 2)]!,
    p99: times[Math.floor(times.length * 0.99)]!,
  };
}

/** A value of /proc/PID/status. */
function megabytes(status: string, name: string): string {
  return `${Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1000)} MB`;
}

/** Seconds of processor time that a process has taken. */
function processorTime(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function ask(connection: Connection, request: Request): Promise<unknown> {
  const socket = await open(connection);
  await socket.ask(signedBytes(connection, request));
  socket.close();
  return JSON.parse(socket.body()) as unknown;
}

/** A connection that is kept: one request at a time, answers with a length. */
async function open({
  host,
  port,
}: Connection): Promise<{ ask(bytes: Buffer): Promise<number>; body(): string; closed(): boolean; close(): void }> {
  const socket: Socket = connect(port, host);
  socket.setNoDelay(true);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  let buffered: Buffer = Buffer.alloc(0);
  let last = '';
  let done: ((status: number) => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  socket.on('data', (chunk) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    const end = buffered.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = buffered.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (buffered.length < end + 4 + length) return;
    last = buffered.toString('utf8', end + 4, end + 4 + length);
    buffered = buffered.subarray(end + 4 + length);
    done?.(Number(head.slice(9, 12)));
  });
  // A server that neither answers nor closes must not block the benchmark.
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`no answer within ${SILENCE_MS / 1000} s`)));
  socket.on('error', (error) => fail?.(error));
  socket.on('close', () => fail?.(new Error('the connection was closed')));
  return {
    ask: (bytes) =>
      new Promise((resolve, reject) => {
        [done, fail] = [resolve, reject];
        socket.write(bytes);
      }),
    body: () => last,
    closed: () => socket.destroyed || socket.readableEnded,
    close: () => socket.destroy(),
  };
}

/** A signed request as it goes over the wire; good for five minutes. */
function signedBytes(
  { host, port, region, credentials }: Connection,
  { method, url, body }: Request,
  service = 'imagebuilder',
  closes = false,
): Buffer {
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const [path, query = ''] = url.split('?');
  const canonical = [
    method,
    path,
    query.split('&').sort().join('&'),
    `host:${host}:${port}`,
    `x-amz-date:${time}`,
    '',
    'host;x-amz-date',
    sha(body ?? ''),
  ].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key as Buffer, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha(canonical)}`).toString('hex');
  return Buffer.from(
    [
      `${method} ${url} HTTP/1.1`,
      `host: ${host}:${port}`,
      `x-amz-date: ${time}`,
      `authorization: AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, ` +
        `SignedHeaders=host;x-amz-date, Signature=${signature}`,
      ...(closes ? ['connection: close'] : []),
      ...(body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
      '',
      body ?? '',
    ].join('\r\n'),
  );
}
