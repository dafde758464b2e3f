/** Splits a bash script into words: where bash expects a command, with redirections and here-documents. */

/** Maximum nesting of `( )`, `$( )`, `${ }`, backquotes and here-documents. */
const MAX_NESTING = 40;
/** Limits that a script shares with all scripts in it. */
export interface ReadingBudget {
  /** Number of characters that may still be read: a text that is read again as part of another counts again. */
  left: number;
}

/** A command as written, with its prefixes. */
export interface Draft {
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
/** Finds the commands of one text, and those of its expansions. */
export class Scanner {
  readonly found: Draft[];
  readonly #text: string;
  readonly #reading: ReadingBudget;
  #at = 0;
  #line: number;
  #nesting: number;
  #hereDocuments: HereDocument[] = [];

  /** @param outer the scanner of the text around a here-document, which shares its drafts */
  constructor(text: string, line: number, reading: ReadingBudget, outer?: Scanner) {
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

  /** Deeper nesting is left unread, which protects the stack. */
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

  /** `(( … ))`, `name() …`, or a group. Returns the command that continues after it. */
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

  /** The end of a line, with the here-documents that begin after it. */
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

  /** Reads one word, from its first character. */
  #word(end: string): string {
    let word = '';
    let grouped = false;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (' \t\r\n;&|<>)'.includes(char) || (end !== '' && char === end)) break;
      if (char === '(') {
        // An array, or a pattern such as @(a|b); anything else begins a group. It checks the text instead of the word,
        // because a word of many pieces is joined each time it is read.
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

  /** Reads text in which only expansions have a meaning, up to `end` or the end of the text. */
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

  /** Reads what begins with `$` or a backquote, as written, and finds commands in it. */
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

  /** Reads from an opening bracket to its `close`, as written, and finds commands in expansions. */
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

  /** The text up to an index, and moves there. */
  #take(to: number): string {
    const text = this.#text.slice(this.#at, to);
    for (const char of text) if (char === '\n') this.#line += 1;
    this.#at = to;
    return text;
  }
}

/** Only `name=`, which may precede an array's `(`. */
const ASSIGNED = /^[A-Za-z_]\w*\+?=$/;
