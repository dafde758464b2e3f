/** No process that holds keys leaves a core. */
import { run } from '../platform/processes.ts';

let done: Promise<void> | undefined;

/**
 * Forbids this process, and those that it starts from now on, to leave a core. A limit of 1 byte, unlike 0, also stops
 * cores that the kernel pipes to a program (core(5), `do_coredump` of Linux).
 */
export function leaveNoCore(): Promise<void> {
  done ??= run(['prlimit', `--pid=${process.pid}`, '--core=1:1']).then(
    () => {},
    (error: unknown) => {
      done = undefined;
      throw error;
    },
  );
  return done;
}
