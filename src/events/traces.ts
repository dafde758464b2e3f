/**
 * Traces of builds: when an image reaches a final status, its workflows, steps and the steps of its components become
 * spans, made from the records. So a trace is complete whatever was killed meanwhile, and a build never waits for it.
 * The trace's id is the id of the event that reported the end.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Catalog } from '../catalog/catalog.ts';
import { stepExecutionsOfWorkflow, workflowExecutionsOfImage, type StepExecution } from '../catalog/executions.ts';
import { readImageLog } from '../catalog/image-log.ts';
import {
  eventsAfter,
  eventsBefore,
  lastEvent,
  setTracePosition,
  tracePosition,
  type OutboxRow,
} from '../catalog/outbox.ts';
import { sleep } from '../platform/clock.ts';
import { logger } from '../platform/log.ts';
import { TraceRefused, type TraceExporter, type TraceSpan } from '../platform/otlp.ts';
import { parseArn } from '../resources/arns.ts';
import { IMAGE_STATE_CHANGE, snapshotOf } from './envelope.ts';

/** Name of the position on record. */
const EXPORTER = 'otlp';
/** Interval between checks for finished builds, in milliseconds. */
const LOOK_MS = 2000;
/** Longest wait between attempts, in milliseconds. */
const LONGEST_WAIT_MS = 60_000;
/** Age of an event, in milliseconds, from which its trace is skipped. */
const OLDEST_MS = 24 * 3_600_000;
/** Maximum number of spans of a trace, and of records of an image's log that are read for them. */
const MOST_SPANS = 5000;
const MOST_RECORDS = 500_000;
/** Maximum number of earlier events of an image that are read. */
const MOST_EVENTS = 100;

/** Values of `cicd.pipeline.result`. Source: OpenTelemetry semantic conventions, CICD. */
const RESULTS: Readonly<Record<string, string>> = {
  AVAILABLE: 'success',
  FAILED: 'failure',
  CANCELLED: 'cancellation',
};
/** Values of `cicd.pipeline.task.run.result` for the statuses of workflows, their steps, and steps of documents. */
const TASK_RESULTS: Readonly<Record<string, string>> = {
  COMPLETED: 'success',
  Success: 'success',
  FAILED: 'failure',
  Failed: 'failure',
  IgnoredFailure: 'failure',
  CANCELLED: 'cancellation',
  SKIPPED: 'skip',
  Skipped: 'skip',
};
const FAILURES: readonly string[] = ['FAILED', 'Failed', 'ROLLBACK_COMPLETED'];

/** A running export. */
export interface Traces {
  stop(): Promise<void>;
}

/**
 * Starts exporting the traces of images that end from now on, or since the last export.
 * @param lookMs interval between checks, for tests
 */
export async function startTraces(catalog: Catalog, exporter: TraceExporter, lookMs = LOOK_MS): Promise<Traces> {
  const { db } = catalog;
  const stopping = new AbortController();
  const known = await tracePosition(db, EXPORTER);
  let position = known ?? (await lastEvent(db));
  if (known === undefined) await setTracePosition(db, EXPORTER, position);
  let failures = 0;

  async function look(): Promise<void> {
    for (const row of await eventsAfter(db, position, 100)) {
      if (stopping.signal.aborted) return;
      if (isEnd(row)) await exportTrace(row);
      await setTracePosition(db, EXPORTER, row.seq);
      position = row.seq;
      if (failures > 0) logger().info({ image: row.resource }, 'traces are exported again, with what was missed');
      failures = 0;
    }
  }

  async function exportTrace(row: OutboxRow): Promise<void> {
    if (Date.now() - Date.parse(row.time) > OLDEST_MS) {
      logger().warn({ image: row.resource }, 'a trace was not exported: it is older than 24 hours');
      return;
    }
    try {
      await exporter.send(traceIdOf(row), await spansOf(catalog, row));
    } catch (error) {
      if (!(error instanceof TraceRefused)) throw error;
      logger().error({ image: row.resource, error }, 'a trace was refused');
    }
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => {
        if (failures === 0) logger().warn({ error }, 'traces cannot be exported; what is missed is sent later');
        failures++;
      });
      const wait = Math.min(LONGEST_WAIT_MS, lookMs * 2 ** Math.min(failures, 16));
      await sleep(wait, stopping.signal).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      // Ends a request in progress: the trace is sent after the next start.
      await exporter.close().catch(() => {});
      await running;
    },
  };
}

function isEnd({ type, status }: Pick<OutboxRow, 'type' | 'status'>): boolean {
  return type === IMAGE_STATE_CHANGE && RESULTS[status] !== undefined;
}

/** The id of the trace of a build, from the event of its end. */
function traceIdOf({ id }: Pick<OutboxRow, 'id'>): string {
  return id.replaceAll('-', '').toLowerCase();
}

/** The spans of the build that an event ended, parents first. */
async function spansOf(catalog: Catalog, row: OutboxRow): Promise<readonly TraceSpan[]> {
  const image = snapshotOf(row);
  const end = Date.parse(row.time);
  const { since, begin } = await beginOf(catalog, row, image);
  const root = rootSpan(row, image, { start: begin, end });
  const spans: TraceSpan[] = [root];
  const steps: { readonly workflow: string; readonly step: StepExecution }[] = [];
  for (const workflow of await workflowExecutionsOfImage(catalog.db, row.resource)) {
    // A retry goes on behind the workflows that had completed before.
    if (workflow.start_time === null || Date.parse(workflow.start_time) < since) continue;
    const name = parseArn(workflow.workflow_arn)?.slug ?? workflow.workflow_arn;
    spans.push({
      id: workflow.id,
      parent: root.id,
      name,
      start: Date.parse(workflow.start_time),
      end: workflow.end_time === null ? end : Date.parse(workflow.end_time),
      attributes: {
        'cicd.pipeline.task.name': name,
        'cicd.pipeline.task.type': workflow.type === 'BUILD' ? 'build' : workflow.type === 'TEST' ? 'test' : 'deploy',
        'cicd.pipeline.task.run.id': workflow.id,
        'cicd.pipeline.task.run.result': TASK_RESULTS[workflow.status],
        'ingot.workflow.arn': workflow.workflow_arn,
        'ingot.status': workflow.status,
      },
      error: failureOf(workflow.status, workflow.message),
    });
    for (const step of await stepExecutionsOfWorkflow(catalog.db, workflow.id)) {
      if (step.start_time === null) continue;
      steps.push({ workflow: name, step });
      spans.push({
        id: step.id,
        parent: workflow.id,
        name: step.name,
        start: Date.parse(step.start_time),
        end: step.end_time === null ? end : Date.parse(step.end_time),
        attributes: {
          'cicd.pipeline.task.name': step.name,
          'cicd.pipeline.task.run.id': step.id,
          'cicd.pipeline.task.run.result': TASK_RESULTS[step.status],
          'ingot.action': step.action,
          'ingot.status': step.status,
        },
        error: failureOf(step.status, step.message),
      });
    }
  }
  for await (const span of componentSpans(catalog, row, since, steps)) {
    if (spans.length >= MOST_SPANS) break;
    spans.push(span);
  }
  return spans;
}

/** When a build began: after the last event that ended the same image, if it is a retry. */
async function beginOf(
  { db }: Catalog,
  row: OutboxRow,
  image: Image | undefined,
): Promise<{ readonly since: number; readonly begin: number }> {
  const earlier = (await eventsBefore(db, row, MOST_EVENTS)).filter(({ type }) => type === IMAGE_STATE_CHANGE);
  const ended = earlier.findIndex(isEnd);
  if (ended >= 0) {
    const since = Date.parse(earlier[ended]!.time);
    return { since, begin: Date.parse(earlier[ended - 1]?.time ?? row.time) };
  }
  return { since: 0, begin: Date.parse(image?.dateCreated ?? earlier.at(-1)?.time ?? row.time) };
}

function rootSpan(
  row: OutboxRow,
  image: Image | undefined,
  { start, end }: { readonly start: number; readonly end: number },
): TraceSpan {
  const { owner, region, slug = row.resource } = parseArn(row.resource) ?? {};
  const name = image?.name ?? slug;
  return {
    id: row.resource,
    name: `BUILD ${name}`,
    start,
    end,
    attributes: {
      'cicd.pipeline.name': parseArn(image?.sourcePipelineArn ?? '')?.slug ?? name,
      'cicd.pipeline.run.id': row.resource,
      'cicd.pipeline.result': RESULTS[row.status],
      'cloud.account.id': owner,
      'cloud.region': region,
      'ingot.image.arn': row.resource,
      'ingot.image.type': image?.type,
      'ingot.image.build_type': image?.buildType,
      'ingot.pipeline.arn': image?.sourcePipelineArn,
    },
    error: failureOf(row.status, image?.state?.reason ?? null),
  };
}

/** The steps of component documents, from the image's log. */
async function* componentSpans(
  { dataDirectory }: Catalog,
  row: OutboxRow,
  since: number,
  steps: readonly { readonly workflow: string; readonly step: StepExecution }[],
): AsyncGenerator<TraceSpan> {
  let read = 0;
  for await (const record of readImageLog(dataDirectory, row.resource)) {
    if ((read += 1) > MOST_RECORDS) return;
    const { type, component, documentStep, phase, seconds, status = '', action } = record;
    if (type !== 'step' || component === undefined || documentStep === undefined || seconds === undefined) continue;
    const end = Date.parse(record.time);
    if (end < since) continue;
    // The run of the step that was in progress then: a retry has another with the same name.
    const parent = steps.findLast(
      ({ workflow, step }) =>
        workflow === record.workflow && step.name === record.step && Date.parse(step.start_time!) <= end,
    );
    if (parent === undefined) continue;
    yield {
      id: `${parent.step.id} ${read}`,
      parent: parent.step.id,
      name: `${component}: ${documentStep}`,
      start: end - seconds * 1000,
      end,
      attributes: {
        'cicd.pipeline.task.name': documentStep,
        'cicd.pipeline.task.run.result': TASK_RESULTS[status],
        'ingot.component': component,
        'ingot.phase': phase,
        'ingot.action': action,
        'ingot.status': status,
      },
      error: failureOf(status, record.text),
    };
  }
}

function failureOf(status: string, message: string | null): string | undefined {
  return FAILURES.includes(status) ? (message ?? status) : undefined;
}
