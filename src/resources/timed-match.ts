/** Regular expressions from users: one such as `(a+)+b` takes exponential time and blocks the process. */
import { createContext, Script } from 'node:vm';

/** Milliseconds that one match may take. */
export const MATCH_MILLISECONDS = 1000;

const MATCH = new Script('pattern.test(text)');

/**
 * Whether an expression matches a text; `undefined` when that takes longer than `MATCH_MILLISECONDS`, or more memory
 * than allowed.
 */
export function matchesInTime(pattern: { test(text: string): boolean }, text: string): boolean | undefined {
  try {
    return MATCH.runInContext(createContext({ pattern, text }), { timeout: MATCH_MILLISECONDS }) === true;
  } catch {
    return undefined;
  }
}
