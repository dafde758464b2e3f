/** The parts of a command, and how its arguments are parsed. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { nearestWord } from '../documents/nearest.ts';
import { INGOT } from '../platform/own-program.ts';

/** An option; every command also has `--help`. Parsing, help and completion read this table. */
export interface CommandOption {
  /** Name of its value in the help; a flag has none. */
  readonly value?: string;
  /** A noun phrase or an imperative, without the default. */
  readonly help: string;
  /** The default, as text for help. */
  readonly default?: string;
  readonly multiple?: true;
  readonly short?: string;
  /** Heading under which the help lists it. */
  readonly group?: string;
}

/** A command's line in `ingot help`, and its module. */
export interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** One command. */
export interface Command {
  /** `build [OPTIONS] TEMPLATE`, without the program's name. */
  readonly usage: string;
  /** Paragraphs about its purpose, which help wraps. */
  readonly about: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Possible words for its first argument, with their meanings. */
  readonly verbs?: Readonly<Record<string, string>>;
  /** Paragraphs after the options. */
  readonly notes?: string;
  readonly exitCodes?: Readonly<Record<string, string>>;
  /** Command lines that work as written. */
  readonly examples: readonly string[];
  /** Names of the positional arguments. One that ends in `?` is optional, one in `...` takes all that are left. */
  readonly positionals: readonly string[];
  /** @returns the exit code */
  run(args: Arguments): Promise<number>;
}

/** A usage error: one line on stderr, exit code 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** A file in the arguments has faults, with their positions in the message: exit code 2, without a hint to the help. */
export class InvalidInput extends WrongUse {}

/** The command failed: its message on stderr, exit code 1. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** The parsed arguments of a command. */
export class Arguments {
  readonly positionals: readonly string[];
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[]) {
    this.values = values;
    this.positionals = positionals;
  }

  /** The value of an option; the last one if it was repeated. */
  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  /** All values of an option that may be repeated. */
  list(name: string): readonly string[] {
    return (this.values[name] as readonly string[] | undefined) ?? [];
  }

  /** @throws {WrongUse} if it is not an integer in the range */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new WrongUse(`invalid value '${text}' for --${name}: expected a whole number from ${min} to ${max}`);
  }
}

/**
 * Parses a command's arguments.
 * @returns `'help'` if they request help
 * @throws {WrongUse} for an unknown option, a missing value, too few or too many arguments
 */
export function readArguments(command: Command, argv: readonly string[]): Arguments | 'help' {
  const options: NonNullable<ParseArgsConfig['options']> = {
    ...Object.fromEntries(Object.entries(command.options).map(([name, option]) => [name, parsedOption(option)])),
    help: { type: 'boolean', short: 'h' },
  };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new WrongUse(complaint(error as NodeJS.ErrnoException, argv, options));
  }
  if (parsed.values['help'] === true) return 'help';
  const required = command.positionals.filter((name) => !/[?]$|[.]{3}$/.test(name));
  const takesAll = command.positionals.some((name) => name.endsWith('...'));
  const missing = required[parsed.positionals.length];
  if (missing !== undefined) throw new WrongUse(`missing argument ${missing}; usage: ${INGOT} ${command.usage}`);
  if (!takesAll && parsed.positionals.length > command.positionals.length) {
    throw new WrongUse(
      `unexpected argument '${parsed.positionals[command.positionals.length]}'; usage: ${INGOT} ${command.usage}`,
    );
  }
  return new Arguments(parsed.values, parsed.positionals);
}

/** An option for `parseArgs`, which rejects additional members. */
function parsedOption({ value, multiple, short }: CommandOption): NonNullable<ParseArgsConfig['options']>[string] {
  return {
    type: value === undefined ? 'boolean' : 'string',
    ...(multiple === undefined ? {} : { multiple }),
    ...(short === undefined ? {} : { short }),
  };
}

function complaint(
  error: NodeJS.ErrnoException,
  argv: readonly string[],
  options: NonNullable<ParseArgsConfig['options']>,
): string {
  const unknown = error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? unknownOption(argv, options) : undefined;
  if (unknown === undefined) return error.message.split('\n')[0]!.replace(/\.? To specify .*$/, '');
  const near = nearestWord(unknown.name, Object.keys(options));
  return `unknown option ${unknown.rawName}${near === undefined ? '' : `; did you mean --${near}?`}`;
}

/** The first option that a command does not have. */
function unknownOption(
  argv: readonly string[],
  options: NonNullable<ParseArgsConfig['options']>,
): { readonly name: string; readonly rawName: string } | undefined {
  const { tokens } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true });
  return tokens.find((token) => token.kind === 'option' && !Object.hasOwn(options, token.name)) as
    | { readonly name: string; readonly rawName: string }
    | undefined;
}

/** Whether an argument is an instance's id. */
export function isInstanceId(text: string): boolean {
  return /^i-[0-9a-f]{17}$/.test(text);
}

/** An argument that must be an instance's id. */
export function instanceIdOf(text: string): string {
  if (isInstanceId(text)) return text;
  throw new WrongUse(
    `invalid instance ID '${text}': expected i- and 17 hexadecimal digits; \`${INGOT} instances\` lists them`,
  );
}
