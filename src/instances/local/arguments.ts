/** Argument vectors and environments of commands on this host. Pure. */
import { NOTHING_INHERITED } from '../../platform/processes.ts';
import { inDirectory } from '../in-directory.ts';
import type { CommandRequest } from '../instance.ts';

/**
 * A variable in the environment of a command and its children, by which a deadline finds processes that left the
 * process group.
 */
export const COMMAND_MARK = 'INGOT_COMMAND';

/** The command with its working directory and user. */
export function localArguments(request: Pick<CommandRequest, 'cwd' | 'user'>, argv: readonly string[]): string[] {
  const asUser = request.user === undefined || request.user === 'root' ? [] : ['runuser', '-u', request.user, '--'];
  return [...asUser, ...inDirectory(request.cwd, argv)];
}

/**
 * A command gets none of this process's environment, as on a separate machine. `undefined` removes variables that
 * children otherwise get.
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
