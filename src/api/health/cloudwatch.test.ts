/** Metrics for CloudWatch: what becomes of samples, and the publication to an endpoint of the test. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { sleep, until } from '../../platform/clock.ts';
import { CLOUDWATCH_METRICS, dataOf, startPublisher, type MetricsPublisher } from './cloudwatch.ts';
import type { Sample } from './sample.ts';

process.env['INGOT_LOG'] ??= 'silent';

const counter = (value: number, labels: Sample['labels'] = {}): Sample => ({
  name: 'ingot_api_requests_total',
  kind: 'counter',
  labels,
  value,
});
const queue = (value: number): Sample => ({ name: 'ingot_queue_length', kind: 'gauge', labels: {}, value });

describe('samples as data', () => {
  test('a counter is what was added, summed over labels that are no dimension', () => {
    const counted = new Map<string, number>();
    const ok = (operation: string, value: number): Sample => counter(value, { operation, code: 'ok' });
    dataOf([ok('GetImage', 5), ok('ListImages', 2)], counted, 0);
    assert.deepEqual(dataOf([ok('GetImage', 6), ok('ListImages', 4), counter(1, { code: 'Throttled' })], counted, 7), [
      { name: 'ApiRequests', unit: 'Count', dimensions: { Code: 'ok' }, time: 7, values: [3] },
      { name: 'ApiRequests', unit: 'Count', dimensions: { Code: 'Throttled' }, time: 7, values: [1] },
    ]);
    assert.deepEqual(dataOf([ok('GetImage', 6), ok('ListImages', 4)], counted, 8), []);
  });

  test('observations keep their values, in as many data as they need', () => {
    const observed = Array.from({ length: 200 }, (_, value): Sample => {
      return { name: 'ingot_stage_duration_seconds', kind: 'observed', labels: { stage: 'build' }, value };
    });
    const data = dataOf(observed, new Map(), 0);
    assert.deepEqual(
      data.map(({ dimensions, values }) => [dimensions, values.length]),
      [
        [{ Stage: 'build' }, 150],
        [{ Stage: 'build' }, 50],
      ],
    );
  });

  test('an image without a pipeline has no such dimension', () => {
    const labels = { account: '123456789012', region: 'us-east-1', pipeline: '', result: 'failed' };
    const [datum] = dataOf([{ name: 'ingot_builds_total', kind: 'counter', labels, value: 1 }], new Map(), 0);
    assert.deepEqual(datum!.dimensions, { Account: '123456789012', Region: 'us-east-1', Result: 'failed' });
  });

  test('names of CloudWatch are used once', () => {
    const names = Object.values(CLOUDWATCH_METRICS).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });
});

describe('publishing', () => {
  interface Request {
    readonly target: string;
    readonly body: { readonly Namespace: string; readonly MetricData: readonly Datum[] };
  }
  interface Datum {
    readonly MetricName: string;
    readonly Value: number;
    readonly Timestamp: number;
  }
  const requests: Request[] = [];
  let answer: { readonly status: number; readonly type?: string } | 'hang';
  let endpoint: string;
  let publisher: MetricsPublisher | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (answer === 'hang') return;
      const whole = Buffer.concat(chunks);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole;
      const { status, type } = answer;
      if (status === 200)
        requests.push({
          target: String(request.headers['x-amz-target']),
          body: JSON.parse(text.toString()) as Request['body'],
        });
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(type === undefined ? '' : JSON.stringify({ __type: type, message: 'no' }));
    });
  });
  beforeEach(async () => {
    requests.length = 0;
    answer = { status: 200 };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await publisher?.stop();
    publisher = undefined;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function publish(read: () => readonly Sample[], mostKept?: number): void {
    const settings = { region: 'us-east-1', namespace: 'Ingot', everySeconds: 60, endpoint };
    publisher = startPublisher({
      settings,
      read: () => Promise.resolve(read()),
      everyMs: 20,
      ...(mostKept === undefined ? {} : { mostKept }),
    });
  }
  const sent = (): readonly Datum[] => requests.flatMap(({ body }) => body.MetricData);

  test('many data are sent in requests that CloudWatch takes', async () => {
    const many = Array.from({ length: 400 }, (_, index) => ({
      ...counter(index + 1),
      name: 'ingot_receiver_events_behind',
      kind: 'gauge' as const,
      labels: { receiver: `r${index}` },
    }));
    let reads = 0;
    publish(() => (++reads === 2 ? many : []));
    await until('all data', 30_000, () => (sent().length >= 400 ? true : undefined));
    assert.deepEqual(
      requests.map(({ target, body }) => [target.split('.')[1], body.Namespace, body.MetricData.length]),
      [
        ['PutMetricData', 'Ingot', 150],
        ['PutMetricData', 'Ingot', 150],
        ['PutMetricData', 'Ingot', 100],
      ],
    );
  });

  test('what CloudWatch missed is sent later, with the time when it was read', async () => {
    answer = { status: 400, type: 'AccessDeniedException' };
    let reads = 0;
    let value = 0;
    publish(() => {
      reads++;
      return [queue(++value)];
    });
    await until('some failures', 30_000, () => (reads > 3 ? true : undefined));
    const back = Date.now();
    answer = { status: 200 };
    const data = await until('what was missed', 30_000, () => (sent().length >= 3 ? sent() : undefined));
    assert.deepEqual(
      data.slice(0, 3).map((datum) => datum.Value),
      [2, 3, 4],
    );
    assert.ok(data[0]!.Timestamp * 1000 < back);
  });

  test('a request that CloudWatch refuses for good holds up no other', async () => {
    answer = { status: 400, type: 'InvalidParameterValueException' };
    let value = 0;
    publish(() => [queue(++value)]);
    await until('a refusal', 30_000, () => (value > 2 ? true : undefined));
    answer = { status: 200 };
    const [first] = await until('later data', 30_000, () => (sent().length > 0 ? sent() : undefined));
    assert.ok(first!.Value > 2, String(first!.Value));
  });

  test('what waits is bounded: the oldest go', async () => {
    answer = { status: 400, type: 'AccessDeniedException' };
    let value = 0;
    publish(() => [queue(++value)], 3);
    await until('more than is kept', 30_000, () => (value > 8 ? true : undefined));
    answer = { status: 200 };
    const [first] = await until('data', 30_000, () => (sent().length > 0 ? sent() : undefined));
    assert.ok(first!.Value > 5, String(first!.Value));
  });

  test('the last values are sent on stop, and an endpoint that hangs does not hold it', async () => {
    const settings = { region: 'us-east-1', namespace: 'Ingot', everySeconds: 3600, endpoint };
    let value = 0;
    const first = startPublisher({ settings, read: () => Promise.resolve([queue(++value)]) });
    await until('the first reading', 30_000, () => (value > 0 ? true : undefined));
    await first.stop();
    assert.deepEqual(
      sent().map((datum) => datum.Value),
      [2],
    );
    answer = 'hang';
    const second = startPublisher({ settings, read: () => Promise.resolve([queue(++value)]) });
    await sleep(20);
    await second.stop();
  });
});
