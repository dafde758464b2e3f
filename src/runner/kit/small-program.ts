/** Small fixed programs with which modules examine and prepare a machine, in the machine's language. */
import { readScript } from '../../platform/scripts.ts';
import { BASH } from '../../guest/environment.ts';
import { onWindows, type AttemptContext, type ModuleCommandResult } from '../module.ts';
import { runPowerShell } from './powershell.ts';

/**
 * A program in both languages. Values reach it as arguments, `$1`, `$2`, … or `$args`, and are never part of its text.
 */
export interface SmallProgram {
  readonly name: string;
  /** A bash script; its helper `fail TEXT` ends it with that text on stderr. */
  readonly bash: string;
  /** Defines the function `Item`: see `runPowerShell`. */
  readonly powershell: string;
}

const FAIL = readScript(import.meta.url, 'small-program.sh');

/** Runs a program without logging it. @param what its name in the message of a timeout */
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
