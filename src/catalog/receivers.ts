/** Queries on receivers of events: the position of each, and its failed deliveries. */
import type { Insertable, Selectable, Updateable } from 'kysely';
import { createHash } from 'node:crypto';
import type { Queryable } from './catalog.ts';
import type { DeliveryTable, ReceiverTable } from './event-tables.ts';

/** The state of a receiver. */
export type ReceiverRow = Readonly<Selectable<ReceiverTable>>;
/** A delivery that failed. */
export type DeliveryRow = Readonly<Selectable<DeliveryTable>>;

/** All receivers that were ever configured, by name. */
export async function allReceivers(db: Queryable): Promise<readonly ReceiverRow[]> {
  return db.selectFrom('receivers').selectAll().orderBy('name').execute();
}

/** A receiver, or `undefined`. */
export async function receiverOf(db: Queryable, name: string): Promise<ReceiverRow | undefined> {
  return db.selectFrom('receivers').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Records a new receiver, which gets the events after a position. */
export async function addReceiver(
  trx: Queryable,
  receiver: Pick<ReceiverRow, 'name' | 'position' | 'settings_hash'>,
): Promise<void> {
  const { name, position, settings_hash } = receiver;
  await trx
    .insertInto('receivers')
    .values({ name, position, settings_hash, state: 'ok', failures: 0, delivered: 0 })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
}

/** Changes the record of a receiver. */
export async function updateReceiver(
  trx: Queryable,
  name: string,
  change: Omit<Updateable<ReceiverTable>, 'name'>,
): Promise<void> {
  await trx.updateTable('receivers').set(change).where('name', '=', name).execute();
}

/** Confirms the subscription that has a token. Returns the receiver, or `undefined` if the token is unknown. */
export async function confirmReceiver(trx: Queryable, token: string, now: string): Promise<ReceiverRow | undefined> {
  const receiver = await trx.selectFrom('receivers').selectAll().where('confirm_token', '=', token).executeTakeFirst();
  if (receiver !== undefined && receiver.confirmed === null)
    await updateReceiver(trx, receiver.name, { confirmed: now, state: 'ok', failures: 0, next_attempt: null });
  return receiver;
}

/**
 * The id of the subscription that a token confirms, as the end of its ARN. It ends the subscription, so it cannot be
 * guessed, and it does not disclose the token.
 */
export function subscriptionId(token: string): string {
  const hex = createHash('sha256').update(`subscription ${token}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** Ends a confirmed subscription. Returns its receiver, or `undefined` if there is no such subscription. */
export async function endSubscription(trx: Queryable, id: string, now: string): Promise<ReceiverRow | undefined> {
  const receiver = (await allReceivers(trx)).find(
    ({ confirm_token: token, confirmed }) => token !== null && confirmed !== null && subscriptionId(token) === id,
  );
  if (receiver !== undefined)
    await updateReceiver(trx, receiver.name, {
      state: 'gone',
      confirm_token: null,
      confirmed: null,
      last_failure: now,
      last_error: 'its UnsubscribeURL was visited; it gets events again when its SubscribeURL is visited',
    });
  return receiver;
}

/** Advances the position of a receiver, after a number of deliveries. */
export async function advanceReceiver(
  trx: Queryable,
  name: string,
  { position, delivered }: { readonly position: number; readonly delivered: number },
): Promise<void> {
  await trx
    .updateTable('receivers')
    .set((e) => ({ position, delivered: e('delivered', '+', delivered) }))
    .where('name', '=', name)
    .execute();
}

/** Records a failed delivery, or its later state. */
export async function putDelivery(trx: Queryable, delivery: Insertable<DeliveryTable>): Promise<void> {
  const { receiver: _, seq: __, ...change } = delivery;
  await trx
    .insertInto('deliveries')
    .values(delivery)
    .onConflict((conflict) => conflict.columns(['receiver', 'seq']).doUpdateSet(change))
    .execute();
}

/** Deletes the record of a delivery that has succeeded. */
export async function removeDelivery(trx: Queryable, receiver: string, seq: number): Promise<void> {
  await trx.deleteFrom('deliveries').where('receiver', '=', receiver).where('seq', '=', seq).execute();
}

/** Failed deliveries, oldest event first: of one receiver, in one state, or of one event. */
export async function deliveries(
  db: Queryable,
  of: { readonly receiver?: string; readonly state?: DeliveryRow['state']; readonly eventId?: string },
  limit: number,
): Promise<readonly DeliveryRow[]> {
  let query = db.selectFrom('deliveries').selectAll();
  if (of.receiver !== undefined) query = query.where('receiver', '=', of.receiver);
  if (of.state !== undefined) query = query.where('state', '=', of.state);
  if (of.eventId !== undefined) query = query.where('event_id', '=', of.eventId);
  return query.orderBy('seq').limit(limit).execute();
}

/** Failed deliveries of a receiver among these events. */
export async function failedAmong(
  db: Queryable,
  receiver: string,
  places: readonly number[],
): Promise<readonly DeliveryRow[]> {
  return places.length === 0
    ? []
    : db.selectFrom('deliveries').selectAll().where('receiver', '=', receiver).where('seq', 'in', places).execute();
}

/** The number of deliveries in each state, by receiver. */
export async function deliveryCounts(
  db: Queryable,
): Promise<readonly { readonly receiver: string; readonly state: DeliveryRow['state']; readonly count: number }[]> {
  const rows = await db
    .selectFrom('deliveries')
    .select((e) => ['receiver', 'state', e.fn.countAll<number>().as('count')])
    .groupBy(['receiver', 'state'])
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}
