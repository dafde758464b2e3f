/** The worker process's own memory limit, and the message for a worker that reached it. */
import { setInterval } from 'node:timers';

/** Megabytes of heap for the worker's Node. Its work runs in other processes; its own share is some 100 MB. */
export const WORKER_FLAGS: readonly string[] = ['--max-old-space-size=1024'];
/** Maximum bytes that it may use in total, including buffers outside of the heap. */
const WORKER_BYTES = 2 * 2 ** 30;
/** Its exit code if it exceeds that. */
export const OUT_OF_MEMORY_CODE = 86;

const LOOK_MS = 1000;
/** Number of successive checks that must exceed the limit: garbage is not always freed at once. */
const LOOKS = 3;

/**
 * Exits this process when it uses too much memory. The next worker frees what it held, and reports why. Otherwise the
 * kernel would kill some process, such as a virtual machine or the API.
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

/** Why a worker exited; `undefined` if its exit status does not show it. */
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
