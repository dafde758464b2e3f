/** A web hook: the event's JSON, signed as Standard Webhooks defines (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import { post } from '../post.ts';
import type { Delivery, ReceiverType, Settings } from '../receiver.ts';

/** Smallest and largest key in bytes, from Standard Webhooks. */
const KEY_BYTES = [24, 64] as const;

export const webHook: ReceiverType = {
  settings: {
    url: { type: 'url', help: 'URL that events are posted to.' },
    secret: { type: 'text', help: 'Key of the signature: `whsec_` and base64, as Standard Webhooks has it.' },
  },
  check(read) {
    read.url('url', { required: true });
    checkSecret(read.text('secret'), (problem) => read.fault('secret', problem));
  },
  deliver(settings, delivery, signal) {
    const headers = { 'content-type': delivery.contentType, ...signedHeaders(settings, delivery) };
    return post(String(settings['url']), headers, delivery.body, signal);
  },
};

/** Reports a fault if a key is invalid. */
export function checkSecret(secret: string | undefined, fault: (problem: string) => void): void {
  if (secret === undefined) return;
  const [least, most] = KEY_BYTES;
  const key = keyOf(secret);
  if (key === undefined || key.length < least || key.length > most)
    fault(`must be whsec_ and the base64 of ${least} to ${most} bytes: echo whsec_$(openssl rand -base64 32)`);
}

/** The headers of Standard Webhooks; without a signature if there is no key. */
export function signedHeaders(
  { secret }: Settings,
  { event, body }: { readonly event: Pick<Delivery['event'], 'id'>; readonly body: string },
  now: number = Date.now(),
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000));
  const key = typeof secret === 'string' ? keyOf(secret) : undefined;
  const unsigned = { 'webhook-id': event.id, 'webhook-timestamp': timestamp };
  if (key === undefined) return unsigned;
  const signature = createHmac('sha256', key).update(`${event.id}.${timestamp}.${body}`).digest('base64');
  return { ...unsigned, 'webhook-signature': `v1,${signature}` };
}

function keyOf(secret: string): Buffer | undefined {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
