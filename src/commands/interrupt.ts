/**
 * Interrupts of a command: Ctrl-C, SIGTERM, SIGHUP, and a reader of its output that has gone. The first one requests an
 * orderly end, a second signal exits at once.
 */
import { constants } from 'node:os';

/** The cause of an interrupt. `SIGPIPE`: the reader of its output has gone; Node has no such signal. */
export type InterruptCause = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE';

/** The interrupt of a command. */
export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Exit code after the interrupt, as in shells: 128 and the signal's number. 0 before. */
  readonly exitCode: number;
  /** Stops handling the signals. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Error codes of a pipe without a reader, and of a closed terminal. */
const CLOSED = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED']);

/** Exit code of a command whose output is no longer read, as of a program that SIGPIPE killed. */
const OUTPUT_CLOSED = codeOf('SIGPIPE');

let whenClosed: () => void = () => process.exit(OUTPUT_CLOSED);

/**
 * Ends the process quietly if the reader of its output closes it, as in `ingot logs … | head`; a command that handles
 * interrupts is interrupted. Called once, before a command runs.
 */
export function watchOutput(): void {
  for (const output of [process.stdout, process.stderr])
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (!CLOSED.has(error.code ?? '')) throw error;
      whenClosed();
    });
}

/** For a server: it continues if its output is no longer read. */
export function ignoreClosedOutput(): void {
  whenClosed = () => {};
}

/**
 * Handles SIGINT, SIGTERM, SIGHUP and a closed output from now on.
 * @param first called for the first of them, before `signal` is aborted
 */
export function catchInterrupt(first: (cause: InterruptCause) => void): Interrupt {
  const controller = new AbortController();
  let exitCode = 0;
  const interrupt = (cause: InterruptCause): void => {
    exitCode = codeOf(cause);
    first(cause);
    controller.abort(new Error('interrupted'));
  };
  const handle = (cause: InterruptCause): void => {
    if (controller.signal.aborted) process.exit(codeOf(cause));
    interrupt(cause);
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  const before = whenClosed;
  // Each write to a closed output fails: only the first failure counts.
  whenClosed = () => {
    if (!controller.signal.aborted) interrupt('SIGPIPE');
  };
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    release: () => {
      for (const signal of SIGNALS) process.off(signal, handle);
      // Printing to a closed output after the work does not change the command's result.
      whenClosed = controller.signal.aborted ? () => {} : before;
    },
  };
}

/**
 * The message of an interrupted command.
 * @param doing `canceling the build`
 */
export function interruptNote(cause: InterruptCause, doing: string): string {
  return cause === 'SIGPIPE'
    ? `the output was closed: ${doing}`
    : `interrupted: ${doing} (${cause === 'SIGINT' ? 'press Ctrl-C again' : 'a second signal'} to exit at once)`;
}

function codeOf(cause: InterruptCause): number {
  return 128 + constants.signals[cause];
}
