/** A command in an instance, with what it printed as text. */
import type { CommandRequest, CommandResult, Instance } from '../../src/instances/instance.ts';

/** How a command ended, and what it printed. */
export interface Outcome extends CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function outputOf(instance: Pick<Instance, 'run'>, request: CommandRequest): Promise<Outcome> {
  const streams = { stdout: '', stderr: '' };
  const result = await instance.run({
    ...request,
    onOutput: (stream, chunk) => {
      streams[stream] += chunk.toString();
    },
  });
  return { ...result, ...streams };
}
