/** Sends one event of each kind to a receiver, immediately and without retries. */
import type { Catalog } from '../catalog/catalog.ts';
import { updateReceiver } from '../catalog/receivers.ts';
import { timestamp, withDeadline } from '../platform/clock.ts';
import { newUuid } from '../platform/ids.ts';
import { receiverTypes } from './receivers.ts';
import { deliveryOf } from './routing.ts';
import { samples } from './samples.ts';
import type { SettingsResolver } from './secret-settings.ts';
import type { ConfiguredReceiver, EventsConfig } from './settings.ts';

/** The result of one sample. */
export interface TestAnswer {
  readonly what: string;
  readonly id: string;
  readonly ok: boolean;
  /** The receiver's answer, or the error. */
  readonly answer: string;
  readonly milliseconds: number;
}

/** Tests a receiver. If it accepts everything, its failed events are retried as well. */
export async function testReceiver(
  {
    catalog,
    resolve,
    link,
  }: { readonly catalog: Catalog; readonly resolve: SettingsResolver } & Pick<EventsConfig, 'link'>,
  receiver: ConfiguredReceiver,
  place: { readonly account: string; readonly region: string },
  signal: AbortSignal,
): Promise<readonly TestAnswer[]> {
  const answers: TestAnswer[] = [];
  for (const { what, row } of samples(place, timestamp(), newUuid)) {
    const deadline = withDeadline(
      signal,
      receiver.timeoutSeconds * 1000,
      () => new Error(`no answer within ${receiver.timeoutSeconds} s (timeoutSeconds)`),
    );
    const began = performance.now();
    let mask = (text: string): string => text;
    const told = (ok: boolean, answer: string): void => {
      answers.push({ what, id: row.id, ok, answer: mask(answer), milliseconds: Math.round(performance.now() - began) });
    };
    try {
      const resolved = await resolve(receiver, true);
      mask = resolved.mask;
      const delivery = { ...deliveryOf(row, { template: undefined, topicArn: undefined }, link), attempt: 1 };
      told(true, await receiverTypes[receiver.type]!.deliver(resolved.settings, delivery, deadline.signal));
    } catch (error) {
      signal.throwIfAborted();
      told(false, (error as Error).message);
    } finally {
      deadline.end();
    }
  }
  if (answers.every(({ ok }) => ok))
    await updateReceiver(catalog.db, receiver.name, { state: 'ok', failures: 0, next_attempt: null });
  return answers;
}
