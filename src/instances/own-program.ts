/** Programs of Ingot's own that a driver runs as children of this process: here, or at the door of a container. */
import { ProcessError, type RunOptions } from '../platform/processes.ts';
import type { CommandRequest, CommandResult } from './instance.ts';
import { OWN_LIMIT, TooMuchOutput } from './output.ts';

/** The options that a request asks for; its environment is the driver's. */
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
 * How it ended, of what `run` threw.
 * @throws {TooMuchOutput} when it printed more than `OWN_LIMIT`
 * @throws the error itself when the program did not run
 */
export function endOfOwn(error: unknown, program: string): CommandResult {
  if (!(error instanceof ProcessError)) throw error;
  if (error.tooMuchOutput) throw new TooMuchOutput(program, OWN_LIMIT);
  if (error.signal === null && !error.timedOut) throw error;
  return { exitCode: null, signal: error.signal, timedOut: error.timedOut };
}
