/** The worker process's own limit of memory, and what is said of a worker that met it. */
import { setInterval } from 'node:timers';

/**
 * How Node runs the worker: megabytes of its heap. What it works on are other processes; its own share is some 100 MB.
 */
export const WORKER_FLAGS: readonly string[] = ['--max-old-space-size=1024'];
/** Bytes that it may have in all, buffers outside of the heap among them. */
const WORKER_BYTES = 2 * 2 ** 30;
/** What it ends with above that. */
export const OUT_OF_MEMORY_CODE = 86;

const LOOK_MS = 1000;
/** Looks in a row that have to find too much: what is garbage is not always freed at once. */
const LOOKS = 3;

/**
 * Ends this process when it takes more memory than it may: the next worker then frees what it held, and says why.
 * Without this the kernel
 * would end whichever process it likes, a machine or the API.
 * @param end called once
 */
export function watchMemory(
  end: (bytes: number) => void,
  options: { readonly most: number; readonly everyMs: number; readonly bytes: () => number } = {
    most: WORKER_BYTES,
    everyMs: LOOK_MS,
    bytes: () => process.memoryUsage.rss(),
  },
): void {
  let above = 0;
  const timer = setInterval(() => {
    const bytes = options.bytes();
    above = bytes > options.most ? above + 1 : 0;
    if (above < LOOKS) return;
    clearInterval(timer);
    end(bytes);
  }, options.everyMs);
  timer.unref();
}

/** What a worker ended of, when it ended by itself; `undefined` when its end says nothing of that. */
export function causeOfEnd({
  code,
  signal,
}: {
  readonly code: number | null;
  readonly signal: string | null;
}): string | undefined {
  // V8 aborts when its heap is full.
  if (code !== OUT_OF_MEMORY_CODE && signal !== 'SIGABRT' && code !== 134) return undefined;
  return 'The worker process ran out of memory while it worked on this image.';
}
