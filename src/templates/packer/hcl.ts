/**
 * Parses HCL2 as in Packer's templates, and JSON, into blocks, attributes and expressions with their positions. Pure;
 * one pass. Source: the HCL native syntax specification.
 */
import { PackerFault, type Attribute, type Block, type Body, type Expr, type Place } from './syntax.ts';
import { TemplateText, type Directive, type Sequence } from './template-text.ts';

/** Maximum characters of a text. */
const MOST_CHARACTERS = 1 << 20;
/** Maximum nesting of expressions and blocks. */
const MOST_DEPTH = 64;

/**
 * Parses an HCL2 file.
 * @throws {PackerFault}
 */
export function parseHcl(file: string, text: string): Body {
  return new Reader(file, text, 'hcl').file();
}

/**
 * Parses one expression, such as a variable's value from the command line.
 * @throws {PackerFault}
 */
export function parseExpression(file: string, text: string): Expr {
  return new Reader(file, text, 'hcl').wholeExpression();
}

/**
 * Parses the text of a file for `templatefile()`.
 * @throws {PackerFault}
 */
export function parseTemplateText(file: string, text: string): Expr {
  const at = { file, line: 1, column: 1 };
  return { kind: 'template', parts: new Reader(file, text, 'hcl').template(), at };
}

/**
 * Parses JSON: objects, arrays and literals become expressions, texts are unchanged.
 * @throws {PackerFault}
 */
export function parseJson(file: string, text: string): Expr {
  return new Reader(file, text, 'json').wholeExpression();
}

const BINARY: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };
const JSON_ESCAPES: Readonly<Record<string, string>> = { ...ESCAPES, '/': '/', b: '\b', f: '\f' };
const NAME = /[\p{L}_][\p{L}\p{N}_-]*/uy;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEREDOC = /<<(-?)([\p{L}_][\p{L}\p{N}_-]*)[ \t]*\r?\n/uy;

class Reader {
  readonly #file: string;
  readonly #text: string;
  readonly #mode: 'hcl' | 'json';
  readonly #firstLine: number;
  readonly #lines: number[] = [0];
  #at = 0;
  #depth = 0;
  /** Greater than 0 inside brackets, where line ends have no meaning. */
  #nested = 0;

  constructor(file: string, text: string, mode: 'hcl' | 'json', firstLine = 1) {
    this.#file = file;
    this.#text = text;
    this.#mode = mode;
    this.#firstLine = firstLine;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#lines.push(at + 1);
    if (text.length > MOST_CHARACTERS) this.#fail(`the file has ${text.length} characters; at most ${MOST_CHARACTERS}`);
  }

  file(): Body {
    const body = this.#body(false);
    if (this.#at < this.#text.length) this.#fail(`unexpected ${this.#found()}`);
    return body;
  }

  wholeExpression(): Expr {
    this.#nested++;
    const value = this.#expression();
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`unexpected ${this.#found()} after the value`);
    return value;
  }

  /** The parts of a text with `${}` and `%{}`. */
  template(): readonly (string | Expr)[] {
    const text = new TemplateText();
    while (this.#at < this.#text.length) this.#pieceOf(text);
    return text.parts();
  }

  /** One character, escape or sequence. */
  #pieceOf(text: TemplateText): void {
    const found = this.#mode === 'json' ? undefined : this.#interpolation();
    if (found === undefined) text.text(this.#text[this.#at++]!);
    else if (typeof found === 'string') text.text(found);
    else text.sequence(found);
  }

  #place(at = this.#at): Place {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lines[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { file: this.#file, line: low + this.#firstLine, column: at - this.#lines[low]! + 1 };
  }

  #fail(message: string, at = this.#at): never {
    throw new PackerFault(message, this.#place(at));
  }

  #found(): string {
    const character = this.#text[this.#at];
    return character === undefined ? 'end of the file' : `'${character === '\n' ? 'end of line' : character}'`;
  }

  /** Skips spaces and comments; also line ends, inside brackets or on request. */
  #space(lines = this.#nested > 0): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character === ' ' || character === '\t' || character === '\r' || (lines && character === '\n')) this.#at++;
      else if (character === '#' || this.#text.startsWith('//', this.#at)) {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end === -1 ? this.#text.length : end;
      } else if (this.#text.startsWith('/*', this.#at)) {
        const end = this.#text.indexOf('*/', this.#at + 2);
        if (end === -1) this.#fail('the comment is not closed');
        this.#at = end + 2;
      } else return;
    }
  }

  #take(sign: string): boolean {
    this.#space();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #need(sign: string, or = ''): void {
    if (!this.#take(sign)) this.#fail(`expected ${or}'${sign}', found ${this.#found()}`);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #deeper<T>(read: () => T): T {
    if (++this.#depth > MOST_DEPTH) this.#fail(`nested deeper than ${MOST_DEPTH} levels`);
    try {
      return read();
    } finally {
      this.#depth--;
    }
  }

  #within<T>(nested: number, read: () => T): T {
    const before = this.#nested;
    this.#nested = nested;
    try {
      return read();
    } finally {
      this.#nested = before;
    }
  }

  #body(inBraces: boolean): Body {
    const attributes: Attribute[] = [];
    const blocks: Block[] = [];
    for (;;) {
      this.#space(true);
      if (this.#at >= this.#text.length || (inBraces && this.#text[this.#at] === '}')) return { attributes, blocks };
      const at = this.#place();
      const name = this.#match(NAME)?.[0] ?? this.#fail(`expected a name, found ${this.#found()}`);
      this.#space();
      if (this.#text[this.#at] === '=' && this.#text[this.#at + 1] !== '=') {
        this.#at++;
        attributes.push({ name, value: this.#expression(), at });
      } else blocks.push(this.#block(name, at));
      this.#space();
      const next = this.#text[this.#at];
      if (next !== undefined && next !== '\n' && !(inBraces && next === '}') && next !== ',')
        this.#fail(`expected the end of the line, found ${this.#found()}`);
    }
  }

  #block(type: string, at: Place): Block {
    const labels: string[] = [];
    for (;;) {
      this.#space();
      if (this.#take('{')) break;
      const start = this.#at;
      if (this.#text[this.#at] === '"') {
        const label = this.#quoted();
        if (label.kind !== 'literal') this.#fail('a label is a plain text', start);
        labels.push(String(label.value));
      } else labels.push(this.#match(NAME)?.[0] ?? this.#fail(`expected '=' or '{', found ${this.#found()}`));
    }
    const body = this.#deeper(() => this.#within(0, () => this.#body(true)));
    this.#within(1, () => this.#need('}'));
    return { type, labels, body, at };
  }

  #expression(): Expr {
    return this.#deeper(() => {
      const test = this.#binary(0);
      if (this.#mode === 'json' || !this.#take('?')) return test;
      const yes = this.#expression();
      this.#need(':');
      return { kind: 'conditional', test, yes, no: this.#expression(), at: test.at };
    });
  }

  #binary(level: number): Expr {
    const operators = BINARY[level];
    if (operators === undefined || this.#mode === 'json') return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      this.#space();
      const operator = operators.find((sign) => this.#text.startsWith(sign, this.#at));
      if (operator === undefined) return left;
      this.#at += operator.length;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1), at: left.at };
    }
  }

  #unary(): Expr {
    this.#space();
    const at = this.#place();
    const sign = this.#text[this.#at];
    if (sign !== '!' && sign !== '-') return this.#postfix();
    this.#at++;
    return this.#deeper(() => ({ kind: 'unary', operator: sign, of: this.#unary(), at }));
  }

  #postfix(): Expr {
    let of = this.#primary();
    if (this.#mode === 'json') return of;
    for (;;) {
      const at = this.#place();
      const next = this.#text[this.#at];
      if (next === '.' && this.#text[this.#at + 1] === '*') {
        this.#at += 2;
        of = { kind: 'splat', of, path: this.#path(), at };
      } else if (next === '.' && this.#text[this.#at + 1] !== '.') {
        this.#at++;
        const name = this.#match(NAME)?.[0] ?? this.#match(NUMBER)?.[0] ?? this.#fail('expected a name after the dot');
        of = { kind: 'attribute', of, name, at };
      } else if (this.#text.startsWith('[*]', this.#at)) {
        this.#at += 3;
        of = { kind: 'splat', of, path: this.#path(), at };
      } else if (next === '[') {
        this.#at++;
        const key = this.#within(1, () => {
          const read = this.#expression();
          this.#need(']');
          return read;
        });
        of = { kind: 'index', of, key, at };
      } else return of;
    }
  }

  #path(): readonly string[] {
    const path: string[] = [];
    while (this.#text[this.#at] === '.') {
      this.#at++;
      path.push(this.#match(NAME)?.[0] ?? this.#fail('expected a name after the dot'));
    }
    return path;
  }

  #primary(): Expr {
    this.#space();
    const at = this.#place();
    const next = this.#text[this.#at];
    if (next === '"') return this.#quoted();
    if (next === '(') {
      this.#at++;
      return this.#within(1, () => {
        const value = this.#expression();
        this.#need(')');
        return value;
      });
    }
    if (next === '[') return this.#within(1, () => this.#tuple(at));
    if (next === '{') return this.#within(1, () => this.#object(at));
    if (next === '<') return this.#heredoc(at);
    const number = this.#match(NUMBER);
    if (number !== null) return { kind: 'literal', value: Number(number[0]), at };
    const name = this.#match(NAME)?.[0] ?? this.#fail(`expected a value, found ${this.#found()}`);
    if (name === 'true' || name === 'false') return { kind: 'literal', value: name === 'true', at };
    if (name === 'null') return { kind: 'literal', value: null, at };
    if (this.#text[this.#at] !== '(') return { kind: 'name', name, at };
    this.#at++;
    return this.#within(1, () => this.#call(name, at));
  }

  #call(name: string, at: Place): Expr {
    const args: Expr[] = [];
    let spread = false;
    while (!this.#take(')')) {
      args.push(this.#expression());
      spread = this.#take('...');
      if (!this.#take(',')) {
        this.#need(')', "',' or ");
        break;
      }
    }
    return { kind: 'call', name, args, spread, at };
  }

  #tuple(at: Place): Expr {
    this.#at++;
    if (this.#isFor()) return this.#for(at, ']');
    const items: Expr[] = [];
    while (!this.#take(']')) {
      items.push(this.#expression());
      if (!this.#take(',')) {
        this.#need(']', "',' or ");
        break;
      }
    }
    return { kind: 'tuple', items, at };
  }

  #object(at: Place): Expr {
    this.#at++;
    if (this.#isFor()) return this.#for(at, '}');
    const items: [Expr, Expr][] = [];
    while (!this.#take('}')) {
      const key = this.#expression();
      if (!this.#take('=')) this.#need(':');
      // A line end separates items like a comma.
      const value = this.#within(0, () => {
        this.#space(true);
        return this.#expression();
      });
      items.push([key.kind === 'name' ? { kind: 'literal', value: key.name, at: key.at } : key, value]);
      if (this.#take(',')) continue;
      if (this.#mode === 'json') {
        this.#need('}', "',' or ");
        break;
      }
    }
    return { kind: 'object', items, at };
  }

  #isFor(): boolean {
    this.#space();
    return this.#mode === 'hcl' && /^for\s/.test(this.#text.slice(this.#at, this.#at + 4));
  }

  #forHead(): { readonly names: readonly string[]; readonly over: Expr } {
    const names: string[] = [];
    do {
      this.#space();
      names.push(this.#match(NAME)?.[0] ?? this.#fail('expected a name'));
    } while (this.#take(','));
    this.#need('in');
    return { names, over: this.#expression() };
  }

  #for(at: Place, end: string): Expr {
    this.#at += 'for'.length;
    const { names, over } = this.#forHead();
    this.#need(':');
    const first = this.#expression();
    const value = this.#take('=>') ? this.#expression() : undefined;
    if (this.#take('...')) this.#fail('grouping (...) is not supported');
    this.#space();
    let test: Expr | undefined;
    if (/^if\s/.test(this.#text.slice(this.#at, this.#at + 3))) {
      this.#at += 'if'.length;
      test = this.#expression();
    }
    this.#need(end);
    return {
      kind: 'for',
      names,
      over,
      value: value ?? first,
      at,
      key: value === undefined ? undefined : first,
      test,
    };
  }

  #quoted(): Expr {
    const at = this.#place();
    const start = this.#at++;
    const text = new TemplateText();
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === '\n') this.#fail('the text has no closing quote', start);
      if (character === '"') break;
      if (character === '\\') text.text(this.#escape());
      else this.#pieceOf(text);
    }
    this.#at++;
    return textExpression(text.parts(), at);
  }

  #escape(): string {
    const sign = this.#text[this.#at + 1] ?? '';
    const size = sign === 'u' ? 4 : sign === 'U' && this.#mode === 'hcl' ? 8 : 0;
    if (size > 0) {
      const digits = this.#text.slice(this.#at + 2, this.#at + 2 + size);
      const code = /^[0-9a-fA-F]+$/.test(digits) && digits.length === size ? Number.parseInt(digits, 16) : -1;
      if (code < 0 || code > 0x10ffff) this.#fail(`invalid escape \\${sign}${digits}`);
      this.#at += 2 + size;
      return String.fromCodePoint(code);
    }
    const escapes = this.#mode === 'json' ? JSON_ESCAPES : ESCAPES;
    if (!Object.hasOwn(escapes, sign)) this.#fail(`invalid escape \\${sign}; a backslash is written \\\\`);
    this.#at += 2;
    return escapes[sign]!;
  }

  /** Parses `${`, `%{` or their escapes, and moves to the text after it. */
  #interpolation(): Sequence | string | undefined {
    const sign = this.#text[this.#at];
    if (sign !== '$' && sign !== '%') return undefined;
    if (this.#text.startsWith(`${sign}${sign}{`, this.#at)) {
      this.#at += 3;
      return `${sign}{`;
    }
    if (this.#text[this.#at + 1] !== '{') return undefined;
    const at = this.#place();
    this.#at += 2;
    const stripBefore = this.#text[this.#at] === '~';
    if (stripBefore) this.#at++;
    return this.#within(1, () => {
      const of = sign === '$' ? this.#expression() : this.#directive(at);
      const stripAfter = this.#take('~');
      this.#need('}');
      return { of, stripBefore, stripAfter };
    });
  }

  #directive(at: Place): Directive {
    this.#space();
    const start = this.#at;
    const word = this.#match(NAME)?.[0];
    switch (word) {
      case 'if':
        return { word, test: this.#expression(), at };
      case 'for':
        return { word, ...this.#forHead(), at };
      case 'else':
      case 'endif':
      case 'endfor':
        return { word, at };
      default:
        return this.#fail('expected if, else, endif, for or endfor after %{', start);
    }
  }

  #heredoc(at: Place): Expr {
    const [, dash, marker] = this.#match(HEREDOC) ?? this.#fail(`expected a value, found ${this.#found()}`);
    const firstLine = this.#place().line;
    const lines: string[] = [];
    for (;;) {
      if (this.#at >= this.#text.length) throw new PackerFault(`the text <<${marker} is not closed`, at);
      const end = this.#text.indexOf('\n', this.#at);
      const line = this.#text.slice(this.#at, end === -1 ? this.#text.length : end);
      if (line.trim() === marker) {
        this.#at += line.length;
        break;
      }
      lines.push(line);
      this.#at = end === -1 ? this.#text.length : end + 1;
    }
    const indents = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length);
    let indent = 0;
    if (dash === '-' && indents.length > 0) indent = indents.reduce((least, each) => Math.min(least, each));
    const text = lines.map((line) => `${line.slice(indent).replace(/\r$/, '')}\n`).join('');
    const parts = new Reader(this.#file, text, 'hcl', firstLine).template();
    return textExpression(parts, at);
  }
}

function textExpression(parts: readonly (string | Expr)[], at: Place): Expr {
  return parts.length === 1 ? { kind: 'literal', value: parts[0] as string, at } : { kind: 'template', parts, at };
}
