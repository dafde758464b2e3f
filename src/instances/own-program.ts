/** Ingot's own programs that a driver runs as children of this process: here, or inside a container. */
import { ProcessError, type RunOptions } from '../platform/processes.ts';
import type { CommandRequest, CommandResult } from './instance.ts';
import { OWN_LIMIT, TooMuchOutput } from './output.ts';

/** The options for a request; the driver sets the environment. */
export function ownRunOptions({ stdin, timeoutSeconds, signal, onOutput }: CommandRequest): RunOptions {
  return {
    okCodes: 'any',
    maxOutput: OWN_LIMIT,
    input: stdin,
    timeoutMs: timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000,
    signal,
    onStdout: onOutput && ((chunk) => onOutput('stdout', chunk)),
    onStderr: onOutput && ((chunk) => onOutput('stderr', chunk)),
  };
}

/**
 * How a program ended, from the error of `run`.
 * @throws {TooMuchOutput} if it printed more than `OWN_LIMIT`
 * @throws the error itself if the program did not run
 */
export function endOfOwn(error: unknown, program: string): CommandResult {
  if (!(error instanceof ProcessError)) throw error;
  if (error.tooMuchOutput) throw new TooMuchOutput(program, OWN_LIMIT);
  if (error.signal === null && !error.timedOut) throw error;
  return { exitCode: null, signal: error.signal, timedOut: error.timedOut };
}
