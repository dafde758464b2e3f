/**
 * Finds the commands of a bash script, as far as possible without running it: the words where bash expects a command,
 * also inside `$( )`, backquotes, `sudo`, `bash -c '…'`, `eval`, `xargs`, `find -exec` and a here-document for a shell.
 * Comments, arguments, other here-documents and patterns of `case` are text. The reader never fails: for a script that
 * bash would reject it returns what it could read.
 *
 * The API process reads scripts of untrusted users, so the work is linear in the length of any script. What is beyond a
 * limit is not read.
 */
import { Scanner, type Draft, type ReadingBudget } from './shell-scanner.ts';

/** One command. */
export interface ShellCommand {
  /**
   * Program and arguments without quotes; a program's directory is removed. What is only known in a run (`$name`,
   * `$(…)`) stays as written. Prefixes such as `sudo` and `VAR=x` are removed. Empty for a redirection without a
   * command.
   */
  readonly words: readonly string[];
  /** The program as written, with its directory. */
  readonly program: string;
  /** Files that output is redirected to. */
  readonly writes: readonly string[];
  /** Files that input is redirected from. */
  readonly reads: readonly string[];
  /** A here-document or here-string as its input. */
  readonly input?: string;
  /** A file of shell commands that it runs: `bash FILE`, `. FILE`. */
  readonly runs?: string;
  /** The line of the script where it begins, from 1. */
  readonly line: number;
}

/** Maximum depth of scripts in scripts (`bash -c`, `eval`), and of nested `find` commands. */
const MAX_DEPTH = 8;
/** Maximum total length of all scripts in a script, as a multiple of its length. */
const MAX_READINGS = 8;
/** Maximum number of characters that are read. No real script is longer, and a payload need not be read. */
const MAX_LENGTH = 1 << 20;

/** All commands of a script, nested ones before the ones that contain them. */
export function shellCommands(script: string): readonly ShellCommand[] {
  const text = script.slice(0, MAX_LENGTH);
  const reading: Reading = { left: text.length * (MAX_READINGS + 1), found: [] };
  readScript(text, 1, 0, reading);
  return reading.found;
}

interface Reading extends ReadingBudget {
  readonly found: ShellCommand[];
}

function readScript(script: string, line: number, depth: number, reading: Reading): void {
  if (depth > MAX_DEPTH) return;
  const scanner = new Scanner(script, line, reading);
  scanner.scan();
  for (const draft of scanner.found) unwrap(draft, depth, reading);
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'if',
  'then',
  'elif',
  'else',
  'do',
  'while',
  'until',
  '!',
  '{',
  '}',
  'coproc',
  'done',
  'fi',
  'esac',
]);

const ASSIGNMENT = /^[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=/;

/**
 * Programs that run the command in their arguments: which of their options take a value, and how many words precede the
 * command.
 */
const PREFIXES: Readonly<Record<string, { readonly valued?: string; readonly before?: number }>> = {
  sudo: { valued: 'ughpCrtTUDR' },
  doas: { valued: 'uC' },
  env: { valued: 'uC' },
  nohup: {},
  setsid: {},
  exec: { valued: 'a' },
  builtin: {},
  command: {},
  time: { valued: 'fo' },
  timeout: { valued: 'sk', before: 1 },
  nice: { valued: 'n' },
  ionice: { valued: 'cn' },
  chrt: { before: 1 },
  taskset: { before: 1 },
  stdbuf: { valued: 'ioe' },
  xargs: { valued: 'nIPLdasE' },
  chroot: { before: 1 },
  unshare: {},
  nsenter: { valued: 't' },
  'systemd-run': { valued: 'pu' },
  'systemd-inhibit': {},
  flock: { valued: 'wE', before: 1 },
  watch: { valued: 'n' },
  strace: { valued: 'oep' },
  eatmydata: {},
  fakeroot: {},
  unbuffer: {},
  runuser: { valued: 'ug' },
  'systemd-cat': { valued: 'tp' },
  busybox: {},
  ltrace: { valued: 'oep' },
};
const SHELLS: ReadonlySet<string> = new Set(['bash', 'sh', 'dash', 'ash', 'zsh', 'ksh', 'rbash']);

/** Finds the command after its prefixes, and the commands of the scripts in its arguments. */
function unwrap(draft: Draft, depth: number, reading: Reading): void {
  const all = draft.words;
  // An index instead of a shorter copy of the words: there may be hundreds of thousands of prefixes.
  let start = 0;
  let option: OptionC | undefined;
  const scriptBehind = (from: number): string | undefined => {
    if (option === undefined || option.from > from || (option.at <= from && option.at !== -1))
      option = findOptionC(all, from);
    return option.at === -1 ? undefined : all[option.at + 1];
  };
  for (;;) {
    const first = all[start];
    if (first === undefined) break;
    if (KEYWORDS.has(first) || ASSIGNMENT.test(first)) start += 1;
    else if (first === 'function') start += 2;
    else if (first === 'for' || first === 'select' || first === 'case') start = all.length;
    // `$SUDO command`: a leading variable is probably a prefix.
    else if (/^\$(?:\w+|\{\w+\})$/.test(first) && start + 1 < all.length) start += 1;
    else {
      const program = baseName(first);
      const prefix = Object.hasOwn(PREFIXES, program) ? PREFIXES[program] : undefined;
      if (prefix === undefined || start + 1 === all.length) break;
      if (program === 'command' && /^-[vV]/.test(all[start + 1]!)) break;
      const script = program === 'flock' || program === 'runuser' ? scriptBehind(start) : undefined;
      if (script !== undefined) {
        readScript(script, draft.line, depth + 1, reading);
        return;
      }
      start = behindPrefix(all, start, prefix);
    }
  }
  const first = all[start];
  const { writes, reads, line, input } = draft;
  const given = { writes, reads, line, input };
  if (first === undefined) {
    if (writes.length + reads.length > 0) reading.found.push({ words: [], program: '', ...given });
    return;
  }

  const program = baseName(first);
  const rest = all.slice(start + 1);
  const self: ShellCommand = { words: [program, ...rest], program: first, ...given };
  const found = (command: ShellCommand): void => void reading.found.push(command);
  const nested = (script: string): void => {
    readScript(script, line, depth + 1, reading);
    found(self);
  };
  if (program === 'eval') return nested(rest.join(' '));
  if (program === 'trap' && rest.length > 1) return nested(rest[0]!);
  if (program === 'su') return nested(scriptBehind(start) ?? '');
  if (program === '.' || program === 'source') return found(rest[0] === undefined ? self : { ...self, runs: rest[0] });
  if (program === 'find') {
    if (depth < MAX_DEPTH) for (const words of execCommands(rest)) unwrap({ ...draft, words }, depth + 1, reading);
    return found(self);
  }
  if (!SHELLS.has(program)) return found(self);
  const script = scriptBehind(start);
  if (script !== undefined) return nested(script);
  const file = rest.find((word) => !/^[-+]/.test(word));
  if (file !== undefined) return found({ ...self, runs: file });
  return input === undefined ? found(self) : nested(input);
}

/** Position of the first `-c` after the word `from`; -1 if there is none. */
interface OptionC {
  readonly from: number;
  readonly at: number;
}

/** The option `-c`, also as the last of several letters (`-euxc`). */
function findOptionC(words: readonly string[], from: number): OptionC {
  for (let at = from + 1; at < words.length; at += 1) {
    const word = words[at]!;
    if (/^-[a-z]*c$/.test(word) || word === '--command') return { from, at };
  }
  return { from, at: -1 };
}

/** The index of the command after a prefix. */
function behindPrefix(
  words: readonly string[],
  start: number,
  prefix: { readonly valued?: string; readonly before?: number },
): number {
  let at = start + 1;
  for (; at < words.length && /^-./.test(words[at]!); at += 1) {
    const option = words[at]!;
    if (option === '--') {
      at += 1;
      break;
    }
    if (/^-[A-Za-z]$/.test(option) && prefix.valued?.includes(option[1]!) === true) at += 1;
  }
  return at + (prefix.before ?? 0);
}

/** The commands of `-exec` and similar. One ends at its `;` or `+`; its content is read as part of it only. */
function execCommands(words: readonly string[]): readonly string[][] {
  const found: string[][] = [];
  for (let index = 0; index < words.length; index += 1) {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(words[index]!)) continue;
    const start = index + 1;
    while (index < words.length && words[index] !== ';' && words[index] !== '+') index += 1;
    found.push(words.slice(start, index));
  }
  return found;
}

/** The program's name without its directory. */
function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1) || word;
}
