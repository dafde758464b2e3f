/** The options of a command, for completion. Pure. */
import type { Command } from '../command.ts';
import { allOptions, describeOption } from '../option-table.ts';

/** An option with its help. */
export interface DescribedOption {
  readonly name: string;
  readonly short?: string;
  /** Whether it has a value. */
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
