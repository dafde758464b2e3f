/**
 * The command line: finds the command, parses its arguments, and converts its result to an exit code: 0, 1 for a
 * failure, 2 for a usage error.
 */
import { useCompileCache } from '../platform/compile-cache.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { commands } from './commands.ts';
import { watchOutput } from './interrupt.ts';
import { commandHelp, familyHelp, overviewHelp } from './help.ts';
import { INGOT } from '../platform/own-program.ts';

useCompileCache();
watchOutput();
process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version' || name === '-V' || name === 'version') {
    process.stdout.write(`ingot ${packageJson.version}\n`);
    return 0;
  }
  if (name === undefined || name === 'help' || name === '--help' || name === '-h')
    return rest[0] === undefined || name !== 'help'
      ? overview(name === undefined)
      : runCommand(wordsOf(rest as [string, ...string[]])[0], ['--help']);
  return runCommand(...wordsOf([name, ...rest]));
}

/** The command's name, which may consist of two words, and its arguments. */
function wordsOf([first, second, ...rest]: readonly [string, ...string[]]): [name: string, argv: readonly string[]] {
  const both = `${first} ${second}`;
  return second !== undefined && Object.hasOwn(commands, both)
    ? [both, rest]
    : [first, second === undefined ? rest : [second, ...rest]];
}

/** The second words of commands that begin with `word`. */
function wordsAfter(word: string): readonly string[] {
  return Object.keys(commands)
    .filter((name) => name.startsWith(`${word} `))
    .map((name) => name.slice(word.length + 1));
}

/** `run, validate or test` */
function oneOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), words.at(-1)!].filter((part) => part !== '').join(' or ');
}

/** @param wrongUse whether it is shown because no command was given */
function overview(wrongUse: boolean): number {
  const text = overviewHelp();
  (wrongUse ? process.stderr : process.stdout).write(text);
  return wrongUse ? 2 : 0;
}

async function runCommand(name: string, argv: readonly string[]): Promise<number> {
  const { CommandFailed, InvalidInput, WrongUse, readArguments } = await import('./command.ts');
  const { plainLine } = await import('./text.ts');
  try {
    const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (entry === undefined) {
      const { nearestWord } = await import('../documents/nearest.ts');
      const family = familyHelp(name);
      if (family !== undefined && argv.some((word) => word === '--help' || word === '-h')) {
        process.stdout.write(family);
        return 0;
      }
      if (family !== undefined) throw new WrongUse(`'${name}' needs a subcommand: ${oneOf(wordsAfter(name))}`);
      const near = nearestWord(name, Object.keys(commands));
      throw new WrongUse(`unknown command '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`);
    }
    const command = await entry.load();
    const args = readArguments(command, argv);
    if (args === 'help') {
      process.stdout.write(commandHelp(command));
      return 0;
    }
    return await command.run(args);
  } catch (error) {
    if (error instanceof InvalidInput) {
      process.stderr.write(`ingot: ${error.message}\n`);
      return 2;
    }
    if (error instanceof WrongUse) {
      process.stderr.write(
        `ingot: ${error.message} (see: ${INGOT} ` +
          `help${Object.hasOwn(commands, name) || wordsAfter(name).length > 0 ? ` ${name}` : ''})\n`,
      );
      return 2;
    }
    const { name: kind, code = '', $fault } = error as Error & { readonly code?: unknown; readonly $fault?: unknown };
    // A failure caused by an image or a machine is not a bug of Ingot.
    const ofInstance = ['InstanceError', 'TooMuchOutput', 'AttachError'].includes(kind);
    // Connection errors: the response was not HTTP, or the connection broke.
    const expected =
      ofInstance ||
      error instanceof CommandFailed ||
      ['RequestRefused', 'DataDirectoryError'].includes(kind) ||
      $fault !== undefined ||
      /^(HPE_|ECONN|EPIPE)/.test(String(code));
    if (ofInstance)
      for (const line of (error as { console?: readonly string[] }).console ?? [])
        process.stderr.write(`  ${plainLine(line)}\n`);
    process.stderr.write(`ingot: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`);
    return 1;
  }
}
