/**
 * Modules that work on files. Each has a fixed program that runs once per step and processes the step's items one after
 * the other. Values reach it as arguments, content on stdin: no value is ever part of a program.
 */
import { readScript } from '../../platform/scripts.ts';
import type { InputValue } from '../../documents/component/document.ts';
import { BASH } from '../../guest/environment.ts';
import { itemsOf, mapOf } from './inputs.ts';
import {
  ending,
  InputError,
  onWindows,
  type ActionModule,
  type AttemptContext,
  type AttemptResult,
} from '../module.ts';
import { runPowerShell } from './powershell.ts';
import { withoutEnd } from '../../resources/ends.ts';

/** The data of one item of a step's inputs. */
export interface ProgramItem {
  /** The number of fields is the same for every item. File names are absolute. */
  readonly fields: readonly string[];
  /** Bytes for stdin; the last field is then their number. */
  readonly content?: Buffer;
}

/** A module of this kind. */
export interface FileProgram {
  readonly name: string;
  readonly platforms: ActionModule['platforms'];
  /**
   * Reads one item.
   * @param absolute resolves a path in the working directory
   * @throws {InputError} if an input is invalid
   */
  item(inputs: Readonly<Record<string, InputValue>>, absolute: (path: string) => string): ProgramItem;
  /** Defines the bash function `item`, which is called with the fields of each item; `PRELUDE` has its helpers. */
  readonly bash?: string;
  /** The same for PowerShell: see `runPowerShell`. */
  readonly powershell?: string;
  /** Parses the program's output. Without it, the program prints nothing. */
  outputs?(printed: Buffer | undefined, context: AttemptContext): AttemptResult;
}

/**
 * Helpers of every bash program. `fail` ends the step; `parents` creates the parent folders of a path; `matches` sets
 * `found` to what the last part of a path, a pattern, matches. As in Go, `*` also matches hidden names.
 */
const PRELUDE = readScript(import.meta.url, 'file-program.sh');
const EACH_ITEM = readScript(import.meta.url, 'each-item.sh');

/** Makes a module from a program. */
export function fileModule(program: FileProgram): ActionModule {
  const text = `${PRELUDE}${program.bash ?? ''}${EACH_ITEM}`;
  return {
    name: program.name,
    platforms: program.platforms,
    async attempt(context) {
      const items = itemsOf(context.inputs).map((input, index) =>
        program.item(mapOf(input, `inputs[${index}]`), (path) => absolutePath(context, path)),
      );
      if (items.length === 0) throw new InputError('inputs: at least one item is needed');
      const fields = items.flatMap((item) => item.fields);
      const contents = items.flatMap((item) => item.content ?? []);
      const what = `${program.name} ${items[0]!.fields[0]}${items.length > 1 ? ` and ${items.length - 1} more` : ''}`;
      const stdin = contents.length > 0 ? Buffer.concat(contents) : undefined;
      const ended = onWindows(context)
        ? await runPowerShell(context, {
            program: program.powershell!,
            fields: items.map((item) => item.fields),
            what,
            content: stdin,
          })
        : await context.command({
            argv: [...BASH, text, program.name, String(items[0]!.fields.length), ...fields],
            own: true,
            quiet: true,
            what,
            stdin,
          });
      if (ended.exitCode !== 0)
        return { result: 'failed', message: ended.stderr === '' ? `${what}: ${ending(ended)}` : oneLine(ended.stderr) };
      return program.outputs?.(ended.stdoutBytes, context) ?? { result: 'success' };
    },
  };
}

/** A tool's message, without its leading name. */
function oneLine(stderr: string): string {
  return stderr
    .replace(/^(?:\/bin\/)?[\w/-]+: line \d+: /, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .join('; ');
}

/**
 * An absolute path of the machine, resolved in the working directory; a trailing separator is kept.
 * @throws {InputError}
 */
export function absolutePath(context: AttemptContext, path: string): string {
  return onWindows(context) ? windowsPath(path, context.workingDirectory) : posixPath(path, context.workingDirectory);
}

/** A path of the machine without trailing separators; a separator as its first character stays. */
export function withoutSeparators(context: AttemptContext, path: string): string {
  return withoutEnd(path, onWindows(context) ? '/\\' : '/', 1);
}

/** The same for a POSIX machine; a trailing separator is kept. */
function posixPath(path: string, workingDirectory: string): string {
  if (path.includes('\0')) throw new InputError('a path holds a NUL character');
  return path.startsWith('/') ? path : `${withoutEnd(workingDirectory, '/')}/${path}`;
}

/** The same for a Windows machine. */
export function windowsPath(path: string, workingDirectory: string): string {
  if (path.includes('\0')) throw new InputError('a path holds a NUL character');
  return /^(?:[A-Za-z]:|[\\/]{2})/.test(path) ? path : `${withoutEnd(workingDirectory, '/\\')}\\${path}`;
}

/**
 * The last part of a path as a pattern, in which only `*` is special.
 * @throws {InputError} if a `*` comes before the last separator
 */
export function wildcard(
  path: string,
  input: string,
  windows = false,
): { readonly pattern: string; readonly hasWildcard: boolean } {
  const at = Math.max(path.lastIndexOf('/'), windows ? path.lastIndexOf('\\') : -1);
  if (path.slice(0, at + 1).includes('*'))
    throw new InputError(`${input}: a * is allowed only after the last separator, not in "${path}"`);
  const name = path.slice(at + 1);
  return { pattern: name.replace(/[^*]/gu, '\\$&'), hasWildcard: name.includes('*') };
}
