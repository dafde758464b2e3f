/** Texts with `${}` and `%{}` as expressions. Pure. */
import { PackerFault, type Expr, type Place } from './syntax.ts';

/** `%{ if }`, `%{ else }`, `%{ endif }`, `%{ for }` or `%{ endfor }`. */
export type Directive =
  | { readonly word: 'if'; readonly test: Expr; readonly at: Place }
  | { readonly word: 'for'; readonly names: readonly string[]; readonly over: Expr; readonly at: Place }
  | { readonly word: 'else' | 'endif' | 'endfor'; readonly at: Place };

/** The content of `${}` or `%{}`, and whether a `~` removes the white space before and after it. */
export interface Sequence {
  readonly of: Expr | Directive;
  readonly stripBefore: boolean;
  readonly stripAfter: boolean;
}

/** Maximum nesting of directives. */
const MOST_DEPTH = 32;

/** Collects a text as parts: plain texts, and expressions between them. */
export class TemplateText {
  readonly #pieces: (string | Expr | Directive)[] = [];
  #plain = '';
  #strip = false;

  text(plain: string): void {
    this.#plain += plain;
  }

  sequence({ of, stripBefore, stripAfter }: Sequence): void {
    this.#close(stripBefore);
    this.#pieces.push(of);
    this.#strip = stripAfter;
  }

  /** @throws {PackerFault} for a directive that is not closed, or closes nothing */
  parts(): readonly (string | Expr)[] {
    this.#close(false);
    const rest = this.#pieces.values();
    const { parts, end } = partsOf(rest, 0);
    if (end !== undefined) throw new PackerFault(`%{ ${end.word} } without its beginning`, end.at);
    return parts;
  }

  /** As in HCL, a `~` removes spaces on its own line and one line end. */
  #close(stripEnd: boolean): void {
    let plain = this.#plain;
    if (this.#strip) {
      const end = plain.indexOf('\n') + 1 || plain.length;
      plain = plain.slice(0, end).trimStart() + plain.slice(end);
    }
    if (stripEnd && plain !== '') {
      const start = plain.length < 2 ? 0 : plain.lastIndexOf('\n', plain.length - 2) + 1;
      plain = plain.slice(0, start) + plain.slice(start).trimEnd();
    }
    this.#pieces.push(plain);
    this.#plain = '';
  }
}

/** The parts up to a directive that ends them. */
function partsOf(
  rest: Iterator<string | Expr | Directive>,
  depth: number,
): { readonly parts: readonly (string | Expr)[]; readonly end?: Directive } {
  const parts: (string | Expr)[] = [];
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    const piece = next.value;
    if (typeof piece === 'string' || 'kind' in piece) parts.push(piece);
    else if (piece.word === 'if' || piece.word === 'for') {
      if (depth >= MOST_DEPTH) throw new PackerFault(`%{ } nested deeper than ${MOST_DEPTH} levels`, piece.at);
      parts.push(piece.word === 'if' ? conditional(piece, rest, depth) : loop(piece, rest, depth));
    } else return { parts, end: piece };
  }
  return { parts };
}

function conditional(
  { test, at }: Extract<Directive, { word: 'if' }>,
  rest: Iterator<string | Expr | Directive>,
  depth: number,
): Expr {
  const yes = partsOf(rest, depth + 1);
  const no = yes.end?.word === 'else' ? partsOf(rest, depth + 1) : { parts: [''], end: yes.end };
  if (no.end?.word !== 'endif') throw new PackerFault('%{ if } has no %{ endif }', at);
  return { kind: 'conditional', test, yes: template(yes.parts, at), no: template(no.parts, at), at };
}

function loop(
  { names, over, at }: Extract<Directive, { word: 'for' }>,
  rest: Iterator<string | Expr | Directive>,
  depth: number,
): Expr {
  const { parts, end } = partsOf(rest, depth + 1);
  if (end?.word !== 'endfor') throw new PackerFault('%{ for } has no %{ endfor }', at);
  const value = template(parts, at);
  const list: Expr = { kind: 'for', names, over, value, at, key: undefined, test: undefined };
  return { kind: 'call', name: 'join', args: [{ kind: 'literal', value: '', at }, list], spread: false, at };
}

function template(parts: readonly (string | Expr)[], at: Place): Expr {
  return { kind: 'template', parts, at };
}
