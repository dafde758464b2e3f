/** Events to send, written in the transaction of the change that they report. */
import { timestamp } from '../platform/clock.ts';
import { newUuid } from '../platform/ids.ts';
import type { Queryable } from './catalog.ts';

/** An event. */
export interface OutboxEvent {
  /** Detail type, such as `EC2 Image Builder Image State Change`. */
  readonly type: string;
  /** ARN. */
  readonly resource: string;
  readonly previousStatus?: string | undefined;
  readonly status: string;
  /** The detail. */
  readonly payload: object;
}

/** Writes an event. */
export async function writeEvent(
  trx: Queryable,
  { type, resource, previousStatus, status, payload }: OutboxEvent,
): Promise<void> {
  await trx
    .insertInto('outbox')
    .values({
      id: newUuid(),
      time: timestamp(),
      type,
      resource,
      previous_status: previousStatus ?? null,
      status,
      payload: JSON.stringify(payload),
    })
    .execute();
}
