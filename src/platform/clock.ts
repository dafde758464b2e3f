/** The clock, so that time comes from one place. */

/** The current time in the API's format: ISO-8601 with milliseconds and `Z`. */
export function timestamp(): string {
  return new Date().toISOString();
}

/** The time `seconds` from now, in the same format. */
export function timestampAfter(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

/** The longest duration of Node's timers, in milliseconds: a longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** An action scheduled for later. */
export interface Timer {
  /** Cancels the action. */
  end(): void;
}

/**
 * Runs an action after `ms` milliseconds. Any length works: `timeoutSeconds` in a document may be months. `Infinity`
 * means never.
 */
export function after(ms: number, act: () => void): Timer {
  let left = ms;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const part = Math.min(left, LONGEST_TIMER_MS);
    left -= part;
    timer = setTimeout(left > 0 ? wait : act, part);
  };
  wait();
  return { end: () => clearTimeout(timer) };
}

/** Waits `ms` milliseconds; rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = (): void => {
      timer.end();
      reject(signal!.reason);
    };
    const timer = after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** A signal with a deadline. `end` must be called when it is no longer needed. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether the deadline aborted the signal. */
  expired(): boolean;
  end(): void;
}

/**
 * A signal that is aborted with another one, or after `ms` milliseconds. (A signal of `AbortSignal.any` over
 * `AbortSignal.timeout` can be garbage-collected before it fires, and its timer does not keep the process running.)
 * @param reason that the signal is aborted with at the deadline
 */
export function withDeadline(
  parent: AbortSignal,
  ms: number,
  reason: () => Error = () => new DeadlineError(`it took longer than ${ms / 1000} s`),
): Deadline {
  const controller = new AbortController();
  const state = { expired: false };
  const timer = after(ms, () => {
    state.expired = true;
    controller.abort(reason());
  });
  const follow = (): void => controller.abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    expired: () => state.expired,
    end() {
      timer.end();
      parent.removeEventListener('abort', follow);
    },
  };
}

/** A wait took too long: what it waited for, and how long. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * Polls until `probe` returns something other than `undefined`.
 * @param what is awaited, for the message: "the guest agent of i-0abc"
 * @throws {DeadlineError} after `timeoutMs`
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
  options: { readonly everyMs?: number; readonly signal?: AbortSignal } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (Date.now() >= deadline) throw new DeadlineError(`waited ${Math.round(timeoutMs / 100) / 10} s for ${what}`);
    await sleep(options.everyMs ?? 10, options.signal);
  }
}
