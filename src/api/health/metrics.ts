/** Metrics in Prometheus' format (`prom-client`). Every label has a bounded number of values. */
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { getPipeline } from '../../catalog/image-pipelines.ts';
import { readImageLog } from '../../catalog/image-log.ts';
import { eventsAfter, lastEvent, previousEvent, type OutboxRow } from '../../catalog/outbox.ts';
import { allReceivers, deliveryCounts } from '../../catalog/receivers.ts';
import { imagesUnderWay, newestImages, pipelineArns } from '../../catalog/status.ts';
import { IMAGE_STATE_CHANGE, snapshotOf } from '../../events/envelope.ts';
import { readEvents } from '../../events/settings.ts';
import { logger } from '../../platform/log.ts';
import { readSchedule } from '../../pipelines/schedule/schedule.ts';
import { parseArn } from '../../resources/arns.ts';
import type { StorageUsage } from '../../storage/storage.ts';
import type { ApiServices } from '../context.ts';
import { startPublisher } from './cloudwatch.ts';
import type { Sample } from './sample.ts';

/** Maximum number of values of a label that users choose; further ones become `other`. */
const MOST_VALUES = 200;
/** How long disk usage is cached, in milliseconds, because measuring it reads the whole data directory. */
const DISK_MS = 60_000;
/** Interval between checks for finished builds, in milliseconds. */
const LOOK_MS = 2000;
/** Maximum number of observations that wait for a publication. */
const MOST_OBSERVED = 10_000;
/** Maximum number of records of an image's log that are read for component durations. */
const MOST_RECORDS = 500_000;

/** Statuses that are stages, with their names. */
const STAGES: Readonly<Record<string, string>> = {
  CREATING: 'create',
  BUILDING: 'build',
  TESTING: 'test',
  DISTRIBUTING: 'distribute',
  INTEGRATING: 'integrate',
};
const ENDS: Readonly<Record<string, string>> = { AVAILABLE: 'available', FAILED: 'failed', CANCELLED: 'cancelled' };
const BUILD_SECONDS = 'ingot_build_duration_seconds';
const STAGE_SECONDS = 'ingot_stage_duration_seconds';
const COMPONENT_SECONDS = 'ingot_component_duration_seconds';
/** Histogram buckets in seconds: a rebuild takes 1, an emulated build hours. */
const BUCKETS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];

/** The metrics of a server. */
export interface Metrics {
  /** Counts a call of the API. @param code `ok`, or the error's code */
  countCall(operation: string, code: string): void;
  /** The text for Prometheus, and its content type. */
  read(): Promise<{ readonly type: string; readonly text: string }>;
  /** Stops counting, and publishing. */
  stop(): Promise<void>;
}

/** Limits the number of values of a label. */
function bounded(most: number = MOST_VALUES): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return 'other';
    known.add(value);
    return value;
  };
}

/** Labels of a pipeline; empty for an image without one. */
type PipelineLabels = Readonly<Record<'account' | 'region' | 'pipeline', string>>;

/** Starts collecting. */
export function createMetrics(services: ApiServices): Metrics {
  const { catalog } = services;
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const { cloudwatch } = services.config.monitoring;
  let observed: Sample[] = [];
  const operation = bounded(500);
  const codes = bounded();
  const component = bounded();
  const pipeline = bounded();
  const pipelineLabels = (arn: string | null | undefined, image = ''): PipelineLabels => {
    const { owner: account = '', region = '', slug = '' } = parseArn(arn ?? '') ?? {};
    if (arn !== null && arn !== undefined) return { account, region, pipeline: pipeline(slug) };
    const of = parseArn(image);
    return { account: of?.owner ?? '', region: of?.region ?? '', pipeline: '' };
  };

  const calls = new Counter({
    name: 'ingot_api_requests_total',
    help: 'API requests.',
    labelNames: ['operation', 'code'],
    registers,
  });
  const pipelineNames = ['account', 'region', 'pipeline'] as const;
  const builds = new Counter({
    name: 'ingot_builds_total',
    help: 'Builds that ended since the server started, by result: available, failed, cancelled.',
    labelNames: [...pipelineNames, 'result'],
    registers,
  });
  const histogram = (name: string, help: string, labelNames: readonly string[]): Histogram =>
    new Histogram({ name, help, labelNames: [...labelNames], buckets: BUCKETS, registers });
  const durations = {
    [BUILD_SECONDS]: histogram(BUILD_SECONDS, 'Time from the request for an image to its end.', ['result']),
    [STAGE_SECONDS]: histogram(STAGE_SECONDS, 'Time in a stage of a build.', ['stage']),
    [COMPONENT_SECONDS]: histogram(COMPONENT_SECONDS, 'Time in the steps of a component.', ['component']),
  };
  const observe = (name: keyof typeof durations, labels: Readonly<Record<string, string>>, value: number): void => {
    durations[name].observe({ ...labels }, value);
    if (cloudwatch !== undefined && observed.length < MOST_OBSERVED)
      observed.push({ name, kind: 'observed', labels, value });
  };
  const layers = new Counter({
    name: 'ingot_layer_lookups_total',
    help: 'Components of builds by whether a layer had them: hit or miss.',
    labelNames: ['result'],
    registers,
  });
  const queue = gauge('ingot_queue_length', 'Images that wait for a worker.');
  const oldest = gauge('ingot_queue_oldest_seconds', 'Age of the image that waits longest.');
  const running = gauge('ingot_builds_running', 'Images that a worker has.');
  const newest = gauge(
    'ingot_pipeline_newest_image_age_seconds',
    "Age of a pipeline's newest available image.",
    pipelineNames,
  );
  const interval = gauge(
    'ingot_pipeline_schedule_interval_seconds',
    "Time between a pipeline's next two due times.",
    pipelineNames,
  );
  const disk = gauge('ingot_disk_used_bytes', 'Bytes in the data directory by kind.', ['kind']);
  const free = gauge('ingot_disk_available_bytes', 'Bytes that are free on the file system of the data directory.');
  const delivered = new Counter({
    name: 'ingot_receiver_delivered_total',
    help: 'Events that a receiver accepted, since it is on record.',
    labelNames: ['receiver'],
    registers,
  });
  const pending = gauge('ingot_receiver_deliveries', 'Failed deliveries by state: retry, replay, dead.', [
    'receiver',
    'state',
  ]);
  const behind = gauge('ingot_receiver_events_behind', 'Events that a receiver has not been offered yet.', [
    'receiver',
  ]);
  const up = gauge('ingot_receiver_up', '1 if the last delivery to a receiver succeeded.', ['receiver']);
  const worker = gauge('ingot_worker_up', '1 if the worker answers.');

  function gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers });
  }

  let usage: { readonly at: number; readonly found: StorageUsage } | undefined;
  async function readDisk(): Promise<void> {
    if (usage === undefined || Date.now() - usage.at > DISK_MS)
      usage = { at: Date.now(), found: await services.storage.usage({ account: services.defaultAccount }) };
    for (const [kind, bytes] of Object.entries(usage.found.kinds)) disk.set({ kind }, bytes);
    free.set(usage.found.availableBytes);
  }

  async function readBuilds(): Promise<void> {
    const busy = await imagesUnderWay(catalog.db);
    const waiting = busy.filter(({ working }) => !working);
    queue.set(waiting.length);
    oldest.set(waiting[0] === undefined ? 0 : secondsSince(waiting[0].created));
    running.set(busy.length - waiting.length);
    // A counter that starts at 1 shows no increase, so the first failure would trigger no alarm: start at 0.
    for (const arn of await pipelineArns(catalog.db, MOST_VALUES))
      for (const result of Object.values(ENDS)) builds.inc({ ...pipelineLabels(arn), result }, 0);
    newest.reset();
    interval.reset();
    for (const { pipeline: arn, created } of await newestImages(catalog.db)) {
      const record = await getPipeline(catalog.db, arn);
      if (record === undefined) continue;
      newest.set(pipelineLabels(arn), secondsSince(created));
      const { scheduleExpression: expression, timezone } = record.schedule ?? {};
      const seconds =
        expression === undefined || record.status !== 'ENABLED' ? undefined : secondsBetween({ expression, timezone });
      if (seconds !== undefined) interval.set(pipelineLabels(arn), seconds);
    }
  }

  async function readReceivers(): Promise<void> {
    const configured = readEvents(services.config).receivers;
    const counts = await deliveryCounts(catalog.db);
    const last = await lastEvent(catalog.db);
    pending.reset();
    delivered.reset();
    for (const { name, position, delivered: accepted, state } of await allReceivers(catalog.db)) {
      if (!configured.has(name)) continue;
      const receiver = name;
      delivered.inc({ receiver }, accepted);
      behind.set({ receiver }, last - position);
      up.set({ receiver }, state === 'ok' ? 1 : 0);
      for (const each of ['retry', 'replay', 'dead'])
        pending.set(
          { receiver, state: each },
          counts.find((count) => count.receiver === name && count.state === each)?.count ?? 0,
        );
    }
  }

  async function countEvent(row: OutboxRow): Promise<void> {
    if (row.type !== IMAGE_STATE_CHANGE) return;
    const before = await previousEvent(catalog.db, row);
    const stage = before === undefined ? undefined : STAGES[before.status];
    if (stage !== undefined) observe(STAGE_SECONDS, { stage }, secondsFrom(before!.time, row.time));
    const result = ENDS[row.status];
    const image = snapshotOf(row);
    if (result === undefined || image === undefined) return;
    builds.inc({ ...pipelineLabels(image.sourcePipelineArn, row.resource), result });
    if (image.dateCreated !== undefined) observe(BUILD_SECONDS, { result }, secondsFrom(image.dateCreated, row.time));
    await countComponents(row.resource);
  }

  async function countComponents(arn: string): Promise<void> {
    const spent = new Map<string, number>();
    const cached = new Set<string>();
    let read = 0;
    for await (const { type, component: name, status, seconds } of readImageLog(services.dataDirectory, arn)) {
      if ((read += 1) > MOST_RECORDS) break;
      if (name === undefined) continue;
      if (status === 'CACHED') cached.add(name);
      if (type === 'step' && seconds !== undefined) spent.set(name, (spent.get(name) ?? 0) + seconds);
    }
    for (const [name, seconds] of spent) observe(COMPONENT_SECONDS, { component: component(name) }, seconds);
    layers.inc({ result: 'hit' }, cached.size);
    layers.inc({ result: 'miss' }, [...spent.keys()].filter((name) => !cached.has(name)).length);
  }

  let place: number | undefined;
  let counting: Promise<void> | undefined;
  /** Counts what happened since the last check. */
  function count(): Promise<void> {
    counting ??= (async () => {
      place ??= await lastEvent(catalog.db);
      for (const row of await eventsAfter(catalog.db, place, 500)) {
        place = row.seq;
        await countEvent(row);
      }
    })()
      .catch((error: unknown) => logger().error({ error }, 'builds could not be counted'))
      .finally(() => (counting = undefined));
    return counting;
  }
  const timer = setInterval(() => void count(), LOOK_MS);
  timer.unref();
  void count();

  /** Brings every metric up to date. */
  async function refresh(): Promise<void> {
    await count();
    await Promise.all([readBuilds(), readReceivers(), readDisk()]);
    worker.set(services.worker().up ? 1 : 0);
  }

  async function samples(): Promise<readonly Sample[]> {
    await refresh();
    const found = observed;
    observed = [];
    for (const metric of await register.getMetricsAsJSON()) {
      const { name, type, values } = metric as MetricObjectWithValues<MetricValue<string>>;
      const kind = String(type);
      if (!name.startsWith('ingot_') || (kind !== 'counter' && kind !== 'gauge')) continue;
      for (const { labels, value } of values) found.push({ name, kind, labels, value });
    }
    return found;
  }
  const publisher = cloudwatch && startPublisher({ settings: cloudwatch, read: samples });

  return {
    countCall: (name, code) => calls.inc({ operation: operation(name), code: codes(code) }),
    async read() {
      await refresh();
      return { type: register.contentType, text: await register.metrics() };
    },
    async stop() {
      clearInterval(timer);
      await publisher?.stop();
    },
  };
}

function secondsFrom(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}

function secondsSince(time: string): number {
  return Math.max(0, (Date.now() - Date.parse(time)) / 1000);
}

function secondsBetween(text: Parameters<typeof readSchedule>[0]): number | undefined {
  const schedule = readSchedule(text);
  const first = schedule.next(Date.now());
  const second = first === undefined ? undefined : schedule.next(first);
  return second === undefined ? undefined : (second - first!) / 1000;
}
