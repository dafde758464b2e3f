/** Finds the most similar words, for "did you mean". */

/** Maximum length of a word that is compared. */
const LONGEST_WORD = 64;
/** Maximum number of candidates that are compared: a document may declare thousands of names, and misspell as many. */
const MOST_COMPARED = 100;

/** Optimal string alignment distance. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/**
 * The candidate that `word` was probably meant to be: equal except for case, `-` and `_`, or with few letters different
 * (one in four). `undefined` if none is similar.
 */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_\s]/g, '');
  const wanted = plain(word);
  if (wanted.length > LONGEST_WORD) return undefined;
  const limit = Math.max(1, Math.floor(wanted.length / 4));
  let nearest: string | undefined;
  let least = limit + 1;
  let compared = 0;
  for (const candidate of candidates) {
    const word = plain(candidate);
    if (Math.abs(word.length - wanted.length) > limit) continue;
    compared += 1;
    if (compared > MOST_COMPARED) break;
    const found = distance(wanted, word);
    if (found >= least) continue;
    least = found;
    nearest = candidate;
  }
  return nearest;
}

/** Items sorted by the similarity of their names to a word; equally similar ones keep their order. */
export function nearestFirst<T>(word: string, items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  const plain = (text: string): string => text.toLowerCase().slice(0, LONGEST_WORD);
  const wanted = plain(word);
  return items
    .map((item) => ({ item, far: distance(wanted, plain(nameOf(item))) }))
    .sort((a, b) => a.far - b.far)
    .map(({ item }) => item);
}

/** ` Did you mean X?` to append to a sentence, or an empty text. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const nearest = nearestWord(word, candidates);
  return nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
}
