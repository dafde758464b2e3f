/**
 * The end of a text. A regular expression such as `/\s+$/` takes quadratic time: it tries at each position from which
 * it might reach the end.
 */

/** Removes the given characters from the end of a text; its first `least` characters always stay. */
export function withoutEnd(text: string, characters: string, least = 0): string {
  let end = text.length;
  while (end > least && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}
