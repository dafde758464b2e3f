/** `fileset()`: names of files that match a pattern. Pure. */

/** Maximum number of patterns that braces may expand to. */
const MOST_PATTERNS = 100;

/**
 * Makes the test whether a path matches a pattern with `*`, `?`, `**` for any number of folders, and `{a,b}`. The work
 * is at most the product of both lengths.
 * @returns undefined for an unsupported pattern, or too many
 */
export function filesetMatcher(pattern: string): ((path: string) => boolean) | undefined {
  if (/[[\]\\]/.test(pattern)) return undefined;
  const patterns = withoutBraces(pattern);
  if (patterns === undefined) return undefined;
  const all = patterns.map((each) => each.split('/'));
  return (path) => {
    const names = path.split('/');
    return all.some((parts) => fits(parts, names, '**', partFits));
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

function partFits(part: string, name: string): boolean {
  return fits([...part], [...name], '*', (sign, character) => sign === '?' || sign === character);
}

/** Whether items match signs, one of which means any number of items. Backtracks only to the last of those. */
function fits(
  signs: readonly string[],
  items: readonly string[],
  any: string,
  one: (sign: string, item: string) => boolean,
): boolean {
  let sign = 0;
  let last: { readonly sign: number; item: number } | undefined;
  for (let item = 0; item < items.length; ) {
    if (signs[sign] === any) {
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
  return signs.slice(sign).every((each) => each === any);
}
