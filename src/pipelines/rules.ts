/**
 * Starts pipelines that a rule for events names (`events.rules` of `config.yaml`). Each pipeline has a position in the
 * outbox, which moves in the transaction that decides: an event starts a pipeline once, also when the server is killed.
 */
import { getPipeline, type StoredPipeline } from '../catalog/image-pipelines.ts';
import type { Queryable } from '../catalog/catalog.ts';
import { eventOfId, eventsAfter, lastEvent, type OutboxRow } from '../catalog/outbox.ts';
import { keepRulePositions, rulePosition, setRulePosition } from '../catalog/pipeline-rules.ts';
import { runOf, runOfImage } from '../catalog/pipeline-runs.ts';
import { envelopeOf } from '../events/envelope.ts';
import type { EventsConfig } from '../events/settings.ts';
import { logger } from '../platform/log.ts';
import { parseArn } from '../resources/arns.ts';
import { ApiError } from '../resources/errors.ts';
import { windowNow } from './maintenance.ts';
import type { SchedulerParts } from './scheduler.ts';
import { declineStart, startPipeline, type Cause } from './start.ts';

/** Events that are read at once. */
const AT_ONCE = 256;
/** Starts by rules that are followed back, from an image to the event that started it. */
const MOST_STEPS = 32;
/** When a pipeline is tried again that a quota holds back, in milliseconds. */
const AGAIN_MS = 60_000;

/** The rules that start pipelines, and what was decided. */
export interface StartingRules {
  readonly rules: EventsConfig['rules'];
  /** Position of the newest event for which nothing was left to do. */
  seen: number;
  /** When pipelines that wait are tried again, in milliseconds since 1970. */
  readonly again: Map<string, number>;
}

/**
 * The rules that start pipelines. Pipelines that are new in the configuration get the events from now on, so call it
 * before anything can write one.
 */
export async function openRules(
  { transaction }: SchedulerParts['catalog'],
  { rules }: EventsConfig,
): Promise<StartingRules> {
  const starting = rules.filter(({ pipelines }) => pipelines.length > 0);
  const named = pipelinesOf(starting);
  await transaction(async (trx) => {
    await keepRulePositions(trx, named);
    for (const arn of named) await rulePosition(trx, arn);
  });
  return { rules: starting, seen: -1, again: new Map() };
}

/** Decides on the events since the last call. Returns how many pipelines were started. */
export async function followRules(parts: SchedulerParts, state: StartingRules): Promise<number> {
  if (state.rules.length === 0) return 0;
  const last = await lastEvent(parts.catalog.db);
  if (last === state.seen) return 0;
  let started = 0;
  let waiting = false;
  for (const arn of pipelinesOf(state.rules)) {
    if (parts.stopping()) return started;
    if ((state.again.get(arn) ?? 0) > parts.now()) {
      waiting = true;
      continue;
    }
    const done = await followOne(parts, state, arn);
    started += done.started;
    if (done.again === undefined) state.again.delete(arn);
    else {
      state.again.set(arn, done.again);
      waiting = true;
    }
  }
  if (!waiting) state.seen = last;
  if (started > 0) parts.started();
  return started;
}

function pipelinesOf(rules: EventsConfig['rules']): readonly string[] {
  return [...new Set(rules.flatMap(({ pipelines }) => pipelines))];
}

/** Decides on the events that one pipeline has not had. */
async function followOne(
  parts: SchedulerParts,
  { rules }: StartingRules,
  arn: string,
): Promise<{ readonly started: number; readonly again: number | undefined }> {
  const { db, transaction } = parts.catalog;
  const { owner: account } = parseArn(arn)!;
  let started = 0;
  for (;;) {
    const position = await rulePosition(db, arn);
    const rows = await eventsAfter(db, position, AT_ONCE);
    const last = rows.at(-1);
    if (last === undefined) return { started, again: undefined };
    for (const row of rows) {
      if (parts.stopping()) return { started, again: undefined };
      const event = envelopeOf(row);
      // As on an event bus, which is one of an account: others cannot start this account's pipelines.
      const rule =
        event.account === account
          ? rules.find(({ pipelines, pattern }) => pipelines.includes(arn) && pattern!.matches(event))
          : undefined;
      if (rule === undefined) continue;
      const decided = await decide(parts, arn, row, rule.name ?? 'without a name');
      if (decided.again !== undefined) return { started, again: decided.again };
      if (decided.started) started++;
    }
    await transaction((trx) => setRulePosition(trx, arn, last.seq));
  }
}

interface Decided {
  readonly started: boolean;
  /** When it is tried again, if it has to wait: milliseconds since 1970. */
  readonly again?: number;
}

/** Starts the pipeline for an event, or records why not. */
async function decide(parts: SchedulerParts, arn: string, row: OutboxRow, rule: string): Promise<Decided> {
  const { catalog } = parts;
  const now = parts.now();
  const pipeline = await getPipeline(catalog.db, arn);
  if (pipeline === undefined) {
    logger().warn({ pipeline: arn, rule }, 'a rule names a pipeline that does not exist');
    await catalog.transaction((trx) => setRulePosition(trx, arn, row.seq));
    return { started: false };
  }
  const cause: Cause = {
    cause: 'rule',
    by: `rule ${rule}`,
    because: `The event ${row.id} matched: ${row.resource} is ${row.status}.`,
    occurrence: `event ${row.id}`,
    at: new Date(now).toISOString(),
  };
  const wait = async (reason: string, again: number): Promise<Decided> => {
    // Once: each change of the record is a line in the pipeline's log.
    if ((await runOf(catalog.db, arn, cause.occurrence)) === undefined)
      await catalog.transaction((trx) =>
        declineStart({ trx, pipeline, cause }, 'put off', reason, new Date(again).toISOString()),
      );
    return { started: false, again };
  };
  const window = windowNow(parts.maintenance, pipeline.tags ?? {}, now);
  if (window !== undefined)
    return wait(
      `The maintenance window '${window.name}' lasts until ${new Date(window.ends).toISOString()}; nothing starts by ` +
        'itself in it.',
      window.ends,
    );
  const decline = (outcome: 'skipped' | 'refused', reason: string): Promise<void> =>
    catalog.transaction(async (trx) => {
      await declineStart({ trx, pipeline, cause }, outcome, reason, null);
      await setRulePosition(trx, arn, row.seq);
    });
  try {
    const reason =
      pipeline.status === 'DISABLED' ? 'The pipeline is DISABLED.' : await circle(catalog.db, pipeline, row);
    if (reason !== undefined) {
      await decline('skipped', reason);
      return { started: false };
    }
    await catalog.transaction(async (trx) => {
      await startPipeline({ catalog, trx, pipeline, cause }, parts.builder(trx, pipeline));
      await setRulePosition(trx, arn, row.seq);
    });
    return { started: true };
  } catch (error) {
    if (error instanceof ApiError && error.code === 'ServiceQuotaExceededException')
      return wait(error.message, now + AGAIN_MS);
    if (!(error instanceof ApiError)) logger().error({ pipeline: arn, error }, 'a pipeline could not be started');
    await decline('refused', (error as Error).message);
    return { started: false };
  }
}

/** Why an event must not start a pipeline: the pipeline started what led to it, and would start itself forever. */
async function circle(db: Queryable, { arn }: StoredPipeline, event: OutboxRow): Promise<string | undefined> {
  let row: OutboxRow | undefined = event;
  const way: string[] = [];
  for (let step = 0; row !== undefined && step < MOST_STEPS; step++) {
    const run = await runOfImage(db, row.resource);
    if (run === undefined) return undefined;
    way.push(row.resource);
    if (run.pipeline_arn === arn)
      return `It would start itself again and again: ${way.toReversed().join(' led to ')}, the cause of this event.`;
    row = run.cause === 'rule' ? await eventOfId(db, run.occurrence.replace(/^event /, '')) : undefined;
  }
  return row === undefined ? undefined : `The event is the last of more than ${MOST_STEPS} starts by rules.`;
}
