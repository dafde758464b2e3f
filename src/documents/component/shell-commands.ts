/**
 * The commands of a bash script, as far as they can be read without running it: what stands at a place where bash would
 * look for a command, also inside `$( )`, backquotes, `sudo`, `bash -c '…'`, `eval`, `xargs`, `find -exec` and a
 * here-document for a shell. Text is no command: comments, arguments, other here-documents, patterns of `case`. It
 * never fails: of a script that bash would refuse it gives what it could read.
 *
 * Scripts are a stranger's, and the API process reads them: the work is linear in the length of the script, whatever it
 * holds. What lies behind a limit is left unread.
 */

/** One command. */
export interface ShellCommand {
  /**
   * Program and arguments without their quotes; a program's folder is taken away. What only a run can tell (`$name`,
   * `$(…)`) stays as it is written. Prefixes such as `sudo` and `VAR=x` are gone. Empty for a redirection alone.
   */
  readonly words: readonly string[];
  /** The program as written, with its folder. */
  readonly program: string;
  /** Files that output goes to. */
  readonly writes: readonly string[];
  /** Files that input comes from. */
  readonly reads: readonly string[];
  /** A here-document or here-string on its input. */
  readonly input?: string;
  /** A file of shell commands that it runs: `bash FILE`, `. FILE`. */
  readonly runs?: string;
  /** Line of the script, from 1, that it starts on. */
  readonly line: number;
}

/** How deep scripts in scripts (`bash -c`, `eval`), and commands of `find` in one another, are followed. */
const MAX_DEPTH = 8;
/** How deep `( )`, `$( )`, `${ }`, backquotes and here-documents are followed within one another. */
const MAX_NESTING = 40;
/** How often the length of the script all scripts in it may have together. */
const MAX_READINGS = 8;
/**
 * Longer scripts are read as far as this, in characters: nobody writes such a script, and a rule need not read a
 * payload.
 */
const MAX_LENGTH = 1 << 20;

/** All commands of a script, nested ones before those that they are part of. */
export function shellCommands(script: string): readonly ShellCommand[] {
  const text = script.slice(0, MAX_LENGTH);
  const reading: Reading = { left: text.length * (MAX_READINGS + 1), found: [] };
  readScript(text, 1, 0, reading);
  return reading.found;
}

/** What is common to the reading of a script and of all scripts in it. */
interface Reading {
  /** Characters that may still be read: a text that is read again, as part of another, counts again. */
  left: number;
  readonly found: ShellCommand[];
}

function readScript(script: string, line: number, depth: number, reading: Reading): void {
  if (depth > MAX_DEPTH) return;
  const scanner = new Scanner(script, line, reading);
  scanner.scan();
  for (const draft of scanner.found) unwrap(draft, depth, reading);
}

interface Draft {
  words: string[];
  readonly writes: string[];
  readonly reads: string[];
  input?: string;
  line: number;
}

interface HereDocument {
  readonly delimiter: string;
  readonly stripTabs: boolean;
  readonly literal: boolean;
  readonly draft: Draft;
}

const REDIRECTION = /\d*(?:<<<|<<-|<<|<>|<&|>&|>>|>\||<|>)|&>>?/y;
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

class Scanner {
  readonly found: Draft[];
  readonly #text: string;
  readonly #reading: Reading;
  #at = 0;
  #line: number;
  #nesting: number;
  #hereDocuments: HereDocument[] = [];

  /** @param outer the scanner of the text around a here-document, which has this one's drafts too */
  constructor(text: string, line: number, reading: Reading, outer?: Scanner) {
    this.#text = text.length <= reading.left ? text : '';
    reading.left -= this.#text.length;
    this.#reading = reading;
    this.#line = line;
    this.found = outer?.found ?? [];
    this.#nesting = outer === undefined ? 0 : outer.#nesting + 1;
  }

  scan(): void {
    this.#commands('');
  }

  /** Reads commands up to the character that ends this list: `)`, a backquote, or none. */
  #commands(end: string): void {
    let draft = this.#draft();
    this.#enter();
    const finish = (): void => {
      if (draft.words.length > 0 || draft.writes.length > 0 || draft.reads.length > 0) this.found.push(draft);
      draft = this.#draft();
    };
    let cases = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (this.#lineContinues()) continue;
      if (draft.words.length === 0 && draft.writes.length === 0) draft.line = this.#line;
      if (char === '\n') {
        finish();
        this.#newline();
      } else if (char === ' ' || char === '\t' || char === '\r') {
        this.#at += 1;
      } else if (char === '#') {
        this.#skipComment();
      } else if (char === end) {
        this.#at += 1;
        break;
      } else if (char === ')') {
        draft = this.#draft();
        this.#at += 1;
      } else if (char === '(') {
        draft = this.#parenthesis(draft, finish);
      } else if ((char === '<' || char === '>') && this.#text[this.#at + 1] === '(') {
        const start = this.#at;
        this.#at += 2;
        this.#commands(')');
        draft.words.push(this.#text.slice(start, this.#at));
      } else if (this.#redirection(draft)) {
      } else if (char === ';' || char === '&' || char === '|') {
        finish();
        const next = this.#text[this.#at + 1];
        this.#at += 1;
        if (cases > 0 && char === ';' && (next === ';' || next === '&')) this.#pattern();
      } else {
        draft.words.push(this.#word(end));
        if (draft.words[0] === 'esac') cases = Math.max(0, cases - 1);
        if (draft.words[0] !== 'case' || draft.words.length !== 3 || draft.words[2] !== 'in') continue;
        draft = this.#draft();
        cases += 1;
        this.#pattern();
      }
    }
    finish();
    this.#nesting -= 1;
  }

  /** Deeper than any script goes: the rest is left unread rather than the stack overrun. */
  #enter(): void {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) this.#at = this.#text.length;
  }

  #draft(): Draft {
    return { words: [], writes: [], reads: [], line: this.#line };
  }

  #lineContinues(): boolean {
    if (this.#text[this.#at] !== '\\' || this.#text[this.#at + 1] !== '\n') return false;
    this.#at += 2;
    this.#line += 1;
    return true;
  }

  #skipComment(): void {
    const stop = this.#text.indexOf('\n', this.#at);
    this.#at = stop === -1 ? this.#text.length : stop;
  }

  /** Skips the pattern of a `case` with its `)`; stops before `esac`. */
  #pattern(): void {
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === '\n') this.#newline();
      else if (char === '#') this.#skipComment();
      else if (' \t\r;&|(<>'.includes(char)) this.#at += 1;
      else if (char === ')') {
        this.#at += 1;
        return;
      } else {
        const before = { at: this.#at, line: this.#line };
        if (this.#word('') !== 'esac') continue;
        this.#at = before.at;
        this.#line = before.line;
        return;
      }
    }
  }

  /** `(( … ))`, `name() …`, or a group. Gives the command that goes on after it. */
  #parenthesis(draft: Draft, finish: () => void): Draft {
    if (draft.words.length === 0 && this.#text.startsWith('((', this.#at)) {
      this.#skipArithmetic(2);
      return draft;
    }
    const empty = /\(\s*\)/y;
    empty.lastIndex = this.#at;
    if (draft.words.length > 0 && empty.test(this.#text)) {
      this.#at = empty.lastIndex;
      return this.#draft();
    }
    finish();
    this.#at += 1;
    this.#commands(')');
    return this.#draft();
  }

  #redirection(draft: Draft): boolean {
    REDIRECTION.lastIndex = this.#at;
    const operator = REDIRECTION.exec(this.#text)?.[0].replace(/^\d+/, '');
    if (operator === undefined) return false;
    this.#at = REDIRECTION.lastIndex;
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at += 1;
    if (operator === '<<' || operator === '<<-') {
      const start = this.#at;
      const delimiter = this.#word('');
      const literal = /['"\\]/.test(this.#text.slice(start, this.#at));
      this.#hereDocuments.push({ delimiter, stripTabs: operator === '<<-', literal, draft });
      return true;
    }
    const target = this.#word('');
    if (operator === '<<<') draft.input = target;
    else if (operator.endsWith('&') && /^(?:\d+-?|-)$/.test(target)) return true;
    else if (operator.includes('>')) draft.writes.push(target);
    else draft.reads.push(target);
    return true;
  }

  /** The end of a line, with the here-documents that start behind it. */
  #newline(): void {
    this.#at += 1;
    this.#line += 1;
    const waiting = this.#hereDocuments;
    this.#hereDocuments = [];
    for (const { delimiter, stripTabs, literal, draft } of waiting) {
      const first = this.#line;
      const body: string[] = [];
      while (this.#at < this.#text.length) {
        const stop = this.#text.indexOf('\n', this.#at);
        const whole = this.#text.slice(this.#at, stop === -1 ? undefined : stop);
        this.#at = stop === -1 ? this.#text.length : stop + 1;
        this.#line += 1;
        const line = stripTabs ? whole.replace(/^\t+/, '') : whole;
        if (line === delimiter) break;
        body.push(line);
      }
      draft.input = body.join('\n');
      if (literal) continue;
      if (this.#nesting < MAX_NESTING) new Scanner(draft.input, first, this.#reading, this).#expansions('');
    }
  }

  /** One word; it stands at its first character. */
  #word(end: string): string {
    let word = '';
    let grouped = false;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (' \t\r\n;&|<>)'.includes(char) || (end !== '' && char === end)) break;
      if (char === '(') {
        // An array, or a pattern such as @(a|b); anything else starts a group.
        // The text is asked, not the word: a word of many pieces is put together each time that it is looked at.
        const before = word === '' ? ' ' : this.#text[this.#at - 1]!;
        if (!'@?*+!'.includes(before) && (grouped || before !== '=' || !ASSIGNED.test(word))) break;
        word += this.#until(')', 1);
        grouped = true;
      } else if (char === '\\') {
        if (this.#lineContinues()) continue;
        word += this.#text[this.#at + 1] ?? '';
        this.#at += 2;
      } else if (char === "'") {
        const stop = this.#text.indexOf("'", this.#at + 1);
        word += this.#take(stop === -1 ? this.#text.length : stop + 1).replace(/^'|'$/g, '');
      } else if (char === '"') {
        this.#at += 1;
        word += this.#expansions('"');
      } else if (char === '$' || char === '`') {
        word += this.#expansion();
      } else {
        word += char;
        this.#at += 1;
      }
    }
    return word;
  }

  /** Text in which only expansions have a meaning, up to `end` or the end of the text. */
  #expansions(end: string): string {
    let text = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === end) {
        this.#at += 1;
        break;
      }
      if (this.#lineContinues()) continue;
      if (char === '\\' && '$`"\\'.includes(this.#text[this.#at + 1] ?? ' ')) {
        text += this.#text[this.#at + 1];
        this.#at += 2;
      } else if (char === '`' || (char === '$' && '({'.includes(this.#text[this.#at + 1] ?? ' '))) {
        text += this.#expansion();
      } else {
        if (char === '\n') this.#line += 1;
        text += char;
        this.#at += 1;
      }
    }
    return text;
  }

  /** What starts with `$` or a backquote, as written; commands in it are found. */
  #expansion(): string {
    const start = this.#at;
    const next = this.#text[this.#at + 1];
    if (this.#text[this.#at] === '`') {
      this.#at += 1;
      this.#commands('`');
    } else if (next === '(' && this.#text[this.#at + 2] === '(') {
      this.#skipArithmetic(3);
    } else if (next === '(') {
      this.#at += 2;
      this.#commands(')');
    } else if (next === '{') {
      this.#at += 1;
      this.#until('}', 1);
    } else if (next === "'") {
      this.#at += 2;
      while (this.#at < this.#text.length && this.#text[this.#at] !== "'")
        this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
      this.#at += 1;
      return this.#text.slice(start + 2, this.#at - 1);
    } else if (next === '"') {
      this.#at += 2;
      return this.#expansions('"');
    } else {
      this.#at += 1;
    }
    return this.#text.slice(start, this.#at);
  }

  /** Skips `((` of this length up to its `))`. */
  #skipArithmetic(length: number): void {
    this.#at += length;
    let depth = 2;
    while (this.#at < this.#text.length && depth > 0) {
      const char = this.#text[this.#at];
      if (char === '(') depth += 1;
      else if (char === ')') depth -= 1;
      else if (char === '\n') this.#line += 1;
      this.#at += 1;
    }
  }

  /** From an opening bracket to its `close`, as written; commands in expansions are found. */
  #until(close: string, skip: number): string {
    const start = this.#at;
    const open = this.#text[this.#at];
    this.#at += skip;
    let depth = 1;
    while (this.#at < this.#text.length && depth > 0) {
      const char = this.#text[this.#at]!;
      if (char === close) depth -= 1;
      else if (char === open) depth += 1;
      if (char === '\\') {
        this.#at += 2;
      } else if (char === '`' || (char === '$' && '({'.includes(this.#text[this.#at + 1] ?? ' '))) {
        this.#enter();
        this.#expansion();
        this.#nesting -= 1;
      } else if (char === "'" && close === ')') {
        const stop = this.#text.indexOf("'", this.#at + 1);
        this.#take(stop === -1 ? this.#text.length : stop + 1);
      } else {
        if (char === '\n') this.#line += 1;
        this.#at += 1;
      }
    }
    return this.#text.slice(start, this.#at);
  }

  /** The text up to an index, which is passed. */
  #take(to: number): string {
    const text = this.#text.slice(this.#at, to);
    for (const char of text) if (char === '\n') this.#line += 1;
    this.#at = to;
    return text;
  }
}

/** `name=` and nothing else: what an array's `(` may follow. */
const ASSIGNED = /^[A-Za-z_]\w*\+?=$/;
const ASSIGNMENT = /^[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=/;

/**
 * Programs that run the command in their arguments: which of their options take a value, and how many words come before
 * the command.
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

/** Finds the command behind its prefixes, and the commands of the scripts that it carries. */
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
    // `$SUDO command`: a variable in front is a prefix at most.
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

/** Where the first `-c` behind the word `from` stands; -1 for none. */
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

/** The index of what a prefix runs. */
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

/** The commands of `-exec` and the like. One reaches to its `;` or `+`: what is in it is read as part of it alone. */
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

/** The program's name without its folder. */
function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1) || word;
}
