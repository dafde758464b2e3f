/** Errors in great numbers. */

/**
 * What a function gives whose errors need no stack: a parser that makes one for each character at fault takes some 100
 * MB for a document of 64 KiB, nearly all of it stacks.
 * @param work not asynchronous
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
