/**
 * Ends of texts. A regular expression such as `/\s+$/` takes the square of the time: it tries at each place from which
 * it might reach the end.
 */

/**
 * A text without those of these characters that it ends in; `least` characters stay at its start, whatever they are.
 */
export function withoutEnd(text: string, characters: string, least = 0): string {
  let end = text.length;
  while (end > least && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}
