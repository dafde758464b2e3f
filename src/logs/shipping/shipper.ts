/**
 * Ships logs to the configured destinations. Each destination has its own loop, so that one that is down blocks no
 * other, and builds never wait. The catalogue records the position of each destination, so that undelivered lines are
 * delivered later, also after a restart. A batch whose outcome is unknown is sent again.
 */
import type { Catalog } from '../../catalog/catalog.ts';
import { imageLogPath } from '../../catalog/image-log.ts';
import {
  addLogDestination,
  logDestination,
  pipelineLogAfter,
  removeOtherDestinations,
  setShipped,
  unshippedLogs,
  updateLogDestination,
  type LogDestination,
  type Unshipped,
} from '../../catalog/log-shipments.ts';
import type { PipelineLogRecord } from '../../catalog/log-groups.ts';
import { sleep, timestamp } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { logger } from '../../platform/log.ts';
import type { ProgressRecord } from '../../resources/progress.ts';
import { messageOf, pipelineMessage } from '../event.ts';
import { LogFile, type Line } from '../log-file.ts';
import type { Destination, ShippedEvent } from './destination.ts';
import { S3_LOGS, shipS3Logs } from './s3-logs.ts';

/** Interval between checks for new lines, in milliseconds. */
const LOOK_MS = 1000;
/** Longest wait between attempts, in milliseconds. */
const LONGEST_WAIT_MS = 60_000;
/** Time limit of a batch, in milliseconds. */
const SEND_MS = 60_000;
/** Time limit of the uploads of one check, in milliseconds. */
const UPLOAD_MS = 600_000;
/** Maximum number of events of a batch. */
const MOST_EVENTS = 1000;

/** The running log shipping. */
export interface Shipper {
  /** Stops it and waits until it has stopped. */
  stop(): Promise<void>;
}

/**
 * Starts shipping. A new destination gets the logs of images that start from now on.
 * @param lookMs interval between checks, for tests
 */
export async function startShipper(
  catalog: Catalog,
  destinations: ReadonlyMap<string, Destination>,
  config: Pick<Config, 'instanceProfiles'>,
  lookMs = LOOK_MS,
): Promise<Shipper> {
  const stopping = new AbortController();
  const running: Promise<void>[] = [];
  await catalog.transaction((trx) => removeOtherDestinations(trx, [...destinations.keys(), S3_LOGS]));
  for (const [name, destination] of destinations) {
    await addLogDestination(catalog.db, name, timestamp());
    running.push(
      keepShipping(catalog, name, stopping.signal, lookMs, (state) =>
        shipAll(catalog, state, destination, stopping.signal),
      ),
    );
  }
  await addLogDestination(catalog.db, S3_LOGS, timestamp());
  running.push(
    keepShipping(catalog, S3_LOGS, stopping.signal, lookMs, (state) =>
      shipS3Logs(catalog, state, config, AbortSignal.any([stopping.signal, AbortSignal.timeout(UPLOAD_MS)])),
    ),
  );
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function shipAll(
  catalog: Catalog,
  state: LogDestination,
  destination: Destination,
  signal: AbortSignal,
): Promise<void> {
  await shipPipelines(catalog, state, destination, signal);
  for (const log of await unshippedLogs(catalog.db, state)) {
    if (signal.aborted) return;
    await shipImage(catalog, state.name, log, destination, signal);
  }
}

async function keepShipping(
  catalog: Catalog,
  name: string,
  signal: AbortSignal,
  lookMs: number,
  ship: (state: LogDestination) => Promise<void>,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const state = (await logDestination(catalog.db, name))!;
      await ship(state);
      if (state.failing_since !== null) {
        await updateLogDestination(catalog.db, name, { failing_since: null, error: null });
        logger().info(
          { destination: name, since: state.failing_since },
          'logs are shipped again, with what was missed',
        );
      }
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      await recordFailure(catalog, name, error as Error).catch((cause: unknown) =>
        logger().error({ destination: name, error: cause }, 'a failure to ship logs could not be recorded'),
      );
    }
    const wait = failures === 0 ? lookMs : Math.min(LONGEST_WAIT_MS, lookMs * 2 ** Math.min(failures, 16));
    await sleep(wait, signal).catch(() => {});
  }
}

async function recordFailure({ db }: Catalog, name: string, error: Error): Promise<void> {
  const state = await logDestination(db, name);
  if (state?.failing_since === null)
    logger().warn({ destination: name, error }, 'logs cannot be shipped; what is missed is sent later');
  const failing_since = state?.failing_since ?? timestamp();
  await updateLogDestination(db, name, { failing_since, error: error.message.slice(0, 1000) });
}

async function send(
  destination: Destination,
  shipment: Parameters<Destination['send']>[0],
  signal: AbortSignal,
): Promise<void> {
  if (shipment.events.length > 0)
    await destination.send(shipment, AbortSignal.any([signal, AbortSignal.timeout(SEND_MS)]));
}

async function shipImage(
  { db, dataDirectory }: Catalog,
  name: string,
  log: Unshipped,
  destination: Destination,
  signal: AbortSignal,
): Promise<void> {
  const { image_arn: arn, account, region, group_name: group, name: stream, writing } = log;
  const file = await LogFile.open(imageLogPath(dataDirectory, arn));
  let { position } = log;
  try {
    for await (const lines of file?.forward(position) ?? []) {
      for (let begin = 0; begin < lines.length; begin += MOST_EVENTS) {
        const part = lines.slice(begin, begin + MOST_EVENTS);
        await send(destination, { account, region, group, stream, events: part.flatMap(eventOf) }, signal);
        position = part.at(-1)!.end;
        await setShipped(db, name, arn, position, false);
      }
    }
  } finally {
    await file?.close();
  }
  // It had ended before its file was opened, so nothing more comes.
  if (!writing) await setShipped(db, name, arn, position, true);
}

function eventOf({ text }: Line): readonly ShippedEvent[] {
  try {
    const record = JSON.parse(text) as ProgressRecord;
    const message = messageOf(record);
    return message === undefined ? [] : [{ time: Date.parse(record.time), message, record }];
  } catch {
    return []; // A full disk truncated it.
  }
}

async function shipPipelines(
  { db }: Catalog,
  { name, pipelines_after: after }: LogDestination,
  destination: Destination,
  signal: AbortSignal,
): Promise<void> {
  for (const { seq, account, region, group_name: group, stream, time, record } of await pipelineLogAfter(
    db,
    after,
    MOST_EVENTS,
  )) {
    const parsed = JSON.parse(record) as PipelineLogRecord;
    const events = [{ time: Date.parse(time), message: pipelineMessage(parsed), record: parsed }];
    await send(destination, { account, region, group, stream, events }, signal);
    await updateLogDestination(db, name, { pipelines_after: seq });
  }
}
