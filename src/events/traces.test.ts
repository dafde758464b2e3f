/** Traces of builds, at a receiver of OTLP that the test starts. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openImageLog } from '../catalog/image-log.ts';
import { insertStepExecution, insertWorkflowExecution } from '../catalog/executions.ts';
import { openTraceExporter, tracesAsked } from '../platform/otlp.ts';
import { timestamp, until } from '../platform/clock.ts';
import { run } from '../platform/processes.ts';
import { imageArn, openEvents, type EventSuite } from '../../test/harness/events.ts';
import { startOtlpReceiver, type OtlpReceiver } from '../../test/harness/otlp-receiver.ts';
import { startTraces, type Traces } from './traces.ts';

const PATIENCE_MS = 30_000;
const STANDARD = /^OTEL_/;

test("OpenTelemetry's libraries are not loaded with the worker", async () => {
  const program = (more: string): string => `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ resolve: (name, context, next) => (seen.push(name), next(name, context)) });
    await import(${JSON.stringify(new URL('../service/worker-process.ts', import.meta.url).href)});
    const { openTraceExporter } = await import(${JSON.stringify(new URL('../platform/otlp.ts', import.meta.url).href)});
    ${more}
    process.stdout.write(String(seen.filter((name) => name.startsWith('@opentelemetry/')).length));
    process.exit();`;
  const loaded = async (more: string): Promise<number> => {
    const { stdout } = await run([process.execPath, '--input-type=module', '-e', program(more)]);
    return Number(stdout);
  };
  assert.equal(await loaded(''), 0);
  assert.ok((await loaded("await openTraceExporter({}, { name: 'x', version: '1' });")) > 0);
});

describe('what the variables ask for', () => {
  const cases: readonly [Record<string, string>, boolean, RegExp?][] = [
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }, true],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }, false],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, false, /OTEL_TRACES_EXPORTER 'zipkin': expected otlp/],
    [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'TRUE' }, false],
    [
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      false,
      /OTEL_EXPORTER_OTLP_PROTOCOL 'grpc': expected http\/protobuf/,
    ],
    [
      {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      },
      true,
    ],
  ];
  for (const [env, asked, fault] of cases)
    test(JSON.stringify(env), () => {
      const found = tracesAsked(env);
      assert.equal(found.asked, asked);
      if (fault === undefined) assert.equal(found.fault, undefined);
      else assert.match(found.fault!, fault);
    });
});

describe('exporting', () => {
  let suite: EventSuite;
  let receiver: OtlpReceiver;
  let traces: Traces | undefined;
  const own = Object.entries(process.env).filter(([name]) => STANDARD.test(name));
  beforeEach(async () => {
    for (const name of Object.keys(process.env)) if (STANDARD.test(name)) delete process.env[name];
    suite = await openEvents();
    receiver = await startOtlpReceiver();
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.endpoint;
  });
  afterEach(async () => {
    await traces?.stop();
    traces = undefined;
    await receiver.close();
    await suite.close();
    for (const name of Object.keys(process.env)) if (STANDARD.test(name)) delete process.env[name];
    Object.assign(process.env, Object.fromEntries(own));
  });

  async function start(): Promise<void> {
    const exporter = await openTraceExporter(process.env, { name: 'ingot', version: '1.2.3' });
    traces = await startTraces(suite.catalog, exporter, 20);
  }

  /** A build of an image: a workflow of one step, with a component of one step. Returns the id of its last event. */
  async function build(name: string, status: 'AVAILABLE' | 'FAILED', run = 1): Promise<string> {
    const { catalog } = suite;
    const failed = status === 'FAILED';
    await suite.change(name, 'BUILDING');
    const [workflow, step] = [`wf-${name}-${run}`, `step-${name}-${run}`];
    const place = { image_arn: imageArn(name), position: run, start_time: timestamp() };
    await insertWorkflowExecution(catalog.db, {
      ...place,
      id: workflow,
      workflow_arn: 'arn:aws:imagebuilder:us-east-1:aws:workflow/build/build-image/1.0.0/1',
      type: 'BUILD',
      status: failed ? 'FAILED' : 'COMPLETED',
      message: failed ? 'a step failed' : null,
      total_steps: 1,
    });
    await insertStepExecution(catalog.db, {
      ...place,
      id: step,
      workflow_execution_id: workflow,
      name: 'ApplyBuildComponents',
      action: 'ExecuteComponents',
      status: failed ? 'FAILED' : 'COMPLETED',
      message: failed ? 'exit code 3' : null,
      on_failure: 'Abort',
      timeout_seconds: 60,
      end_time: timestamp(),
    });
    const log = openImageLog(catalog.dataDirectory, imageArn(name));
    const within = { workflow: 'build-image', step: 'ApplyBuildComponents', component: 'web', phase: 'build' };
    log.report({ ...within, type: 'output', text: 'no span' });
    const [ended, text] = failed ? ['Failed', 'exit code 3'] : ['Success', 'done'];
    log.report({ ...within, type: 'step', documentStep: 'Install', seconds: 0, status: ended, text });
    log.close();
    return suite.change(name, status, {
      snapshot: { arn: imageArn(name), name, state: { status, ...(failed ? { reason: 'it broke' } : {}) } },
    });
  }
  const received = (count: number) =>
    until(`${count} spans`, PATIENCE_MS, () => (receiver.spans.length >= count ? receiver.spans : undefined));

  test('a build is a trace, its steps are spans', async () => {
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'deployment.environment.name=lab';
    process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'x-team=images';
    await start();
    const id = await build('web', 'FAILED');
    const spans = await received(4);
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['BUILD web', 'build-image', 'ApplyBuildComponents', 'web: Install'],
    );
    const [root, workflow, step, component] = spans as [...typeof spans, never][number][];
    assert.equal(root!.traceId, id.replaceAll('-', ''), "the trace's id is the event's");
    assert.ok(spans.every(({ traceId }) => traceId === root!.traceId));
    assert.deepEqual(
      spans.map(({ parentId }) => parentId),
      ['', root!.spanId, workflow!.spanId, step!.spanId],
    );
    assert.deepEqual(
      spans.map(({ code, message }) => [code, message]),
      [
        [2, 'it broke'],
        [2, 'a step failed'],
        [2, 'exit code 3'],
        [2, 'exit code 3'],
      ],
    );
    assert.equal(root!.attributes['cicd.pipeline.result'], 'failure');
    assert.equal(root!.attributes['ingot.image.arn'], imageArn('web'));
    assert.equal(component!.attributes['ingot.component'], 'web');
    assert.ok(spans.every(({ start: from, end }) => from <= end && from >= root!.start && end <= root!.end));
    assert.deepEqual(root!.resource, {
      'service.name': 'ingot',
      'service.version': '1.2.3',
      'deployment.environment.name': 'lab',
    });
    assert.equal(receiver.last().path, '/v1/traces');
    assert.equal(receiver.last().headers['x-team'], 'images');
  });

  test('a retry is a trace of its own, with what ran again', async () => {
    await start();
    await build('web', 'FAILED');
    await received(4);
    const id = await build('web', 'AVAILABLE', 2);
    const spans = (await received(8)).slice(4);
    assert.ok(spans.every(({ traceId, code }) => traceId === id.replaceAll('-', '') && code === 0));
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['BUILD web', 'build-image', 'ApplyBuildComponents', 'web: Install'],
    );
    assert.equal(new Set(receiver.spans.map(({ spanId }) => spanId)).size, 8);
  });

  test('what a receiver missed is sent when it lives again, also after a restart, with the same ids', async () => {
    receiver.answer(401);
    await start();
    await build('one', 'AVAILABLE');
    const id = await build('two', 'FAILED');
    await until('an attempt', PATIENCE_MS, () => (receiver.requests() > 1 ? true : undefined));
    await traces!.stop();
    receiver.answer(200);
    await start();
    const spans = await received(8);
    assert.deepEqual(
      spans.filter(({ parentId }) => parentId === '').map(({ name }) => name),
      ['BUILD one', 'BUILD two'],
    );
    assert.equal(spans.at(-1)!.traceId, id.replaceAll('-', ''));
  });

  test('a trace that the receiver refuses holds up no other', async () => {
    receiver.answer(400);
    await start();
    await build('one', 'AVAILABLE');
    await until('the refusal', PATIENCE_MS, () => (receiver.requests() > 0 ? true : undefined));
    receiver.answer(200);
    await build('two', 'AVAILABLE');
    assert.deepEqual((await received(4))[0]!.name, 'BUILD two');
  });

  test('OTEL_TRACES_SAMPLER decides by trace', async () => {
    process.env['OTEL_TRACES_SAMPLER'] = 'parentbased_traceidratio';
    process.env['OTEL_TRACES_SAMPLER_ARG'] = '0';
    await start();
    await build('one', 'AVAILABLE');
    await until('its trace', PATIENCE_MS, async () => {
      const { position } = await suite.catalog.db
        .selectFrom('trace_positions')
        .select('position')
        .executeTakeFirstOrThrow();
      return position >= 2 ? true : undefined;
    });
    assert.equal(receiver.requests(), 0);
  });
});
