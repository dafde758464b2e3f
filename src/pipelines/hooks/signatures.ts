/**
 * Whether a web hook comes from who has the secret. Pure: `node:crypto` alone, which is plainly less than a package for
 * each. Every comparison takes the same time whatever is compared.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request, as far as it matters. Names of headers are in small letters. */
interface HookRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** A delivery that was signed by who has the secret. */
export interface Delivery {
  /** The same when the same delivery comes again. */
  readonly id: string;
  /** `push`; `ping` starts nothing. */
  readonly event: string;
}

/** One kind of sender. */
interface HookKind {
  /** The delivery, or why it is none. */
  verify(request: HookRequest, secret: string, now: number): Delivery | string;
}

/** How old, or how far in the future, a signed time may be, in milliseconds. */
const TOLERANCE_MS = 300_000;

/** Bytes of a key of Standard Webhooks. Source: its specification, 24 to 64. */
const LEAST_KEY_BYTES = 24;

/** The register of kinds. */
export const hookKinds = {
  /** GitHub, Gitea and Forgejo: `X-Hub-Signature-256`. Delivery ids are not signed, so the body is its own id. */
  github: {
    verify({ headers, body }, secret) {
      const given = /^sha256=([0-9a-f]{64})$/.exec(one(headers['x-hub-signature-256']))?.[1];
      if (given === undefined) return 'The header X-Hub-Signature-256 is missing or malformed.';
      const expected = createHmac('sha256', secret).update(body).digest();
      if (!same(Buffer.from(given, 'hex'), expected)) return 'The signature does not match the secret.';
      const event = one(headers['x-github-event']) || 'push';
      // The event is not signed either: who replays a body could name another one.
      return { id: digestOf('', body), event };
    },
  },
  /** GitLab: the secret itself, in `X-Gitlab-Token`. */
  gitlab: {
    verify({ headers, body }, secret) {
      const token = one(headers['x-gitlab-token']);
      if (token === '') return 'The header X-Gitlab-Token is missing.';
      if (!same(sha256(token), sha256(secret))) return 'The token does not match the secret.';
      const event = one(headers['x-gitlab-event']) || 'Push Hook';
      return { id: one(headers['x-gitlab-event-uuid']).slice(0, 64) || digestOf(event, body), event };
    },
  },
  /** Standard Webhooks: https://www.standardwebhooks.com */
  standard: {
    verify({ headers, body }, secret, now) {
      const [id, time] = [one(headers['webhook-id']), one(headers['webhook-timestamp'])];
      if (!/^[\x21-\x7e]{1,256}$/.test(id) || !/^\d{1,12}$/.test(time))
        return 'The headers webhook-id and webhook-timestamp are missing or malformed.';
      if (Math.abs(now - Number(time) * 1000) > TOLERANCE_MS)
        return 'The webhook-timestamp is more than 5 minutes away from the time of this server.';
      const [, base64 = ''] = /^(?:whsec_)?([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
      const key = Buffer.from(base64, 'base64');
      // A text that is not base64 would leave almost no key, and anybody could sign.
      if (key.length < LEAST_KEY_BYTES)
        return `The secret of the hook must be whsec_ and the base64 of ${LEAST_KEY_BYTES} bytes or more.`;
      const expected = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest();
      const signatures = one(headers['webhook-signature']).slice(0, 4096).split(' ');
      const signed = signatures.some(
        (each) => each.startsWith('v1,') && same(Buffer.from(each.slice(3), 'base64'), expected),
      );
      return signed ? { id, event: 'webhook' } : 'The signature does not match the secret.';
    },
  },
} as const satisfies Readonly<Record<string, HookKind>>;

function one(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}

function same(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function digestOf(event: string, body: Uint8Array): string {
  return createHash('sha256').update(`${event}\0`).update(body).digest('hex');
}
