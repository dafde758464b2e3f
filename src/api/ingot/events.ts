/** Events: what happened, failed deliveries, and replays. */
import { eventOfId, placeBefore } from '../../catalog/outbox.ts';
import { deliveries, putDelivery, allReceivers, deliveryCounts } from '../../catalog/receivers.ts';
import { parsePattern, PatternError, type EventPattern } from '../../events/pattern.ts';
import { envelopeOf } from '../../events/envelope.ts';
import { readEventsAfter } from '../../events/reading.ts';
import { settingsResolver } from '../../events/secret-settings.ts';
import { readEvents } from '../../events/settings.ts';
import { timestamp } from '../../platform/clock.ts';
import { invalidParameterValue, resourceNotFound } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { readBody, readQuery, type Reader } from './read.ts';
import { serverArn } from './resources.ts';
import type { IngotRoute } from './route.ts';
import { ndjson } from './stream.ts';

const TIME = {
  pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/,
  expected: 'a time such as 2026-01-31T12:00:00Z',
} as const;
const MOST_FAILED = 1000;

export const eventRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListEvents',
    method: 'GET',
    path: '/ingot/events',
    resource: (_params, { account }) => `arn:aws:ingot::${account}:events`,
    async handle({ query, signal }, context) {
      const { account, services } = context;
      const { since, follow, after, pattern } = readQuery(query, (reader) => ({
        since: reader.string('since', TIME),
        follow: reader.oneOf('follow', ['true', 'false']) === 'true',
        after: reader.integer('after', 0, Number.MAX_SAFE_INTEGER),
        pattern: patternOf(reader),
      }));
      // The account that owns the server sees all events.
      const wanted = (event: { readonly account: string }): boolean =>
        (account === services.defaultAccount || event.account === account) && (pattern?.matches(event) ?? true);
      const place = after ?? (since === undefined ? 0 : await placeBefore(services.catalog.db, since));
      return ndjson(readEventsAfter(services.catalog, { after: place, follow, wanted, signal }), signal);
    },
  },
  {
    action: 'ingot:ListFailedDeliveries',
    method: 'GET',
    path: '/ingot/deliveries',
    resource: (_params, context) => serverArn(context),
    async handle({ query }, { services }) {
      const receiver = readQuery(query, (reader) => reader.string('receiver', { pattern: /./ }));
      const { db } = services.catalog;
      const rows = await deliveries(db, receiver === undefined ? {} : { receiver }, MOST_FAILED);
      return {
        json: {
          deliveries: await Promise.all(
            rows.map(async ({ receiver: name, event_id: id, state, attempts, last_failure, next_attempt, error }) => {
              const row = await eventOfId(db, id);
              return {
                receiver: name,
                state,
                attempts,
                lastFailure: last_failure,
                nextAttempt: next_attempt,
                error,
                event: row === undefined ? { id } : envelopeOf(row),
              };
            }),
          ),
        },
      };
    },
  },
  {
    action: 'ingot:ReplayEvent',
    method: 'POST',
    path: '/ingot/events/:id/replay',
    body: true,
    resource: (_params, context) => serverArn(context),
    async handle({ params, body }, context) {
      const id = params['id']!;
      const receiver = readBody(body, (reader) => reader.string('receiver'));
      const receivers = await replay(id, receiver, context);
      context.services.wakeWorker();
      return { json: { eventId: id, receivers } };
    },
  },
  {
    action: 'ingot:ListReceivers',
    method: 'GET',
    path: '/ingot/receivers',
    resource: (_params, context) => serverArn(context),
    async handle(_request, { services }) {
      return { json: { receivers: await receiversOf(services) } };
    },
  },
  {
    action: 'ingot:TestReceiver',
    method: 'POST',
    path: '/ingot/receivers/:name/test',
    resource: (_params, context) => serverArn(context),
    async handle({ params, signal }, { account, region, services }) {
      const config = readEvents(services.config);
      const receiver = config.receivers.get(params['name']!);
      if (receiver === undefined) throw resourceNotFound(params['name']!);
      const { testReceiver } = await import('../../events/testing.ts');
      const { catalog, dataDirectory, defaultAccount } = services;
      const resolve = settingsResolver(dataDirectory, defaultAccount);
      const answers = await testReceiver(
        { catalog, resolve, link: config.link },
        receiver,
        { account, region },
        signal,
      );
      return { json: { receiver: receiver.name, type: receiver.type, answers } };
    },
  },
];

function patternOf(reader: Reader): EventPattern | undefined {
  const text = reader.string('pattern', { max: 8192 });
  if (text === undefined) return undefined;
  try {
    return parsePattern(text);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    reader.fault('pattern', `It is not an event pattern: ${error.faults.join('; ')}.`);
    return undefined;
  }
}

/** Requests that an event is delivered again. Returns the receivers. */
async function replay(
  id: string,
  receiver: string | undefined,
  { services }: Pick<RequestContext, 'services'>,
): Promise<readonly string[]> {
  const { receivers: configured } = readEvents(services.config);
  if (receiver !== undefined && !configured.has(receiver))
    throw invalidParameterValue('receiver', `config.yaml has no receiver '${receiver}'.`);
  return services.catalog.transaction(async (trx) => {
    const row = await eventOfId(trx, id);
    if (row === undefined) throw resourceNotFound(id);
    const failed = await deliveries(trx, { eventId: id, state: 'dead' }, MOST_FAILED);
    const names = receiver === undefined ? failed.map((each) => each.receiver) : [receiver];
    const known = names.filter((name) => configured.has(name));
    if (known.length === 0)
      throw invalidParameterValue('receiver', `No delivery of the event ${id} failed: name a receiver to send it to.`);
    const time = timestamp();
    for (const name of known)
      await putDelivery(trx, {
        receiver: name,
        seq: row.seq,
        event_id: id,
        state: 'replay',
        attempts: 0,
        next_attempt: null,
        first_failure: time,
        last_failure: time,
        error: 'asked for by ReplayEvent',
      });
    return known;
  });
}

/** A receiver of the configuration in a response. */
export interface ShownReceiver {
  readonly name: string;
  readonly type: string;
  readonly state: string;
  readonly delivered: number;
  readonly retrying: number;
  readonly dead: number;
  readonly lastSuccess: string | null;
  readonly lastError: string | null;
  readonly nextAttempt: string | null;
}

/** The configured receivers, and the position of each. */
export async function receiversOf({
  catalog,
  config,
}: Pick<RequestContext['services'], 'catalog' | 'config'>): Promise<readonly ShownReceiver[]> {
  const rows = new Map((await allReceivers(catalog.db)).map((row) => [row.name, row]));
  const counts = await deliveryCounts(catalog.db);
  return [...readEvents(config).receivers.values()].map(({ name, type }) => {
    const row = rows.get(name);
    const count = (state: string): number =>
      counts.find((each) => each.receiver === name && each.state === state)?.count ?? 0;
    return {
      name,
      type,
      state: row?.state ?? 'ok',
      delivered: row?.delivered ?? 0,
      retrying: count('retry') + count('replay'),
      dead: count('dead'),
      lastSuccess: row?.last_success ?? null,
      lastError: row === undefined || row.state === 'ok' ? null : row.last_error,
      nextAttempt: row?.next_attempt ?? null,
    };
  });
}
