/** Patterns of documents, in Go's language (RE2), as AWSTOE and Systems Manager have it. */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { MATCH_MILLISECONDS, matchesInTime } from '../resources/timed-match.ts';
import { shorten } from './nodes.ts';

/** Characters of one pattern. */
const MAX_PATTERN = 16 * 1024;

/** Whether upper and lower case are the same. */
type Case = 'ignored' | 'exact';

/** Loaded with the first pattern: few documents have one. */
let engine: typeof RE2JS | undefined;

/** A pattern that can be tried, or why it cannot be read. */
export function compilePattern(pattern: string, letters: Case): { test(text: string): boolean } | string {
  if (pattern.length > MAX_PATTERN) return `it has ${pattern.length} characters; at most ${MAX_PATTERN} are allowed`;
  engine ??= (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS;
  try {
    const compiled = engine.compile(pattern, letters === 'ignored' ? engine.CASE_INSENSITIVE : 0);
    return { test: (text) => compiled.matcher(text).find() };
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, '');
  }
}

/**
 * Whether a pattern is found in a text. A document's pattern must not hold the process up: it is tried with a deadline.
 * @throws {Error} when the pattern cannot be read, or takes too long
 */
export function matchPattern(source: string, text: string, letters: Case): boolean {
  const pattern = compilePattern(source, letters);
  if (typeof pattern === 'string') throw new Error(`The pattern '${shorten(source)}' cannot be read: ${pattern}.`);
  const matches = matchesInTime(pattern, text);
  if (matches === undefined)
    throw new Error(
      `The pattern '${shorten(source)}' took longer than ${MATCH_MILLISECONDS} ms on a text of ${text.length} ` +
        'characters.',
    );
  return matches;
}
