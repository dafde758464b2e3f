/**
 * Programs for a Windows machine, in the PowerShell that every Windows has (5.1), and how they are called and respond.
 * Values reach a program as JSON on stdin, never as part of it. Pure, except for the programs: the `.ps1` files beside
 * this one.
 */
import { readScript } from '../../platform/scripts.ts';

/** Longest command line of `cmd.exe`, to which OpenSSH for Windows passes commands. */
export const LONGEST_COMMAND = 8191;

/** A command for the program `SUPERVISOR`. */
export interface SupervisedCommand {
  /** After the character 30 it starts each line on stderr that the supervisor itself prints. */
  readonly mark: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
  /** Default: no limit. */
  readonly timeoutSeconds?: number;
}

/**
 * The supervisor's stdin.
 * @throws {Error} if a text contains a NUL character
 */
export function supervisorInput({ mark, argv, cwd, env, stdin, timeoutSeconds }: SupervisedCommand): string {
  const [program, ...rest] = argv;
  if (program === undefined) throw new Error('a command has at least a program');
  for (const text of [...argv, cwd, ...Object.entries(env).flat()])
    if (text.includes('\0')) throw new Error('a command holds a NUL character');
  return JSON.stringify({
    mark,
    program,
    arguments: windowsArguments(rest),
    cwd,
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    stdin: stdin.toString('base64'),
    milliseconds: timeoutSeconds === undefined ? -1 : Math.max(1, Math.ceil(timeoutSeconds * 1000)),
  });
}

/** Quotes arguments as one line that a Windows program splits into the same ones (`CommandLineToArgvW`). */
export function windowsArguments(argv: readonly string[]): string {
  return argv
    .map((each) => {
      if (each !== '' && !/[\s"]/.test(each)) return each;
      // Backslashes are doubled only before a quote and at the end.
      return `"${each.replace(/(?<!\\)(\\*)"/g, '$1$1\\"').replace(/(?<!\\)(\\+)$/, '$1$1')}"`;
    })
    .join(' ');
}

/**
 * The command line that runs a program, for both `cmd.exe` and PowerShell: none of its characters is special to either.
 */
export function powerShellCommand(program: string): string {
  return (
    'powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand ' +
    `${Buffer.from(program, 'utf16le').toString('base64')}`
  );
}

const INPUT = readScript(import.meta.url, 'input.ps1');

/**
 * Runs a command, kills it and everything that it started at the deadline, and reports how it ended: an exit code of
 * ssh has 8 bits, one of Windows 32. Its output is the command's own. Stdin is written below .NET's writer, which would
 * write a byte order mark first; a closed stdin is not an error.
 */
export const SUPERVISOR = readScript(import.meta.url, 'supervisor.ps1', { INPUT });

/** Writes a file completely or not at all, and creates its parent directories. */
export const PUT = readScript(import.meta.url, 'put.ps1', { INPUT });

/** Prints a file. */
export const GET = readScript(import.meta.url, 'get.ps1', { INPUT });

/** Prints an id that changes with each boot. */
export const BOOT_ID = readScript(import.meta.url, 'boot-id.ps1');

/** The supervisor's report on a command. */
export type SupervisorWord =
  | { readonly said: 'pid'; readonly pid: number }
  | { readonly said: 'exited'; readonly exitCode: number }
  | { readonly said: 'deadline' };

/** Maximum bytes of one report of the supervisor, with its mark. */
const LONGEST_WORD = 1024;

/** Extracts the supervisor's reports from stderr, however it is split. */
export class SupervisorFilter {
  readonly #begin: Buffer;
  readonly #onOutput: (chunk: Buffer) => void;
  readonly #onWord: (word: SupervisorWord) => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(mark: string, onOutput: (chunk: Buffer) => void, onWord: (word: SupervisorWord) => void) {
    this.#begin = Buffer.from(`\x1e${mark} `);
    this.#onOutput = onOutput;
    this.#onWord = onWord;
  }

  add(chunk: Buffer): void {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      const at = rest.indexOf(this.#begin);
      if (at < 0) break;
      const end = rest.indexOf(10, at);
      this.#pass(rest.subarray(0, at));
      if (end < 0) {
        // A report is short, so a long line without a newline is not one, and is not buffered.
        this.#held = rest.length - at > LONGEST_WORD ? Buffer.alloc(0) : rest.subarray(at);
        return;
      }
      const word = parseWord(rest.toString('utf8', at + this.#begin.length, end).trim());
      if (word !== undefined) this.#onWord(word);
      rest = rest.subarray(end + 1);
    }
    // A possible start of a mark is kept until more arrives.
    const from = rest.lastIndexOf(0x1e);
    const waits =
      from >= 0 &&
      rest.length - from < this.#begin.length &&
      this.#begin.subarray(0, rest.length - from).equals(rest.subarray(from));
    this.#held = waits ? rest.subarray(from) : Buffer.alloc(0);
    this.#pass(waits ? rest.subarray(0, from) : rest);
  }

  /** Handles the end of the stream. */
  end(): void {
    this.#pass(this.#held);
    this.#held = Buffer.alloc(0);
  }

  #pass(chunk: Buffer): void {
    if (chunk.length > 0) this.#onOutput(chunk);
  }
}

function parseWord(text: string): SupervisorWord | undefined {
  const [, said, number] = /^(pid|exited|deadline)(?: (-?\d+))?$/.exec(text) ?? [];
  if (said === 'deadline') return { said };
  if (number === undefined) return undefined;
  return said === 'pid' ? { said, pid: Number(number) } : { said: 'exited', exitCode: Number(number) };
}
