/** Metrics, health and status of a real server, read by a real Prometheus. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CLOUDWATCH_METRICS } from '../../src/api/health/cloudwatch.ts';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { writeEvent } from '../../src/catalog/outbox.ts';
import { until } from '../../src/platform/clock.ts';
import { run, start } from '../../src/platform/processes.ts';
import { imageArn, stateChange } from '../harness/events.ts';
import { startMoto, WITHOUT_MOTO, type Moto } from '../harness/moto.ts';
import { startReceiver } from '../harness/receiver-server.ts';
import { ingot, MAIN, PROJECT, startServer, type TestServer } from '../harness/service.ts';

const TOKEN = 'a-token-of-the-tests';
const EXAMPLES = join(PROJECT, 'examples/monitoring');
const PIPELINE = 'arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/nightly';
const has = async (program: string): Promise<boolean> =>
  (await run(['sh', '-c', `command -v ${program}`], { okCodes: 'any' })).code === 0;
const withProm = (await has('promtool')) && (await has('prometheus'));
const skip = withProm ? false : 'prometheus and promtool are not installed';

interface Answer {
  readonly status: number;
  readonly text: string;
}

describe('a server that is watched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-monitoring-'));
  const dataDirectory = join(folder, 'data');
  let server: TestServer;
  let cloudwatch: Moto | undefined;
  before(async () => {
    mkdirSync(dataDirectory, { mode: 0o700 });
    cloudwatch = WITHOUT_MOTO === false ? await startMoto() : undefined;
    writeFileSync(
      join(dataDirectory, 'config.yaml'),
      JSON.stringify({
        monitoring: {
          token: TOKEN,
          ...(cloudwatch && { cloudwatch: { region: 'us-east-1', endpoint: cloudwatch.endpoint, everySeconds: 1 } }),
        },
        events: { receivers: { ops: { type: 'web-hook', url: 'http://127.0.0.1:9/' } }, rules: [{ receivers: 'ops' }] },
      }),
    );
    server = await startServer(dataDirectory);
  });
  after(async () => {
    await server.stop();
    await cloudwatch?.stop();
    await rm(folder, { recursive: true });
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      request(`${server.endpoint}${path}`, { headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode!, text }));
      })
        .on('error', reject)
        .end();
    });

  test('answers this host, and others with the token', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      assert.equal((await get(path)).status, 200, path);
      const forwarded = { 'x-forwarded-for': '192.0.2.7' };
      assert.equal((await get(path, forwarded)).status, 401, path);
      assert.equal((await get(path, { ...forwarded, authorization: 'Bearer wrong' })).status, 401, path);
      assert.equal((await get(path, { ...forwarded, authorization: `Bearer ${TOKEN}` })).status, 200, path);
    }
    assert.deepEqual(JSON.parse((await get('/readyz')).text), {
      ready: true,
      checks: { database: 'ok', worker: 'ok' },
    });
  });

  test('counts builds, requests and deliveries', async () => {
    await get('/metrics');
    const catalog = await openCatalog(dataDirectory);
    const snapshot = { arn: imageArn('web'), sourcePipelineArn: PIPELINE, dateCreated: '2026-01-01T00:00:00.000Z' };
    for (const status of ['BUILDING', 'FAILED'])
      await catalog.transaction((trx) =>
        writeEvent(trx, { ...stateChange('web', status), snapshot: status === 'FAILED' ? snapshot : undefined }),
      );
    await catalog.close();
    await ingot(dataDirectory, ['images']);
    const text = await until('the build in the metrics', 30_000, async () => {
      const found = (await get('/metrics')).text;
      return /ingot_builds_total\{[^}]*pipeline="nightly"[^}]*\} 1/.test(found) && /receiver_up\{[^}]*\} 0/.test(found)
        ? found
        : undefined;
    });
    for (const line of [
      /^ingot_builds_total\{account="123456789012",region="us-east-1",pipeline="nightly",result="failed"\} 1$/m,
      /^ingot_stage_duration_seconds_count\{stage="build"\} 1$/m,
      /^ingot_build_duration_seconds_count\{result="failed"\} 1$/m,
      /^ingot_api_requests_total\{operation="ListImages",code="ok"\} \d+$/m,
      /^ingot_receiver_up\{receiver="ops"\} 0$/m,
      /^ingot_queue_length 0$/m,
      /^ingot_worker_up 1$/m,
      /^ingot_disk_used_bytes\{kind="catalog"\} \d+$/m,
    ])
      assert.match(text, line);
    const audit = await ingot(dataDirectory, ['audit', '--json']);
    assert.equal(audit.stdout.includes('/metrics'), false, 'scrapes are in no audit log');
  });

  test('sends its metrics to CloudWatch', { skip: WITHOUT_MOTO }, async () => {
    const aws = async (...args: readonly string[]): Promise<string> => {
      const common = ['--endpoint-url', cloudwatch!.endpoint, '--region', 'us-east-1', '--output', 'json'];
      const inherit = ['PATH', 'HOME', 'PYENV*', 'AWS_*'];
      return (await run(['aws', 'cloudwatch', ...common, ...args], { inherit })).stdout;
    };
    const listed = await until('the metrics', 60_000, async () => {
      const found = await aws('list-metrics', '--namespace', 'Ingot');
      return found.includes('"Builds"') && found.includes('"ReceiverUp"') ? found : undefined;
    });
    const { Metrics: metrics } = JSON.parse(listed) as {
      Metrics: { MetricName: string; Dimensions: { Name: string; Value: string }[] }[];
    };
    const dimensions = (name: string): object[] => metrics.filter((each) => each.MetricName === name);
    assert.deepEqual(
      dimensions('Builds').map((each) =>
        Object.fromEntries((each as (typeof metrics)[0]).Dimensions.map(({ Name, Value }) => [Name, Value])),
      ),
      [{ Account: '123456789012', Region: 'us-east-1', Pipeline: 'nightly', Result: 'failed' }],
    );
    const query = {
      Namespace: 'Ingot',
      MetricName: 'BuildDuration',
      Dimensions: [{ Name: 'Result', Value: 'failed' }],
      StartTime: new Date(Date.now() - 3_600_000).toISOString(),
      EndTime: new Date(Date.now() + 60_000).toISOString(),
      Period: 7200,
      Statistics: ['SampleCount'],
    };
    const { Datapoints: points } = JSON.parse(
      await aws('get-metric-statistics', '--cli-input-json', JSON.stringify(query)),
    ) as { Datapoints: { SampleCount: number }[] };
    assert.equal(
      points.reduce((sum, { SampleCount }) => sum + SampleCount, 0),
      1,
    );
  });

  test('has a name in CloudWatch for each of its metrics', async () => {
    const { text } = await get('/metrics');
    const known = [...text.matchAll(/^# TYPE (ingot_\S+)/gm)].map(([, name]) => name!);
    assert.deepEqual(known.sort(), Object.keys(CLOUDWATCH_METRICS).sort());
    const page = readFileSync(join(PROJECT, 'docs/monitoring.md'), 'utf8');
    const missing = Object.values(CLOUDWATCH_METRICS).filter(({ name }) => !page.includes(`\`${name}\``));
    assert.deepEqual(missing, []);
  });

  test('shows all of it on one screen', async () => {
    const { stdout, code } = await ingot(dataDirectory, ['status']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^Ingot \d.*\nDisk: .* used, .* free\n\nRUNNING\nnothing\n\nRECEIVERS\nops +web-hook +failing /,
    );
  });

  test('--watch shows it again and again', async () => {
    const watching = await start([process.execPath, MAIN, 'status', '--watch', '--data', dataDirectory]);
    try {
      let said = '';
      for await (const chunk of watching.stdout!) {
        said += String(chunk);
        if (said.match(/^RECEIVERS$/gm)?.length === 3) break;
      }
      assert.equal(said.match(/^Ingot \d/gm)?.length, 3, said);
    } finally {
      watching.kill();
      await watching.exited;
    }
  });

  test('promtool accepts its metrics and the example rules', { skip }, async () => {
    const { text } = await get('/metrics');
    // The metrics of Node.js itself are prom-client's.
    const own = text.split('\n').filter((line) => /^(# (TYPE|HELP) )?ingot_/.test(line));
    await run(['promtool', 'check', 'metrics'], { input: `${own.join('\n')}\n` });
    await run(['promtool', 'test', 'rules', 'rules.test.yml'], { cwd: EXAMPLES });
    await run(['promtool', 'check', 'config', 'prometheus.yml'], { cwd: EXAMPLES });
  });

  test('the rules and the dashboard name metrics that there are', async () => {
    const { text } = await get('/metrics');
    const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    const used = [
      ...readFileSync(join(EXAMPLES, 'rules.yml'), 'utf8').matchAll(/\bingot_[a-z_]+/g),
      ...readFileSync(join(EXAMPLES, 'dashboard.json'), 'utf8').matchAll(/\bingot_[a-z_]+/g),
      ...readFileSync(join(PROJECT, 'docs/monitoring.md'), 'utf8').matchAll(/\bingot_[a-z_]+/g),
    ].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
    assert.deepEqual(
      [...new Set(used)].filter((name) => !known.has(name)),
      [],
    );
    const documented = new Set(used);
    assert.deepEqual(
      [...known].filter((name) => name.startsWith('ingot_') && !documented.has(name)),
      [],
    );
  });

  test('a Prometheus scrapes it and raises an alert', { skip }, async () => {
    const { port, close } = await startReceiver();
    await close();
    const rules = readFileSync(join(EXAMPLES, 'rules.yml'), 'utf8').replaceAll(/^ +for: .*\n/gm, '');
    writeFileSync(join(folder, 'rules.yml'), rules);
    const config = readFileSync(join(EXAMPLES, 'prometheus.yml'), 'utf8')
      .replace('127.0.0.1:8700', new URL(server.endpoint).host)
      .replace('scrape_interval: 15s', 'scrape_interval: 1s\n  evaluation_interval: 1s');
    writeFileSync(join(folder, 'prometheus.yml'), config);
    const prometheus = await start(
      [
        'prometheus',
        '--config.file=prometheus.yml',
        `--storage.tsdb.path=${join(folder, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'], detached: true },
    );
    try {
      const alerts = await until('the alert', 60_000, async () => {
        const read = async () => (await fetch(`http://127.0.0.1:${port}/api/v1/alerts`)).json();
        // Until it is ready, it answers with other things.
        const { data } = (await read().catch(() => ({}))) as {
          data?: { alerts: { state: string; labels: Record<string, string> }[] };
        };
        const firing = (data?.alerts ?? []).filter(({ state }) => state === 'firing');
        return firing.length > 0 ? firing.map(({ labels }) => labels['alertname']) : undefined;
      });
      assert.ok(alerts.includes('IngotReceiverDown'), String(alerts));
      const query = new URLSearchParams({ query: 'up{job="ingot"}' });
      const up = (await (await fetch(`http://127.0.0.1:${port}/api/v1/query?${String(query)}`)).json()) as {
        data: { result: { value: [number, string] }[] };
      };
      assert.equal(up.data.result[0]?.value[1], '1');
    } finally {
      prometheus.kill();
      await prometheus.exited;
    }
  });
});
