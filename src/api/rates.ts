/** Rate limits per account: a token bucket for reads and one for writes. */
import type { Config, Rate } from '../platform/config/config.ts';
import { tooManyRequests } from '../resources/errors.ts';

interface Bucket {
  tokens: number;
  /** Milliseconds since 1970. */
  filled: number;
}

/**
 * Takes a token.
 * @throws {ApiError} TooManyRequestsException if none is left
 */
export type Limiter = (account: string, kind: 'reads' | 'writes', now: number) => void;

/** Makes a limiter. There are few accounts, so it keeps a bucket for each. */
export function createLimiter(rates: Config['rates']): Limiter {
  const buckets = new Map<string, Bucket>();
  return (account, kind, now) => {
    const rate: Rate | null = rates[kind];
    if (rate === null) return;
    const key = `${kind} ${account}`;
    let bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, (bucket = { tokens: rate.burst, filled: now }));
    bucket.tokens = Math.min(rate.burst, bucket.tokens + (Math.max(0, now - bucket.filled) / 1000) * rate.perSecond);
    bucket.filled = now;
    if (bucket.tokens < 1) throw tooManyRequests();
    bucket.tokens -= 1;
  };
}

/** Most addresses that are remembered. */
const MOST_ADDRESSES = 10_000;

/**
 * Makes a limiter for requests without a valid signature, by the address that sends them: a bucket for each IPv4
 * address and each /64 network of IPv6.
 * @param rate `null` for no limit
 */
export function createUnsignedLimiter(rate: Rate | null): (address: string, now: number) => void {
  const buckets = new Map<string, Bucket>();
  return (address, now) => {
    if (rate === null) return;
    const key = networkOf(address);
    const { tokens, filled } = buckets.get(key) ?? { tokens: rate.burst, filled: now };
    const left = Math.min(rate.burst, tokens + (Math.max(0, now - filled) / 1000) * rate.perSecond);
    // The newest last, so that the oldest are forgotten first.
    buckets.delete(key);
    buckets.set(key, { tokens: left < 1 ? left : left - 1, filled: now });
    if (buckets.size > MOST_ADDRESSES) buckets.delete(buckets.keys().next().value!);
    if (left < 1) throw tooManyRequests();
  };
}

/** The /64 network of an IPv6 address; other addresses as they are. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array<string>(zeros).fill('0'), ...last].slice(0, 4).join(':');
}
