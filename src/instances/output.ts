/**
 * Reads an instance's output with a limit. A program that a component put in place of `systemctl`, `find` or `sh` may
 * print without end. So Ingot stores no output without a limit, and a reader that fails ends only its own command.
 */
import { sizeOf } from '../platform/processes.ts';
import type { CommandRequest, CommandResult, Instance } from './instance.ts';

/** Maximum output of one of Ingot's own small programs, in bytes. */
export const OWN_LIMIT = 64 << 20;

/** A command in an instance printed more than its reader accepts. It was killed. */
export class TooMuchOutput extends Error {
  override readonly name = 'TooMuchOutput';

  /** @param what the program, as the start of a sentence: `the search for secrets` */
  constructor(what: string, limit: number) {
    super(
      `${what} printed more than ${sizeOf(limit)} in the instance, so Ingot killed it: a component may have ` +
        'replaced a system program',
    );
  }
}

/**
 * Makes a request whose command is killed once both its outputs together have more than `limit` bytes.
 * @param what as in `TooMuchOutput`
 */
export function limited(request: CommandRequest, limit: number, what: string): CommandRequest {
  let printed = 0;
  return {
    ...request,
    onOutput(stream, chunk) {
      printed += chunk.length;
      if (printed > limit) throw new TooMuchOutput(what, limit);
      request.onOutput?.(stream, chunk);
    },
  };
}

/** How a command ended, and its output. */
export interface CapturedResult extends CommandResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs one of Ingot's own commands and returns its output.
 * @param options.limit bytes of both outputs together
 * @param options.what as in `TooMuchOutput`
 * @throws {TooMuchOutput} if it prints more; it was killed
 * @throws {InstanceError} as `Instance.run`
 */
export async function runCaptured(
  instance: Pick<Instance, 'run'>,
  request: Omit<CommandRequest, 'onOutput'>,
  { limit, what }: { readonly limit: number; readonly what: string },
): Promise<CapturedResult> {
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const keeping: CommandRequest = { ...request, onOutput: (stream, chunk) => void kept[stream].push(chunk) };
  const result = await instance.run(limited(keeping, limit, what));
  return { ...result, stdout: Buffer.concat(kept.stdout), stderr: Buffer.concat(kept.stderr) };
}

/**
 * For drivers: runs a command so that an error of its `onOutput` ends it, as an abort does, and is thrown here.
 * Otherwise the error would reach a driver's stream and end the process, with all other builds.
 */
export async function readingSafely(
  request: CommandRequest,
  run: (request: CommandRequest) => Promise<CommandResult>,
): Promise<CommandResult> {
  const { onOutput, signal } = request;
  if (onOutput === undefined) return run(request);
  const failed = new AbortController();
  const guarded: CommandRequest = {
    ...request,
    signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]),
    onOutput(stream, chunk) {
      if (failed.signal.aborted) return;
      try {
        onOutput(stream, chunk);
      } catch (error) {
        failed.abort(error);
      }
    },
  };
  const result = await run(guarded).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    // The command may have lost its instance while it was killed; the reader's error came first.
    failed.signal.throwIfAborted();
    throw error;
  });
  failed.signal.throwIfAborted(); // The command had already ended by itself.
  return result;
}
