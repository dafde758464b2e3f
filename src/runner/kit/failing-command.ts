/**
 * Finds the command that ended a script, by an exit trap in bash. If the script could notice the trap, or bash does not
 * know the command, nothing is reported.
 */
import { BASH } from '../../guest/environment.ts';
import { newUuid } from '../../platform/ids.ts';
import { withoutEnd } from '../../resources/ends.ts';
import { StepTimeout, type AttemptContext } from '../module.ts';

const SHOWN = 400;
/** Maximum bytes of bash's report. */
const MOST_SAID = 64 * 1024;

/**
 * Scripts with these words could notice the trap, or that their text was changed, and get none: they read themselves,
 * set traps, or replace what the trap runs.
 */
const SEES_TRAP =
  /\btrap\b|\bbuiltin\b|\$\{?0\b|\$_\b|\$\{_\}|BASH_(?:SOURCE|ENV|XTRACEFD|COMMAND|ARGV0)|\bexit\s*\(\s*\)/;

/** A script that reports which command ended it. */
export interface WatchedScript {
  readonly script: string;
  /** The text before its first line, which does not change line numbers. May be empty. */
  readonly prefix: string;
  /** Path of the report in the machine. */
  readonly path: string;
}

/**
 * Adds a trap on the script's first line that records which command ended it, if it fails. The trap changes no
 * variable, option, exit code or output; commands that the script starts do not inherit it.
 */
export function watched(script: string): WatchedScript {
  const path = `/run/ingot-end-${newUuid()}`;
  if (SEES_TRAP.test(script)) return { script, prefix: '', path };
  const prefix =
    `trap -- '{ case $? in 0) ;; *) builtin printf "%s\\n%s\\n%s" "\${#PIPESTATUS[@]}" "$0" "$BASH_COMMAND" ` +
    `>|${path} || builtin true;; esac; } 2>/dev/null' EXIT; `;
  return { script: `${prefix}${script}`, prefix, path };
}

/** Bash's report on a script's end. */
export interface ScriptEnd {
  /** Number of commands in the last pipeline. */
  readonly pipeline: number;
  /** `$0` */
  readonly name: string;
  /** The last simple command that bash itself ran, as bash writes it. */
  readonly command: string;
}

/** Reads and removes the report of a watched script; `undefined` if it wrote none. */
export async function saidOfEnd(
  context: AttemptContext,
  { prefix, path }: WatchedScript,
): Promise<ScriptEnd | undefined> {
  if (prefix === '') return undefined;
  const answer = await context
    .command({
      argv: [...BASH, 'head -c "$2" -- "$1" && rm -f -- "$1"', 'ingot', path, String(MOST_SAID)],
      own: true,
      quiet: true,
      graceSeconds: 60,
      what: 'asking what ended the script',
    })
    .catch((error: unknown) => {
      if (error instanceof StepTimeout) return undefined;
      throw error;
    });
  if (answer === undefined) return undefined;
  const { exitCode, stdout = '' } = answer;
  const [pipeline, name, ...command] = stdout.split('\n');
  if (exitCode !== 0 || name === undefined) return undefined;
  return { pipeline: Number(pipeline), name, command: command.join('\n') };
}

/**
 * Names the failing command.
 * @param script the failed script, as in the document
 * @param stderr the end of its stderr
 * @param end bash's report
 * @returns one line: the command that ended it, or bash's syntax error; `undefined` if it is unknown
 */
export function failingCommand(script: string, stderr: string, end?: ScriptEnd): string | undefined {
  const lines = script.split('\n');
  const complaint = complaintOf(stderr, end?.name);
  // Bash does not run what it cannot parse, so the last command that it ran is not the cause.
  if (complaint?.syntax === true) return `${cut(complaint.text)} (line ${complaint.line} of the script)`;

  const commands = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (commands.length === 0) return 'an empty script';
  if (commands.length === 1) return cut(commands[0]!);

  const ended = end === undefined ? undefined : endedBy(script, lines, end);
  if (ended !== undefined) return ended;
  const named = complaint?.last === true ? lines[complaint.line - 1]?.trim() : undefined;
  return named ? `${cut(named)} (line ${complaint!.line} of the script)` : undefined;
}

interface Complaint {
  readonly line: number;
  readonly text: string;
  readonly syntax: boolean;
  /** Whether it is the last line of stderr. */
  readonly last: boolean;
}

/**
 * The last error that bash itself reported for the script: `NAME: line 3: text`. Other scripts report errors for their
 * own lines.
 */
function complaintOf(stderr: string, name: string | undefined): Complaint | undefined {
  const said = stderr.trimEnd().split('\n');
  for (const [index, line] of said.slice(-2).entries()) {
    const parts = /^(\S*): line ([0-9]+): (.+)$/.exec(line);
    if (parts === null) continue;
    const [, of = '', number, text = ''] = parts;
    const own = name === undefined ? SCRIPT_NAME.test(of) : of === name;
    const syntax = /^syntax error|^unexpected EOF while looking/.test(text);
    const last = index === Math.min(2, said.length) - 1;
    if (own && (syntax || last)) return { line: Number(number), text, syntax, last };
  }
  return undefined;
}

/** Name of a script's file as drivers choose it. */
const SCRIPT_NAME = /^\/\S*\/(?:ingot-)?[0-9a-f]{8}[0-9a-f-]{8,}\.(?:sh|script)$/;

/**
 * The last command that bash ran, if it ended the script. In a pipeline or a subshell, other processes run commands
 * that bash does not know.
 */
function endedBy(script: string, lines: readonly string[], { pipeline, command }: ScriptEnd): string | undefined {
  const first = command.split('\n')[0]!.trim();
  if (first === '') return undefined;
  const exits = /^(?:exit|exec)\b/.test(first);
  const hidden = pipeline !== 1 || SUBSHELL.test(script) || (FUNCTION.test(script) && script.includes('|'));
  if (!exits && hidden) return undefined;
  const found = placesOf(first, lines);
  if (found.length === 0) return undefined;
  return found.length === 1
    ? `${cut(first)} (line ${found[0]} of the script)`
    : `${cut(first)} (one of the lines ${found.slice(0, 5).join(', ')} of the script)`;
}

/** A group of commands in a subshell, or text that looks like one. */
const SUBSHELL = /(?:^|[^$\w"'\\=<>(])\((?!\()|\bcoproc\b/m;
const FUNCTION = /\w\s*\(\s*\)|\bfunction\s/;

/** Characters before and after a command that show whether it begins and ends there. */
const AROUND = 20;

/** Lines, from 1, on which a command begins, as far as bash's spelling of it allows to determine. */
function placesOf(command: string, lines: readonly string[]): readonly number[] {
  const wanted = plain(command);
  return logicalLines(lines)
    .filter(({ text }) => {
      const line = plain(text);
      for (let at = line.indexOf(wanted); at >= 0; at = line.indexOf(wanted, at + 1)) {
        const before = line.slice(Math.max(0, at - AROUND), at).trimEnd();
        const after = line.slice(at + wanted.length, at + wanted.length + AROUND).trimStart();
        const begins = before === '' || /(?:[;&|({!`]|\b(?:then|do|else|if|elif|while|until|time))$/.test(before);
        if (begins && (after === '' || /^[;&|)}#`]/.test(after))) return true;
      }
      return false;
    })
    .map(({ line }) => line);
}

/** Joins lines that end in a backslash with the next one. */
function logicalLines(lines: readonly string[]): readonly { readonly line: number; readonly text: string }[] {
  const found: { readonly line: number; readonly parts: string[] }[] = [];
  let continued = false;
  for (const [index, text] of lines.entries()) {
    if (!continued) found.push({ line: index + 1, parts: [] });
    continued = (text.length - withoutEnd(text, '\\').length) % 2 === 1;
    found.at(-1)!.parts.push(continued ? text.slice(0, -1) : text);
  }
  return found.map(({ line, parts }) => ({ line, text: parts.join(' ') }));
}

/** Spaces as bash writes them, without those after a redirection. */
function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/([<>]&?) /g, '$1')
    .trim();
}

function cut(line: string): string {
  return line.length <= SHOWN ? line : `${line.slice(0, SHOWN)}…`;
}
