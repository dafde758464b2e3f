/** What a command's help says of its options. Pure. */
import type { Command } from '../command.ts';

/** An option with what its help says. */
export interface DescribedOption {
  readonly name: string;
  readonly short?: string;
  /** Whether a value follows it. */
  readonly takesValue: boolean;
  /** Empty when the help does not list it. */
  readonly description: string;
}

/** The options of a command, `--help` last. A line of help is `  --name, -n VALUE  what it is`. */
export function optionsOf(command: Command): readonly DescribedOption[] {
  const described = new Map(
    [...command.help.matchAll(/^ {2,}--([a-z0-9-]+)(?:, -\w)?(?: \S+)*? {2,}(\S.*)$/gm)].map((match) => [
      match[1]!,
      match[2]!,
    ]),
  );
  const own = Object.entries(command.options).map(
    ([name, { type, short }]): DescribedOption => ({
      name,
      takesValue: type === 'string',
      description: described.get(name) ?? '',
      ...(short === undefined ? {} : { short }),
    }),
  );
  return [...own, { name: 'help', short: 'h', takesValue: false, description: 'how it is used, with an example' }];
}
