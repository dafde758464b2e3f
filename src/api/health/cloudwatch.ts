/**
 * Sends the metrics to Amazon CloudWatch, in the API process: builds never wait for it. What CloudWatch does not accept
 * now is kept with its time and sent later, up to a limit.
 */
import {
  MetricsRefused,
  MOST_METRIC_DATA,
  MOST_METRIC_VALUES,
  putMetricData,
  type MetricData,
  type MetricUnit,
} from '../../platform/aws-metrics.ts';
import { after, sleep } from '../../platform/clock.ts';
import type { CloudWatchMetrics } from '../../platform/config/config.ts';
import { logger } from '../../platform/log.ts';
import type { Sample } from './sample.ts';

/** A metric of CloudWatch: its name, its unit, and the labels that become dimensions. Others are summed. */
export interface CloudWatchMetric {
  readonly name: string;
  readonly unit: MetricUnit;
  readonly dimensions: Readonly<Record<string, string>>;
}

const PIPELINE = { account: 'Account', region: 'Region', pipeline: 'Pipeline' } as const;

/**
 * Every metric of Ingot by its name for Prometheus. CloudWatch is paid by combinations of dimensions, so API requests
 * are counted by their code only.
 */
export const CLOUDWATCH_METRICS: Readonly<Record<string, CloudWatchMetric>> = {
  ingot_builds_total: { name: 'Builds', unit: 'Count', dimensions: { ...PIPELINE, result: 'Result' } },
  ingot_build_duration_seconds: { name: 'BuildDuration', unit: 'Seconds', dimensions: { result: 'Result' } },
  ingot_stage_duration_seconds: { name: 'StageDuration', unit: 'Seconds', dimensions: { stage: 'Stage' } },
  ingot_component_duration_seconds: {
    name: 'ComponentDuration',
    unit: 'Seconds',
    dimensions: { component: 'Component' },
  },
  ingot_layer_lookups_total: { name: 'LayerLookups', unit: 'Count', dimensions: { result: 'Result' } },
  ingot_queue_length: { name: 'QueueLength', unit: 'Count', dimensions: {} },
  ingot_queue_oldest_seconds: { name: 'QueueOldestAge', unit: 'Seconds', dimensions: {} },
  ingot_builds_running: { name: 'BuildsRunning', unit: 'Count', dimensions: {} },
  ingot_pipeline_newest_image_age_seconds: { name: 'NewestImageAge', unit: 'Seconds', dimensions: PIPELINE },
  ingot_pipeline_schedule_interval_seconds: { name: 'ScheduleInterval', unit: 'Seconds', dimensions: PIPELINE },
  ingot_disk_used_bytes: { name: 'DiskUsed', unit: 'Bytes', dimensions: { kind: 'Kind' } },
  ingot_disk_available_bytes: { name: 'DiskAvailable', unit: 'Bytes', dimensions: {} },
  ingot_api_requests_total: { name: 'ApiRequests', unit: 'Count', dimensions: { code: 'Code' } },
  ingot_receiver_delivered_total: { name: 'EventsDelivered', unit: 'Count', dimensions: { receiver: 'Receiver' } },
  ingot_receiver_deliveries: {
    name: 'FailedDeliveries',
    unit: 'Count',
    dimensions: { receiver: 'Receiver', state: 'State' },
  },
  ingot_receiver_events_behind: { name: 'EventsBehind', unit: 'Count', dimensions: { receiver: 'Receiver' } },
  ingot_receiver_up: { name: 'ReceiverUp', unit: 'None', dimensions: { receiver: 'Receiver' } },
  ingot_worker_up: { name: 'WorkerUp', unit: 'None', dimensions: {} },
};

/** Maximum number of data that wait for CloudWatch: some 20 minutes of a busy server. */
const MOST_KEPT = 20_000;
/** Time limit of a request with its retries, in milliseconds. */
const SEND_MS = 30_000;
/** Time limit of the last publication when the server stops, in milliseconds. */
const STOP_MS = 3000;

/** A running publication. */
export interface MetricsPublisher {
  /** Sends what is there, within a limit, and stops. */
  stop(): Promise<void>;
}

/** What a publication needs; the rest is for tests. */
export interface PublisherOptions {
  readonly settings: CloudWatchMetrics;
  readonly read: () => Promise<readonly Sample[]>;
  readonly everyMs?: number;
  readonly mostKept?: number;
}

/** Starts publishing. Counters are sent as what was added since the last publication. */
export function startPublisher({
  settings,
  read,
  everyMs = settings.everySeconds * 1000,
  mostKept = MOST_KEPT,
}: PublisherOptions): MetricsPublisher {
  const stopping = new AbortController();
  /** Aborted when requests are given up. */
  const ended = new AbortController();
  const counted = new Map<string, number>();
  let kept: readonly MetricData[] = [];
  let failing = false;

  async function collect(): Promise<void> {
    kept = [...kept, ...dataOf(await read(), counted, Date.now())];
    if (kept.length <= mostKept) return;
    logger().error({ dropped: kept.length - mostKept }, 'CloudWatch is away too long: the oldest metrics are dropped');
    kept = kept.slice(-mostKept);
  }

  async function send(): Promise<void> {
    while (kept.length > 0) {
      const batch = kept.slice(0, MOST_METRIC_DATA);
      try {
        const signal = AbortSignal.any([AbortSignal.timeout(SEND_MS), ended.signal]);
        await putMetricData({ ...settings, signal }, settings.namespace, batch);
        if (failing) logger().info({ waiting: kept.length }, 'CloudWatch takes metrics again, with what was missed');
        failing = false;
      } catch (error) {
        if (!(error instanceof MetricsRefused)) {
          if (!failing) logger().warn({ error }, 'metrics cannot be sent to CloudWatch; they are sent later');
          failing = true;
          return;
        }
        logger().error({ error, dropped: batch.length }, 'CloudWatch refused metrics');
      }
      kept = kept.slice(batch.length);
    }
  }

  const running = (async () => {
    // What the counters had before the start is not an increase.
    await read()
      .then((samples) => void dataOf(samples, counted, 0))
      .catch(said);
    for (let last = false; !last; ) {
      await sleep(everyMs, stopping.signal).catch(() => {});
      last = stopping.signal.aborted;
      await collect().catch(said);
      await send();
    }
  })();
  return {
    async stop() {
      stopping.abort();
      const limit = after(STOP_MS, () => ended.abort(new Error('the server was stopped')));
      await running;
      limit.end();
    },
  };
}

function said(error: unknown): void {
  logger().error({ error }, 'metrics could not be read for CloudWatch');
}

/**
 * Samples as data of CloudWatch.
 * @param counted the counters at the last call, by series; changed
 */
export function dataOf(samples: readonly Sample[], counted: Map<string, number>, time: number): readonly MetricData[] {
  const found = new Map<string, { readonly sample: Sample; readonly metric: CloudWatchMetric; values: number[] }>();
  for (const sample of samples) {
    const metric = CLOUDWATCH_METRICS[sample.name];
    if (metric === undefined || !Number.isFinite(sample.value)) continue;
    const key = JSON.stringify([metric.name, dimensionsOf(metric, sample)]);
    const same = found.get(key);
    if (same === undefined) found.set(key, { sample, metric, values: [sample.value] });
    // Labels that are no dimension are summed; observations stay what they are.
    else if (sample.kind === 'observed') same.values.push(sample.value);
    else same.values[0]! += sample.value;
  }
  const data: MetricData[] = [];
  for (const [key, { sample, metric, values: read }] of found) {
    let values = read;
    if (sample.kind === 'counter') {
      const added = read[0]! - (counted.get(key) ?? 0);
      counted.set(key, read[0]!);
      if (added <= 0) continue;
      values = [added];
    }
    const dimensions = dimensionsOf(metric, sample);
    for (let begin = 0; begin < values.length; begin += MOST_METRIC_VALUES)
      data.push({
        name: metric.name,
        unit: metric.unit,
        dimensions,
        time,
        values: values.slice(begin, begin + MOST_METRIC_VALUES),
      });
  }
  return data;
}

/** The dimensions of a sample. CloudWatch rejects empty values. */
function dimensionsOf({ dimensions }: CloudWatchMetric, { labels }: Sample): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(dimensions).flatMap(([label, name]) => {
      const value = String(labels[label] ?? '');
      return value.trim() === '' ? [] : [[name, value]];
    }),
  );
}
