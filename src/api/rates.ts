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
