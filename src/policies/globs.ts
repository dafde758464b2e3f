/** Patterns in policies: `*` for any text, `?` for one character, `${key}` for a value from the request's context. */

/** A piece of a pattern. */
type Piece = { readonly text: string } | 'any' | 'one' | { readonly variable: string; readonly otherwise?: string };

/** A parsed pattern. */
export interface Glob {
  readonly pieces: readonly Piece[];
  /** Context keys of its variables, in lower case. */
  readonly variables: readonly string[];
}

/** A pattern with its variables replaced. */
type Filled = readonly ('any' | 'one' | { readonly text: string })[];

/** The value of a variable; `undefined` if it has none, or several. */
export type VariableValue = (key: string) => string | undefined;

/**
 * Parses a pattern.
 * @param options.wildcards whether `*` and `?` are wildcards, or literal
 * @param options.variables whether `${…}` is a variable, as since version 2012-10-17
 * @returns `undefined` if a variable is not closed
 */
export function parseGlob(
  text: string,
  options: { readonly wildcards: boolean; readonly variables: boolean },
): Glob | undefined {
  const pieces: Piece[] = [];
  const variables: string[] = [];
  let literal = '';
  const push = (piece: Piece): void => {
    if (literal !== '') pieces.push({ text: literal });
    literal = '';
    pieces.push(piece);
  };
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (options.variables && c === '$' && text[at + 1] === '{') {
      const end = text.indexOf('}', at);
      if (end < 0) return undefined;
      const inside = text.slice(at + 2, end);
      at = end;
      if (inside === '*' || inside === '?' || inside === '$') {
        literal += inside;
        continue;
      }
      const [, name, otherwise] = /^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(inside) ?? [];
      if (name === undefined) return undefined;
      variables.push(name.toLowerCase());
      push({ variable: name.toLowerCase(), otherwise });
    } else if (options.wildcards && c === '*') push('any');
    else if (options.wildcards && c === '?') push('one');
    else literal += c;
  }
  if (literal !== '' || pieces.length === 0) pieces.push({ text: literal });
  return { pieces, variables };
}

/**
 * Whether a text matches. Values of variables are literal: a wildcard in them matches only itself. A pattern with a
 * variable without a value matches nothing.
 */
export function matchesGlob(glob: Glob, text: string, valueOf: VariableValue, ignoreCase = false): boolean {
  const [first] = glob.pieces;
  if (glob.pieces.length === 1 && first === 'any') return true;
  const fold = (value: string): string => (ignoreCase ? value.toLowerCase() : value);
  const pieces: Filled[number][] = [];
  for (const piece of glob.pieces) {
    if (piece === 'any' || piece === 'one') pieces.push(piece);
    else if ('text' in piece) pieces.push({ text: fold(piece.text) });
    else {
      const value = valueOf(piece.variable) ?? piece.otherwise;
      if (value === undefined) return false;
      pieces.push({ text: fold(value) });
    }
  }
  return matchPieces(pieces, fold(text));
}

/**
 * A matcher for a user's pattern, which must match the whole text. A regular expression with sixty `*` would take
 * exponential time.
 * @param wildcards `*` for any text, `?` for one character; the others are literal
 */
export function wildcardMatcher(pattern: string, wildcards: '*' | '*?' = '*?'): (text: string) => boolean {
  const pieces = pattern.split(wildcards === '*' ? /(\*)/ : /([*?])/).map((piece, index): Filled[number] => {
    return index % 2 === 0 ? { text: piece } : piece === '*' ? 'any' : 'one';
  });
  return (text) => matchPieces(pieces, text);
}

/**
 * Greedy, and backtracks only to the last `*`, so that the number of steps is at most the product of the two lengths.
 */
function matchPieces(pieces: Filled, text: string): boolean {
  let at = 0;
  let index = 0;
  let star: { readonly index: number; at: number } | undefined;
  for (;;) {
    const piece = pieces[index];
    if (piece === 'any') {
      star = { index, at };
      index++;
      continue;
    }
    if (
      piece === undefined ? at === text.length : piece === 'one' ? at < text.length : text.startsWith(piece.text, at)
    ) {
      if (piece === undefined) return true;
      at += piece === 'one' ? 1 : piece.text.length;
      index++;
      continue;
    }
    if (star === undefined || star.at >= text.length) return false;
    star.at++;
    at = star.at;
    index = star.index + 1;
  }
}
