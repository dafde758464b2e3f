/** Small fixed programs by which modules look at a machine and make it ready, in the language that it has. */
import { readScript } from '../../platform/scripts.ts';
import { BASH } from '../../guest/environment.ts';
import { onWindows, type AttemptContext, type ModuleCommandResult } from '../module.ts';
import { runPowerShell } from './powershell.ts';

/**
 * A program in both languages. Values reach it as arguments, `$1`, `$2`, … or `$args`, and are never part of its text.
 */
export interface SmallProgram {
  readonly name: string;
  /** A bash script; it has `fail TEXT`, which ends it with that on stderr. */
  readonly bash: string;
  /** Defines the function `Item`: see `runPowerShell`. */
  readonly powershell: string;
}

const FAIL = readScript(import.meta.url, 'small-program.sh');

/** Runs a program; nothing of it goes to the log. @param what how a failure of the step's time calls it */
export function runSmall(
  context: AttemptContext,
  program: SmallProgram,
  fields: readonly string[],
  what: string,
): Promise<ModuleCommandResult> {
  if (onWindows(context)) return runPowerShell(context, { program: program.powershell, fields: [fields], what });
  return context.command({
    argv: [...BASH, `${FAIL}${program.bash}`, program.name, ...fields],
    own: true,
    quiet: true,
    what,
  });
}
