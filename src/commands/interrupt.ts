/** Ctrl-C, twice: the first asks for an orderly end, the second leaves at once. */

/** What a command that can be interrupted watches. */
export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Lets the signals be again. */
  release(): void;
}

/** Exit code of a command that Ctrl-C ended, as shells have it. */
export const INTERRUPTED = 130;

/**
 * Catches SIGINT, SIGTERM and SIGHUP from now on.
 * @param first called for the first signal, before `signal` is aborted
 */
export function catchInterrupt(first: () => void): Interrupt {
  const controller = new AbortController();
  const handle = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    first();
    controller.abort(new Error('interrupted'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handle);
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of signals) process.off(signal, handle);
    },
  };
}
