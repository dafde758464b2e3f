/** The text of `ingot help`, from the commands' own tables. Pure. */
import type { Command, CommandOption } from './command.ts';
import { COMMAND_GROUPS, commands } from './commands.ts';
import { allOptions, describeOption } from './option-table.ts';
import { INGOT } from '../platform/own-program.ts';
import { wrap } from './text.ts';

/** Maximum columns of help: the default width of a terminal. */
export const HELP_COLUMNS = 80;

/** Maximum width of the left column in an option list. After a longer option, its text begins on the next line. */
const LEFT_COLUMNS = 30;

/** `ingot help COMMAND`. */
export function commandHelp(command: Command): string {
  const groups = new Map<string, [string, string][]>([['Options', []]]);
  for (const [name, option] of Object.entries(allOptions(command))) {
    const heading = name === 'help' ? 'Options' : (option.group ?? 'Options');
    const row: [string, string] = [optionForm(name, option), describeOption(option)];
    groups.set(heading, [...(groups.get(heading) ?? []), row]);
  }
  const sections = [
    `Usage: ${INGOT} ${command.usage}`,
    prose(command.about),
    ...(command.verbs === undefined ? [] : [`Subcommands:\n${columns(Object.entries(command.verbs))}`]),
    ...[...groups].map(([heading, rows]) => `${heading}:\n${columns(rows)}`),
    ...(command.notes === undefined ? [] : [prose(command.notes)]),
    ...(command.exitCodes === undefined ? [] : [`Exit codes:\n${columns(Object.entries(command.exitCodes))}`]),
    `${command.examples.length > 1 ? 'Examples' : 'Example'}:\n` +
      `${command.examples.map((line) => `  ${asCalledHere(line)}`).join('\n')}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

/** `ingot help`: the commands by task. */
export function overviewHelp(): string {
  const sections = Object.entries(COMMAND_GROUPS).map(([heading, names]) => {
    const rows = names.map((name): [string, string] => [name, commands[name]!.summary]);
    return `${heading}:\n${columns(rows, Math.max(...Object.keys(commands).map(({ length }) => length)))}`;
  });
  return [
    'Ingot: a self-hosted EC2 Image Builder.',
    `Usage: ${INGOT} COMMAND [OPTIONS] [ARGUMENTS]`,
    ...sections,
    `Run \`${INGOT} help COMMAND\` for details, and \`${INGOT} --version\` for the version.`,
    prose('Data directory: --data DIR (default: $INGOT_DATA, or /var/lib/ingot).'),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

/** `ingot help toe`: the commands whose names begin with that word; `undefined` if there are none. */
export function familyHelp(word: string): string | undefined {
  const rows = Object.entries(commands)
    .filter(([name]) => name.startsWith(`${word} `))
    .map(([name, { summary }]): [string, string] => [name, summary]);
  if (rows.length === 0) return undefined;
  return [
    `Usage: ${INGOT} ${word} SUBCOMMAND [OPTIONS] [ARGUMENTS]`,
    `Subcommands:\n${columns(rows)}`,
    `Run \`${INGOT} help ${word} SUBCOMMAND\` for details.\n`,
  ].join('\n\n');
}

/** `-p, --parameter NAME=VALUE` */
function optionForm(name: string, { short, value }: CommandOption): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

/** Replaces `ingot COMMAND` in a command's text by the name with which Ingot is called here. */
function asCalledHere(text: string): string {
  return text.replace(/(?<![^\s`(])ingot(?= [a-z])/g, INGOT);
}

/** Two aligned columns, the right one wrapped. */
function columns(rows: readonly (readonly [string, string])[], least = 0): string {
  const fitting = rows.map(([left]) => left.length).filter((length) => length <= LEFT_COLUMNS);
  const width = Math.max(least, ...fitting);
  const indent = ' '.repeat(width + 4);
  return rows
    .map(([left, right]) => {
      const lines = wrap(right, HELP_COLUMNS - indent.length);
      return left.length > width
        ? [`  ${left}`, ...lines.map((line) => indent + line)].join('\n')
        : lines.map((line, index) => (index === 0 ? `  ${left.padEnd(width)}  ${line}` : indent + line)).join('\n');
    })
    .join('\n');
}

/** Paragraphs wrapped to the width; indented lines are unchanged. */
function prose(text: string): string {
  return asCalledHere(text)
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => (/^ /m.test(paragraph) ? paragraph : wrap(paragraph, HELP_COLUMNS).join('\n')))
    .join('\n\n');
}
