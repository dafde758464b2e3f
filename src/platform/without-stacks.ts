/** Errors in large numbers, without stacks. */

/**
 * Runs a function whose errors get no stacks: a parser that creates one for each invalid character needs about 100 MB
 * for a document of 64 KiB, nearly all of it stacks.
 * @param work must be synchronous
 */
export function withoutStacks<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
