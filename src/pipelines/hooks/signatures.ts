/**
 * Verifies that the sender of a web hook has the secret. Pure. It uses `node:crypto` directly, which is simpler than a
 * package per sender. Comparisons take constant time.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** The part of a request that is verified. Header names are in lower case. */
interface HookRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** A verified delivery. */
export interface Delivery {
  /** The id, equal if the same delivery is sent again. */
  readonly id: string;
  /** `push`, for example; `ping` starts nothing. */
  readonly event: string;
}

/** One kind of sender. */
interface HookKind {
  /** Returns the delivery, or the reason why it is invalid. */
  verify(request: HookRequest, secret: string, now: number): Delivery | string;
}

/** Maximum difference of a signed time from now, in milliseconds. */
const TOLERANCE_MS = 300_000;

/** Minimum key length of Standard Webhooks in bytes. Source: its specification, 24 to 64. */
const LEAST_KEY_BYTES = 24;

/** The register of kinds. */
export const hookKinds = {
  /**
   * GitHub, Gitea and Forgejo: `X-Hub-Signature-256`. The delivery id is not signed, so the hash of the body is the id.
   */
  github: {
    verify({ headers, body }, secret) {
      const given = /^sha256=([0-9a-f]{64})$/.exec(one(headers['x-hub-signature-256']))?.[1];
      if (given === undefined) return 'The header X-Hub-Signature-256 is missing or malformed.';
      const expected = createHmac('sha256', secret).update(body).digest();
      if (!same(Buffer.from(given, 'hex'), expected)) return 'The signature does not match the secret.';
      const event = one(headers['x-github-event']) || 'push';
      // The event is not signed either: a replay could name another event.
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
      // A secret that is not base64 would decode to a very short key, and anybody could sign.
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
