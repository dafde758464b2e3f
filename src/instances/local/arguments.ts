/** Argument vectors and environments of commands on this host. Pure. */
import { NOTHING_INHERITED } from '../../platform/processes.ts';
import { inDirectory } from '../in-directory.ts';
import type { CommandRequest } from '../instance.ts';

/**
 * Stands in the environment of a command and of all that it starts, so that a deadline finds those that left its
 * process group.
 */
export const COMMAND_MARK = 'INGOT_COMMAND';

/** The command in its working directory, as its user. */
export function localArguments(request: Pick<CommandRequest, 'cwd' | 'user'>, argv: readonly string[]): string[] {
  const asUser = request.user === undefined || request.user === 'root' ? [] : ['runuser', '-u', request.user, '--'];
  return [...asUser, ...inDirectory(request.cwd, argv)];
}

/**
 * Nothing of this process's own environment, as in a machine of its own; `undefined` leaves out what children get
 * otherwise.
 */
export function localEnvironment(
  request: Pick<CommandRequest, 'env'>,
  mark: string,
): Record<string, string | undefined> {
  return {
    ...NOTHING_INHERITED,
    LC_ALL: undefined,
    ...request.env,
    [COMMAND_MARK]: mark,
  };
}
