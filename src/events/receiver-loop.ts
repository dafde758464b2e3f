/** The delivery to one receiver: events in progress, events that wait for a retry, and its position in the outbox. */
import { randomBytes } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { eventsAfter, eventsAt, type OutboxRow } from '../catalog/outbox.ts';
import {
  advanceReceiver,
  deliveries,
  failedAmong,
  putDelivery,
  receiverOf,
  removeDelivery,
  subscriptionId,
  updateReceiver,
  type DeliveryRow,
} from '../catalog/receivers.ts';
import { withDeadline } from '../platform/clock.ts';
import { logger } from '../platform/log.ts';
import { backoffMs, CIRCUIT_FAILURES } from './backoff.ts';
import { envelopeOf } from './envelope.ts';
import type { EventsClock } from './events-clock.ts';
import { DeliveryError } from './receiver.ts';
import { receiverTypes } from './receivers.ts';
import { deliveryOf, type Route, type Router } from './routing.ts';
import type { SettingsResolver } from './secret-settings.ts';
import type { ConfiguredReceiver } from './settings.ts';

/** Events in memory per receiver. */
const WINDOW = 256;
/** Longest wait between reads of the records, in milliseconds. Another process may change them. */
const LOOK_MS = 1000;
/** Maximum number of replays at once. */
const MOST_REPLAYS = 16;
/** Number of attempts for an event that fails while others succeed. */
const MOST_ATTEMPTS = 8;
/** Characters of an error that are recorded. */
const LONGEST_ERROR = 500;
const HOUR_MS = 3_600_000;
/** Time after which a receiver that did not confirm is asked again. */
const CONFIRM_AGAIN_MS = 24 * HOUR_MS;

/** What a loop needs. */
export interface LoopOptions {
  readonly catalog: Catalog;
  readonly receiver: ConfiguredReceiver;
  readonly router: Router;
  readonly link: string | undefined;
  readonly resolve: SettingsResolver;
  readonly clock: EventsClock;
  readonly random: () => number;
  /** Aborted when no new delivery may start. */
  readonly stopping: AbortSignal;
  /** Aborted when deliveries in progress are given up. */
  readonly ended: AbortSignal;
}

/** An event to deliver. */
interface Job {
  readonly row: OutboxRow;
  readonly route: Route;
  readonly replay: boolean;
  attempts: number;
  /** When the next attempt is due. */
  due: number;
  firstFailure: string | undefined;
}

export class ReceiverLoop {
  readonly #o: LoopOptions;
  /** Undelivered events after the recorded position, in order. */
  readonly #jobs = new Map<number, Job>();
  readonly #replays = new Map<number, Job>();
  /** Resources that have an event in progress. */
  readonly #active = new Set<string>();
  /** Position of the last event that was read. */
  #loaded = -1;
  /** The recorded position. */
  #position = -1;
  #state = { gone: false, failures: 0, nextAttempt: 0, lastSuccess: '', confirmed: false, token: '' };
  /** When a subscription that is not confirmed is asked for again. */
  #asksAt = 0;
  #delivered = 0;
  #more = true;
  #looked = -Infinity;
  /** Whether the next attempt fetches secrets again. */
  #fresh = false;
  #signal = Promise.withResolvers<void>();

  constructor(options: LoopOptions) {
    this.#o = options;
  }

  /** Checks again now. */
  wake(): void {
    this.#more = true;
    this.#signal.resolve();
  }

  /** Runs until it is stopped; never rejects. */
  async run(): Promise<void> {
    const { clock, stopping, receiver } = this.#o;
    while (!stopping.aborted || this.#active.size > 0) {
      this.#signal = Promise.withResolvers<void>();
      let wait = LOOK_MS;
      try {
        if (!stopping.aborted) wait = await this.#turn();
        else await this.#save();
      } catch (error) {
        logger().error({ receiver: receiver.name, error }, 'delivering events failed');
      }
      const timer = new AbortController();
      const timed = clock.sleep(Math.max(wait, 1), timer.signal).catch(() => {});
      await Promise.race([this.#signal.promise, timed]);
      timer.abort();
    }
    await this.#save().catch((error: unknown) =>
      logger().error({ receiver: receiver.name, error }, 'the position of a receiver could not be recorded'),
    );
  }

  /** Starts what can be started. Returns the milliseconds after which there may be more. */
  async #turn(): Promise<number> {
    const now = this.#o.clock.now();
    if (now - this.#looked >= LOOK_MS || this.#position < 0) {
      this.#looked = now;
      await this.#save();
      await this.#readState();
      await this.#loadReplays();
    }
    if (!this.#state.gone && !this.#state.confirmed && (await this.#isUnconfirmed(now))) return LOOK_MS;
    await this.#fill();
    if (this.#state.gone) {
      if (this.#state.token === '') await this.#offerAgain();
      return LOOK_MS;
    }
    if (now < this.#state.nextAttempt) return Math.min(this.#state.nextAttempt - now, LOOK_MS);
    for (const job of this.#startable(now)) void this.#deliver(job);
    const dues = [...this.#jobs.values(), ...this.#replays.values()].map(({ due }) => due).filter((due) => due > now);
    return Math.min(LOOK_MS, ...dues.map((due) => due - now));
  }

  async #readState(): Promise<void> {
    const row = await receiverOf(this.#o.catalog.db, this.#o.receiver.name);
    if (row === undefined) return;
    if (this.#position < 0) this.#position = this.#loaded = row.position;
    this.#state = {
      gone: row.state === 'gone',
      failures: row.failures,
      nextAttempt: row.next_attempt === null ? 0 : Date.parse(row.next_attempt),
      lastSuccess: row.last_success ?? '',
      confirmed: row.confirmed !== null,
      token: row.confirm_token ?? '',
    };
  }

  /** Whether the receiver must confirm its subscription first. Sends the request when it is due. */
  async #isUnconfirmed(now: number): Promise<boolean> {
    const { catalog, receiver, resolve, ended } = this.#o;
    const { confirmation } = receiverTypes[receiver.type]!;
    if (confirmation?.(receiver.settings) === undefined) return false;
    if (now < this.#asksAt) return true;
    const row = await receiverOf(catalog.db, receiver.name);
    const token = row?.confirm_token ?? newConfirmToken();
    // Recorded first: the receiver may visit the URL before it answers.
    const time = new Date(now).toISOString();
    const said = (last_error: string, failures: number) =>
      updateReceiver(catalog.db, receiver.name, { state: 'failing', failures, last_failure: time, last_error });
    await updateReceiver(catalog.db, receiver.name, { confirm_token: token });
    const deadline = withDeadline(ended, receiver.timeoutSeconds * 1000);
    let mask = (text: string): string => text;
    try {
      const resolved = await resolve(receiver, this.#fresh);
      this.#fresh = false;
      mask = resolved.mask;
      await confirmation(resolved.settings)!('SubscriptionConfirmation', token, deadline.signal);
      this.#asksAt = now + CONFIRM_AGAIN_MS;
      if ((await receiverOf(catalog.db, receiver.name))?.confirmed === null)
        await said('waits until the SubscribeURL of its SubscriptionConfirmation is visited', 1);
    } catch (error) {
      if (ended.aborted) return true;
      const failures = (row?.failures ?? 0) + 1;
      this.#fresh = true;
      this.#asksAt = now + backoffMs(failures, this.#o.random());
      const problem = mask((error as Error).message).slice(0, LONGEST_ERROR);
      logger().warn(
        { receiver: receiver.name, failures, problem },
        'a SubscriptionConfirmation could not be delivered',
      );
      await said(`its SubscriptionConfirmation could not be delivered: ${problem}`, failures);
    } finally {
      deadline.end();
    }
    return true;
  }

  /** Tells a receiver whose subscription was ended how it is restored: once, as on AWS. */
  async #offerAgain(): Promise<void> {
    const { catalog, receiver, resolve, ended } = this.#o;
    const { confirmation } = receiverTypes[receiver.type]!;
    if (confirmation?.(receiver.settings) === undefined) return;
    this.#state.token = newConfirmToken();
    await updateReceiver(catalog.db, receiver.name, { confirm_token: this.#state.token });
    const deadline = withDeadline(ended, receiver.timeoutSeconds * 1000);
    try {
      const { settings } = await resolve(receiver, true);
      await confirmation(settings)!('UnsubscribeConfirmation', this.#state.token, deadline.signal);
    } catch {
      logger().warn({ receiver: receiver.name }, 'an UnsubscribeConfirmation could not be delivered');
    } finally {
      deadline.end();
    }
  }

  async #loadReplays(): Promise<void> {
    const { catalog, receiver } = this.#o;
    const asked = await deliveries(catalog.db, { receiver: receiver.name, state: 'replay' }, MOST_REPLAYS);
    const fresh = asked.filter(({ seq }) => !this.#replays.has(seq));
    const rows = new Map(
      (
        await eventsAt(
          catalog.db,
          fresh.map(({ seq }) => seq),
        )
      ).map((row) => [row.seq, row]),
    );
    for (const delivery of fresh) {
      const row = rows.get(delivery.seq);
      if (row !== undefined)
        this.#replays.set(row.seq, this.#jobOf(row, this.#routeOf(row) ?? RULELESS, delivery, true));
    }
  }

  /** Reads more events from the outbox. */
  async #fill(): Promise<void> {
    const { catalog, receiver, clock } = this.#o;
    while (this.#more && this.#jobs.size < WINDOW / 2) {
      const rows = await eventsAfter(catalog.db, this.#loaded, WINDOW);
      this.#more = rows.length === WINDOW;
      if (rows.length === 0) return;
      const failed = new Map(
        (
          await failedAmong(
            catalog.db,
            receiver.name,
            rows.map(({ seq }) => seq),
          )
        ).map((each) => [each.seq, each]),
      );
      for (const row of rows) {
        this.#loaded = row.seq;
        const delivery = failed.get(row.seq);
        const route = this.#routeOf(row);
        if (route === undefined || (delivery !== undefined && delivery.state !== 'retry')) continue;
        this.#jobs.set(row.seq, this.#jobOf(row, route, delivery, false));
      }
      for (const job of this.#jobs.values())
        if (clock.now() - Date.parse(job.row.time) > receiver.catchUpHours * HOUR_MS)
          await this.#giveUp(job, `older than ${receiver.catchUpHours} hours (catchUpHours)`);
    }
  }

  #routeOf(row: OutboxRow): Route | undefined {
    return this.#o.router(row, envelopeOf(row)).get(this.#o.receiver.name);
  }

  #jobOf(row: OutboxRow, route: Route, delivery: DeliveryRow | undefined, replay: boolean): Job {
    return {
      row,
      route,
      replay,
      attempts: delivery?.attempts ?? 0,
      due: delivery?.next_attempt ? Date.parse(delivery.next_attempt) : 0,
      firstFailure: delivery?.first_failure,
    };
  }

  /** The first event of each resource that has none in progress, as many as may start. */
  #startable(now: number): readonly Job[] {
    const probing = this.#state.failures >= CIRCUIT_FAILURES;
    const room = (probing ? 1 : this.#o.receiver.concurrency) - this.#active.size;
    if (room <= 0) return [];
    const taken = new Set(this.#active);
    const found: Job[] = [];
    for (const job of [...this.#replays.values(), ...this.#jobs.values()]) {
      if (taken.has(job.row.resource)) continue;
      taken.add(job.row.resource);
      if (job.due <= now) found.push(job);
      if (found.length >= room && !probing) break;
    }
    // A receiver that may be down is probed with the event that failed least, because another one may be invalid for
    // it.
    return probing ? found.sort((a, b) => a.attempts - b.attempts).slice(0, room) : found;
  }

  async #deliver(job: Job): Promise<void> {
    const { receiver, resolve, ended, link } = this.#o;
    this.#active.add(job.row.resource);
    let mask = (text: string): string => text;
    const deadline = withDeadline(
      ended,
      receiver.timeoutSeconds * 1000,
      () => new Error(`no answer within ${receiver.timeoutSeconds} s (timeoutSeconds)`),
    );
    try {
      const resolved = await resolve(receiver, this.#fresh);
      this.#fresh = false;
      mask = resolved.mask;
      const { confirmed, token } = this.#state;
      const delivery = {
        ...deliveryOf(job.row, job.route, link),
        attempt: job.attempts + 1,
        subscription: confirmed && token !== '' ? subscriptionId(token) : undefined,
      };
      await receiverTypes[receiver.type]!.deliver(resolved.settings, delivery, deadline.signal);
      await this.#succeeded(job);
    } catch (error) {
      // It was stopped in the middle of the attempt, which does not count.
      if (ended.aborted) return;
      const message = mask((error as Error).message).slice(0, LONGEST_ERROR);
      await this.#failed(job, error, message).catch((cause: unknown) =>
        logger().error({ receiver: receiver.name, event: job.row.id, error: cause }, 'a failure could not be recorded'),
      );
    } finally {
      deadline.end();
      this.#active.delete(job.row.resource);
      this.#signal.resolve();
    }
  }

  async #succeeded(job: Job): Promise<void> {
    const { catalog, receiver, clock } = this.#o;
    this.#remove(job);
    this.#delivered++;
    this.#state.lastSuccess = new Date(clock.now()).toISOString();
    if (job.firstFailure !== undefined || job.replay) await removeDelivery(catalog.db, receiver.name, job.row.seq);
    if (this.#state.failures === 0) return;
    logger().info({ receiver: receiver.name }, 'a receiver takes events again');
    this.#state = { ...this.#state, failures: 0, nextAttempt: 0 };
    await updateReceiver(catalog.db, receiver.name, { state: 'ok', failures: 0, next_attempt: null });
  }

  async #failed(job: Job, error: unknown, message: string): Promise<void> {
    const { catalog, receiver, clock, random } = this.#o;
    const now = clock.now();
    const time = new Date(now).toISOString();
    const { kind, retryAfterSeconds } =
      error instanceof DeliveryError ? error : { kind: 'passing', retryAfterSeconds: undefined };
    job.attempts++;
    job.firstFailure ??= time;
    this.#fresh = true;
    if (kind === 'permanent') {
      logger().warn({ receiver: receiver.name, event: job.row.id, problem: message }, 'an event was refused');
      return this.#giveUp(job, message);
    }
    const failures = this.#state.failures + 1;
    const gone = kind === 'gone';
    const open = failures >= CIRCUIT_FAILURES;
    job.due = now + backoffMs(job.attempts, random(), retryAfterSeconds);
    const nextAttempt = open ? now + backoffMs(failures, random(), retryAfterSeconds) : 0;
    // While its circuit is open, the receiver's next attempt decides.
    if (open) job.due = Math.min(job.due, nextAttempt);
    this.#state = { ...this.#state, gone, failures, nextAttempt };
    const words = { receiver: receiver.name, event: job.row.id, failures, problem: message };
    if (gone) logger().error(words, 'a receiver wants no more events (410); it gets none until it is tested');
    else logger().warn(words, 'an event could not be delivered; it is tried again');
    await updateReceiver(catalog.db, receiver.name, {
      state: gone ? 'gone' : 'failing',
      failures,
      next_attempt: open ? new Date(nextAttempt).toISOString() : null,
      last_failure: time,
      last_error: message,
    });
    const othersSucceed = this.#state.lastSuccess > job.firstFailure;
    if (!gone && job.attempts >= MOST_ATTEMPTS && (othersSucceed || job.replay)) return this.#giveUp(job, message);
    await putDelivery(catalog.db, {
      ...this.#recordOf(job, message),
      state: job.replay ? 'replay' : 'retry',
      next_attempt: new Date(job.due).toISOString(),
    });
  }

  /** Records the event as a dead letter. */
  async #giveUp(job: Job, message: string): Promise<void> {
    this.#remove(job);
    await putDelivery(this.#o.catalog.db, { ...this.#recordOf(job, message), state: 'dead', next_attempt: null });
  }

  #recordOf(job: Job, error: string): Omit<DeliveryRow, 'state' | 'next_attempt'> {
    const time = new Date(this.#o.clock.now()).toISOString();
    return {
      receiver: this.#o.receiver.name,
      seq: job.row.seq,
      event_id: job.row.id,
      attempts: job.attempts,
      first_failure: job.firstFailure ?? time,
      last_failure: time,
      error,
    };
  }

  #remove(job: Job): void {
    (job.replay ? this.#replays : this.#jobs).delete(job.row.seq);
  }

  /** Records the position. */
  async #save(): Promise<void> {
    const { catalog, receiver } = this.#o;
    if (this.#position < 0) return;
    const [first] = this.#jobs.keys();
    const position = first === undefined ? this.#loaded : first - 1;
    const delivered = this.#delivered;
    if (position === this.#position && delivered === 0) return;
    await catalog.transaction(async (trx) => {
      await advanceReceiver(trx, receiver.name, { position, delivered });
      if (delivered > 0) await updateReceiver(trx, receiver.name, { last_success: this.#state.lastSuccess });
    });
    this.#position = position;
    this.#delivered -= delivered;
  }
}

function newConfirmToken(): string {
  return randomBytes(64).toString('hex');
}

/** A replay was requested by a person, so the current rules do not matter. */
const RULELESS: Route = { template: undefined, topicArn: undefined };
