/** Logs that are shipped: to a file, to a syslog server, to CloudWatch Logs (moto), with places that fail. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateImageCommand, CreateInfrastructureConfigurationCommand } from '@aws-sdk/client-imagebuilder';
import { openImageLog } from '../../src/catalog/image-log.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { deleteLogStream } from '../../src/catalog/log-groups.ts';
import { logDestination, unshippedLogs } from '../../src/catalog/log-shipments.ts';
import { startShipper } from '../../src/logs/shipping/shipper.ts';
import { readShipping } from '../../src/logs/shipping/settings.ts';
import { sleep } from '../../src/platform/clock.ts';
import { parseConfig } from '../../src/platform/config/config.ts';
import { findProgram } from '../../src/platform/files.ts';
import { makersOf } from '../api/makers.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { start } from '../harness/processes.ts';
import { s3Server } from '../harness/s3-server.ts';

let api: TestApi;
const make = makersOf(() => api);
const folder = mkdtempSync(join(tmpdir(), 'ingot-shipping-'));

before(async () => {
  api = await startApi();
});
after(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const destinations = (yaml: string) => readShipping(parseConfig(`logs: { ship: ${yaml} }`, 'config.yaml'));

const none = { instanceProfiles: {} };

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail(`${what} did not happen`);
}

async function image(infrastructure?: string): Promise<string> {
  const { imageRecipeArn } = await make.recipe(make.unique('shipped'));
  const infrastructureConfigurationArn = infrastructure ?? (await make.infrastructure());
  const command = new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn });
  return (await api.client.send(command)).imageBuildVersionArn!;
}

function write(arn: string, lines: readonly string[]): void {
  const log = openImageLog(api.services.dataDirectory, arn);
  for (const text of lines) log.report({ type: 'output', stream: 'stdout', text });
  log.close();
}

test('what a dead place missed is sent when it lives again, in order and once', async () => {
  const path = join(folder, 'later', 'builds.jsonl');
  const to = destinations(`{ lines: { type: file, path: '${path}' } }`);
  const first = await startShipper(api.catalog, to, none, 20);
  const arn = await image();
  write(arn, ['one', 'two']);
  await until(async () => (await logDestination(api.catalog.db, 'lines'))?.error != null, 'the failure');
  await first.stop();
  // Restarted, with the place there again.
  mkdirSync(join(folder, 'later'));
  const second = await startShipper(api.catalog, to, none, 20);
  const messages = (): readonly string[] =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { readonly message: string }).message)
      : [];
  await until(() => messages().length === 2, 'the delivery');
  write(arn, ['three']);
  await until(() => messages().length === 3, 'the next line');
  assert.deepEqual(messages(), ['Stdout: one', 'Stdout: two', 'Stdout: three']);
  await api.catalog.transaction((trx) => transitionImage(trx, arn, 'FAILED', { reason: 'a test' }));
  const state = (await logDestination(api.catalog.db, 'lines'))!;
  await until(async () => (await unshippedLogs(api.catalog.db, state)).length === 0, 'the end');
  await until(async () => (await logDestination(api.catalog.db, 'lines'))!.error === null, 'the recovery on record');
  await second.stop();
  const [line] = readFileSync(path, 'utf8').split('\n');
  const { group, stream, record } = JSON.parse(line!) as Record<string, unknown> & { record: { image: string } };
  assert.match(String(group), /^\/aws\/imagebuilder\/shipped-/);
  assert.deepEqual([stream, record.image], ['1.0.0/1', arn]);
  // What was shipped of a log is forgotten with its stream, and a destination when it is configured no longer.
  const shipped = () => api.catalog.db.selectFrom('log_shipments').select('image_arn').execute();
  assert.ok((await shipped()).some(({ image_arn }) => image_arn === arn));
  const place = { account: ACCOUNT, region: REGION };
  await api.catalog.transaction((trx) => deleteLogStream(trx, place, String(group), String(stream)));
  assert.ok((await shipped()).every(({ image_arn }) => image_arn !== arn));
  await (await startShipper(api.catalog, new Map(), none, 20)).stop();
  assert.equal(await logDestination(api.catalog.db, 'lines'), undefined);
  assert.deepEqual(
    await api.catalog.db.selectFrom('log_shipments').selectAll().where('destination', '=', 'lines').execute(),
    [],
  );
});

test('syslog', async () => {
  let received = '';
  const server = createServer((socket) => socket.on('data', (data) => (received += data.toString())));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const shipper = await startShipper(
    api.catalog,
    destinations(`{ siem: { type: syslog, address: 'tcp://127.0.0.1:${port}' } }`),
    none,
    20,
  );
  write(await image(), ['to syslog']);
  await until(() => received.includes('to syslog'), 'the message');
  await shipper.stop();
  server.close();
  assert.match(received, /^\d+ <134>1 \S+Z \S+ ingot - - \[ingot@32473 account="123456789012" .*\] Stdout: to syslog$/);
});

test('logging.s3Logs: an object for each step, with the credentials of the instance profile', async () => {
  const user = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const s3 = await s3Server(user, { region: 'eu-west-1' });
  try {
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({
        name: 'with-logs',
        instanceProfileName: 'builder',
        logging: { s3Logs: { s3BucketName: 'build-logs', s3KeyPrefix: 'factory/' } },
      }),
    );
    // At first the owner has not configured the profile.
    const first = await startShipper(api.catalog, new Map(), none, 20);
    const arn = await image(infrastructureConfigurationArn);
    const log = openImageLog(api.services.dataDirectory, arn);
    log.report({ type: 'log', text: 'begins' });
    log.report({ type: 'output', stream: 'stdout', step: 'ApplyBuildComponents', text: 'installed' });
    log.report({ type: 'output', stream: 'stderr', step: 'ApplyBuildComponents', text: 'broken' });
    log.close();
    await api.catalog.transaction((trx) => transitionImage(trx, arn, 'FAILED', { reason: 'a test' }));
    const error = async () => (await logDestination(api.catalog.db, 's3:logs'))?.error;
    await until(async () => (await error()) != null, 'the failure');
    assert.match((await error())!, /no instanceProfiles\.builder/);
    await first.stop();
    const { instanceProfiles } = parseConfig(
      'instanceProfiles: { builder: { region: eu-west-1, credentials: ' +
        `{ accessKeyId: ${user.accessKeyId}, secretAccessKey: ${user.secretAccessKey} }, ` +
        `endpoints: { s3: '${s3.endpoint}' } } }`,
      'config.yaml',
    );
    const second = await startShipper(api.catalog, new Map(), { instanceProfiles }, 20);
    await until(async () => (await error()) === null, 'the upload');
    await second.stop();
    const [, name] = arn.split('/');
    assert.deepEqual([...s3.objects.keys()].sort(), [
      `build-logs/factory/${name}/1.0.0/1/ApplyBuildComponents/console.log`,
      `build-logs/factory/${name}/1.0.0/1/Image/console.log`,
    ]);
    assert.match(
      s3.objects.get(`build-logs/factory/${name}/1.0.0/1/ApplyBuildComponents/console.log`)!.toString(),
      /^\S+Z Stdout: installed\n\S+Z Stderr: broken\n$/,
    );
  } finally {
    await s3.close();
  }
});

test('mistakes in the configuration are named', () => {
  const wrong = (yaml: string, message: RegExp) => assert.throws(() => destinations(yaml), message);
  wrong('{ a: { type: ftp } }', /logs\.ship\.a\.type: unknown type 'ftp'; expected one of cloudwatch, file, syslog/);
  wrong('{ a: { type: file } }', /logs\.ship\.a\.path: is required/);
  wrong('{ a: { type: file, path: b } }', /absolute/);
  wrong('{ a: { type: syslog, address: host } }', /tcp:\/\/HOST:PORT/);
  wrong("{ a: { type: cloudwatch, region: 'eu-west-1', regoin: 'x' } }", /regoin: unknown setting/);
});

const moto = findProgram('moto_server');
test('CloudWatch Logs', {
  skip: moto === undefined ? 'moto_server is not installed (pip install moto)' : false,
}, async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const server = await start([moto!, '-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'ignore'],
    inherit: ['PYENV*'],
    detached: true,
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  const earlier = { ...process.env };
  Object.assign(process.env, keys);
  try {
    // The place is not there at first: moto takes seconds to start.
    const shipper = await startShipper(
      api.catalog,
      destinations(`{ aws: { type: cloudwatch, region: eu-west-1, endpoint: '${endpoint}', groupPrefix: /site } }`),
      none,
      50,
    );
    const arn = await image();
    const lines = Array.from({ length: 2500 }, (_, index) => `line ${index}`);
    write(arn, lines);
    const state = (await logDestination(api.catalog.db, 'aws'))!;
    await api.catalog.transaction((trx) => transitionImage(trx, arn, 'FAILED', { reason: 'a test' }));
    await until(async () => (await unshippedLogs(api.catalog.db, state)).length === 0, 'the delivery');
    await shipper.stop();
    const client = new CloudWatchLogsClient({
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    const slug = arn.split('/')[1]!;
    const { events } = await client.send(
      new GetLogEventsCommand({
        logGroupName: `/site/aws/imagebuilder/${slug}`,
        logStreamName: '1.0.0/1',
        startFromHead: true,
      }),
    );
    client.destroy();
    assert.deepEqual(
      events?.map((event) => event.message),
      lines.map((line) => `Stdout: ${line}`),
    );
  } finally {
    for (const key of Object.keys(keys)) {
      if (earlier[key] === undefined) delete process.env[key];
      else process.env[key] = earlier[key];
    }
    server.kill();
    await server.exited;
  }
});
