/** What a command of the command line is, and how its arguments are read. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { nearestWord } from '../documents/nearest.ts';

/** An option; every command also has `--help`. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  readonly short?: string;
}

/** One command. */
export interface Command {
  /** `build TEMPLATE [--region REGION]`, without the program's name. */
  readonly usage: string;
  /** What `--help` says after the usage line, an example among it. */
  readonly help: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Names of the positional arguments; one that ends in `?` may be left out, one in `...` takes all that is left. */
  readonly positionals: readonly string[];
  /** @returns the exit code */
  run(args: Arguments): Promise<number>;
}

/** A command that was used wrongly: one line on stderr, exit code 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** A command that could not do what was asked: its message on stderr, exit code 1. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** The arguments that a command was given. */
export class Arguments {
  readonly positionals: readonly string[];
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[]) {
    this.values = values;
    this.positionals = positionals;
  }

  /** The value of an option, the last one where it was repeated. */
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

  /** @throws {WrongUse} when it is not a whole number in the range */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new WrongUse(`--${name} takes a whole number from ${min} to ${max}, not '${text}'`);
  }
}

/**
 * Reads a command's arguments.
 * @returns `'help'` when they ask for help
 * @throws {WrongUse} for an unknown option, a missing value, too few or too many arguments
 */
export function readArguments(command: Command, argv: readonly string[]): Arguments | 'help' {
  const options: NonNullable<ParseArgsConfig['options']> = {
    ...command.options,
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
  if (missing !== undefined) throw new WrongUse(`${missing} is missing: ${command.usage}`);
  if (!takesAll && parsed.positionals.length > command.positionals.length) {
    throw new WrongUse(
      `'${parsed.positionals[command.positionals.length]}' is one argument too many: ${command.usage}`,
    );
  }
  return new Arguments(parsed.values, parsed.positionals);
}

function complaint(
  error: NodeJS.ErrnoException,
  argv: readonly string[],
  options: NonNullable<ParseArgsConfig['options']>,
): string {
  const unknown = error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? unknownOption(argv, options) : undefined;
  if (unknown === undefined) return error.message.split('\n')[0]!.replace(/\.? To specify .*$/, '');
  const near = nearestWord(unknown.name, Object.keys(options));
  return `there is no option ${unknown.rawName}${near === undefined ? '' : `; did you mean --${near}?`}`;
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

/** An argument that has to be an instance's id. */
export function instanceIdOf(text: string): string {
  if (/^i-[0-9a-f]{17}$/.test(text)) return text;
  throw new WrongUse(`'${text}' is not an instance's id: i- and 17 digits, as \`ingot instances\` lists them`);
}
