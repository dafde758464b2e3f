/** The options of a command, for help and completion. Pure. */
import type { Command, CommandOption } from './command.ts';

const HELP_OPTION: CommandOption = { short: 'h', help: 'show this help' };

/** A command's options by name, and `--help`. */
export function allOptions(command: Command): Readonly<Record<string, CommandOption>> {
  return { ...command.options, help: HELP_OPTION };
}

/** The help of an option: its purpose, whether it repeats, and its default. */
export function describeOption({ help, multiple, default: value }: CommandOption): string {
  return [help, multiple === true ? ' (repeatable)' : '', value === undefined ? '' : ` (default: ${value})`].join('');
}
