/** The options of a command, as completion needs them. Pure. */
import type { Command } from '../command.ts';
import { allOptions, describeOption } from '../option-table.ts';

/** An option with what its help says. */
export interface DescribedOption {
  readonly name: string;
  readonly short?: string;
  /** Whether a value follows it. */
  readonly takesValue: boolean;
  readonly description: string;
}

/** The options of a command, `--help` last. */
export function optionsOf(command: Command): readonly DescribedOption[] {
  return Object.entries(allOptions(command)).map(
    ([name, option]): DescribedOption => ({
      name,
      takesValue: option.value !== undefined,
      description: describeOption(option),
      short: option.short,
    }),
  );
}
