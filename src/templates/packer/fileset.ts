/** `fileset()`: names of files that match a pattern. Pure. */

/** What one character of a name has to be: any text, any character, one of these, or none of these. */
type Sign = '*' | '?' | { readonly ranges: readonly (readonly [string, string])[]; readonly not: boolean };

/** Maximum number of patterns that braces may expand to. */
const MOST_PATTERNS = 100;

/**
 * Makes the test whether a path matches a pattern with `*`, `?`, `**` for any number of folders, `[a-z]`, `[^a-z]`,
 * `{a,b}`, and a backslash before a literal character. The work is at most the product of both lengths.
 * @returns undefined for an unsupported pattern, or too many
 */
export function filesetMatcher(pattern: string): ((path: string) => boolean) | undefined {
  const patterns = withoutBraces(pattern);
  const all = patterns?.map((each) => each.split('/').map(signsOf));
  if (all === undefined || all.some((parts) => parts.includes(undefined))) return undefined;
  return (path) => {
    const names = path.split('/').map((name) => [...name]);
    return (all as readonly (readonly (readonly Sign[])[])[]).some((parts) =>
      fits(parts, names, isAnyFolders, (part, name) => fits(part, name, isAny, one)),
    );
  };
}

function withoutBraces(pattern: string): readonly string[] | undefined {
  let made: readonly string[] = [''];
  for (const [index, piece] of pattern.split(/\{([^{}]*)\}/).entries()) {
    const choices = index % 2 === 0 ? [piece] : piece.split(',');
    if (index % 2 === 0 && /[{}]/.test(piece)) return undefined;
    if (made.length * choices.length > MOST_PATTERNS) return undefined;
    made = made.flatMap((head) => choices.map((choice) => head + choice));
  }
  return made;
}

/** The signs of one part of a path; undefined for a class that is not closed or is empty. */
function signsOf(part: string): readonly Sign[] | undefined {
  const signs: Sign[] = [];
  const characters = [...part];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '*' || character === '?') signs.push(character);
    else if (character !== '[') {
      const literal = character === '\\' ? characters[++at] : character;
      if (literal === undefined) return undefined;
      signs.push({ ranges: [[literal, literal]], not: false });
    } else {
      const not = characters[at + 1] === '^' || characters[at + 1] === '!';
      if (not) at++;
      const ranges: [string, string][] = [];
      for (at++; characters[at] !== ']'; at++) {
        const first = characters[at] === '\\' ? characters[++at] : characters[at];
        if (first === undefined) return undefined;
        const isRange = characters[at + 1] === '-' && ![']', undefined].includes(characters[at + 2]);
        if (isRange) at += characters[at + 2] === '\\' ? 3 : 2;
        ranges.push([first, (isRange ? characters[at] : first) ?? first]);
      }
      if (ranges.length === 0) return undefined;
      signs.push({ ranges, not });
    }
  }
  return signs;
}

function isAny(sign: Sign): boolean {
  return sign === '*';
}

function isAnyFolders(part: readonly Sign[]): boolean {
  return part.length === 2 && part.every(isAny);
}

function one(sign: Sign, character: string): boolean {
  if (typeof sign === 'string') return true;
  return sign.ranges.some(([first, last]) => first <= character && character <= last) !== sign.not;
}

/** Whether items match signs, one of which means any number of items. Backtracks only to the last of those. */
function fits<S, I>(
  signs: readonly S[],
  items: readonly I[],
  any: (sign: S) => boolean,
  one: (sign: S, item: I) => boolean,
): boolean {
  let sign = 0;
  let last: { readonly sign: number; item: number } | undefined;
  for (let item = 0; item < items.length; ) {
    if (sign < signs.length && any(signs[sign]!)) {
      last = { sign, item };
      sign++;
    } else if (sign < signs.length && one(signs[sign]!, items[item]!)) {
      sign++;
      item++;
    } else if (last !== undefined) {
      sign = last.sign + 1;
      item = ++last.item;
    } else return false;
  }
  return signs.slice(sign).every(any);
}
