/**
 * The commands of a bash script, as far as they can be read without running it: what stands at a place where bash would look for a
 * command, also inside `$( )`, backquotes, `sudo`, `bash -c '…'`, `eval`, `xargs`, `find -exec` and a here-document for a shell. Text
 * is no command: comments, arguments, other here-documents, patterns of `case`. It never fails: of a script that bash would refuse it
 * gives what it could read.
 */

/** One command. */
export interface ShellCommand {
  /**
   * Program and arguments without their quotes; a program's folder is taken away. What only a run can tell (`$name`, `$(…)`) stays as
   * it is written. Prefixes such as `sudo` and `VAR=x` are gone. Empty for a redirection alone.
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

const MAX_DEPTH = 8;
/** Longer scripts are read as far as this, in characters: nobody writes such a script, and a rule need not read a payload. */
const MAX_LENGTH = 1 << 20;

/** All commands of a script, nested ones before those that they are part of. */
export function shellCommands(script: string): readonly ShellCommand[] {
  return commandsAt(script.slice(0, MAX_LENGTH), 1, 0);
}

function commandsAt(script: string, line: number, depth: number): readonly ShellCommand[] {
  if (depth > MAX_DEPTH) return [];
  const scanner = new Scanner(script, line);
  scanner.scan();
  return scanner.found.flatMap((draft) => unwrap(draft, depth));
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
const KEYWORDS: ReadonlySet<string> = new Set(['if', 'then', 'elif', 'else', 'do', 'while', 'until', '!', '{', '}', 'coproc', 'done', 'fi', 'esac']);

class Scanner {
  readonly found: Draft[] = [];
  readonly #text: string;
  #at = 0;
  #line: number;
  #nesting = 0;
  #hereDocuments: HereDocument[] = [];

  constructor(text: string, line: number) {
    this.#text = text;
    this.#line = line;
  }

  scan(): void {
    this.#commands('');
  }

  /** Reads commands up to the character that ends this list: `)`, a backquote, or none. */
  #commands(end: string): void {
    let draft = this.#draft();
    this.#nesting += 1;
    // Deeper than any script goes: the rest is left unread rather than the stack overrun.
    if (this.#nesting > 100) this.#at = this.#text.length;
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
        continue;
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
      const inside = new Scanner(draft.input, first);
      inside.#expansions('');
      this.found.push(...inside.found);
    }
  }

  /** One word; it stands at its first character. */
  #word(end: string): string {
    let word = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (' \t\r\n;&|<>)'.includes(char) || (end !== '' && char === end)) break;
      if (char === '(') {
        // An array, or a pattern such as @(a|b); anything else starts a group.
        if (!/(?:^[A-Za-z_]\w*\+?=|[@?*+!])$/.test(word)) break;
        word += this.#until(')', 1);
      } else if (char === '\\') {
        if (this.#lineContinues()) continue;
        word += this.#text[this.#at + 1] ?? '';
        this.#at += 2;
      } else if (char === '\'') {
        const stop = this.#text.indexOf('\'', this.#at + 1);
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
    } else if (next === '\'') {
      this.#at += 2;
      while (this.#at < this.#text.length && this.#text[this.#at] !== '\'') this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
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
        this.#nesting += 1;
        if (this.#nesting > 100) this.#at = this.#text.length;
        this.#expansion();
        this.#nesting -= 1;
      } else if (char === '\'' && close === ')') {
        const stop = this.#text.indexOf('\'', this.#at + 1);
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

const ASSIGNMENT = /^[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=/;

/** Programs that run the command in their arguments: which of their options take a value, and how many words come before the command. */
const PREFIXES: Readonly<Record<string, { readonly valued?: string; readonly before?: number }>> = {
  sudo: { valued: 'ughpCrtTUDR' }, doas: { valued: 'uC' }, env: { valued: 'uC' }, nohup: {}, setsid: {}, exec: { valued: 'a' }, builtin: {}, command: {},
  time: { valued: 'fo' }, timeout: { valued: 'sk', before: 1 }, nice: { valued: 'n' }, ionice: { valued: 'cn' }, chrt: { before: 1 },
  taskset: { before: 1 }, stdbuf: { valued: 'ioe' }, xargs: { valued: 'nIPLdasE' }, chroot: { before: 1 }, unshare: {}, nsenter: { valued: 't' },
  'systemd-run': { valued: 'pu' }, 'systemd-inhibit': {}, flock: { valued: 'wE', before: 1 }, watch: { valued: 'n' }, strace: { valued: 'oep' },
  eatmydata: {}, fakeroot: {}, unbuffer: {}, runuser: { valued: 'ug' }, 'systemd-cat': { valued: 'tp' }, busybox: {}, ltrace: { valued: 'oep' },
};
const SHELLS: ReadonlySet<string> = new Set(['bash', 'sh', 'dash', 'ash', 'zsh', 'ksh', 'rbash']);

/** The command behind its prefixes, and the commands of the scripts that it carries. */
function unwrap(draft: Draft, depth: number): readonly ShellCommand[] {
  let words = draft.words;
  for (;;) {
    const first = words[0];
    if (first === undefined) break;
    if (KEYWORDS.has(first) || ASSIGNMENT.test(first)) words = words.slice(1);
    else if (first === 'function') words = words.slice(2);
    else if (first === 'for' || first === 'select' || first === 'case') words = [];
    // `$SUDO command`: a variable in front is a prefix at most.
    else if (/^\$(?:\w+|\{\w+\})$/.test(first) && words.length > 1) words = words.slice(1);
    else {
      const program = baseName(first);
      const prefix = Object.hasOwn(PREFIXES, program) ? PREFIXES[program] : undefined;
      if (prefix === undefined || words.length === 1) break;
      if (program === 'command' && /^-[vV]/.test(words[1]!)) break;
      const script = program === 'flock' || program === 'runuser' ? optionC(words) : undefined;
      if (script !== undefined) return commandsAt(script, draft.line, depth + 1);
      words = behindPrefix(words, prefix);
    }
  }
  const first = words[0];
  const { writes, reads, line, input } = draft;
  const given = { writes, reads, line, ...(input === undefined ? {} : { input }) };
  if (first === undefined) return writes.length + reads.length === 0 ? [] : [{ words: [], program: '', ...given }];

  const program = baseName(first);
  const rest = words.slice(1);
  const self: ShellCommand = { words: [program, ...rest], program: first, ...given };
  const nested = (script: string): readonly ShellCommand[] => [...commandsAt(script, line, depth + 1), self];
  if (program === 'eval') return nested(rest.join(' '));
  if (program === 'trap' && rest.length > 1) return nested(rest[0]!);
  if (program === 'su') return nested(optionC(words) ?? '');
  if (program === '.' || program === 'source') return rest[0] === undefined ? [self] : [{ ...self, runs: rest[0] }];
  if (program === 'find') return [...execCommands(rest).flatMap((inner) => unwrap({ ...draft, words: inner }, depth + 1)), self];
  if (!SHELLS.has(program)) return [self];
  const script = optionC(words);
  if (script !== undefined) return nested(script);
  const file = rest.find((word) => !/^[-+]/.test(word));
  if (file !== undefined) return [{ ...self, runs: file }];
  return input === undefined ? [self] : nested(input);
}

/** The script behind `-c`, also as the last of several letters (`-euxc`). */
function optionC(words: readonly string[]): string | undefined {
  const index = words.findIndex((word, place) => place > 0 && (/^-[a-z]*c$/.test(word) || word === '--command'));
  return index === -1 ? undefined : words[index + 1];
}

function behindPrefix(words: readonly string[], prefix: { readonly valued?: string; readonly before?: number }): string[] {
  let at = 1;
  for (; at < words.length && /^-./.test(words[at]!); at += 1) {
    const option = words[at]!;
    if (option === '--') {
      at += 1;
      break;
    }
    if (/^-[A-Za-z]$/.test(option) && prefix.valued?.includes(option[1]!) === true) at += 1;
  }
  return words.slice(at + (prefix.before ?? 0));
}

function execCommands(words: readonly string[]): readonly string[][] {
  const found: string[][] = [];
  for (const [index, word] of words.entries()) {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(word)) continue;
    const stop = words.findIndex((other, place) => place > index && (other === ';' || other === '+'));
    found.push(words.slice(index + 1, stop === -1 ? undefined : stop));
  }
  return found;
}

/** The program's name without its folder. */
function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1) || word;
}
