/** Compares versions of packages. Pure. */

/**
 * Compares two versions as dpkg does: `[epoch:]upstream[-revision]`, where letters sort before other characters and `~`
 * before the end. Source: deb-version(7); the test compares with `dpkg --compare-versions`.
 * @returns negative, 0, or positive
 */
export function compareDebian(a: string, b: string): number {
  const [one, other] = [partsOf(a), partsOf(b)];
  return (
    one.epoch - other.epoch || compareParts(one.upstream, other.upstream) || compareParts(one.revision, other.revision)
  );
}

function partsOf(version: string): { readonly epoch: number; readonly upstream: string; readonly revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)) || 0,
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Compares alternately: text up to the next digit, character by character, then a number. */
function compareParts(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [text, other] = [/^\D*/.exec(left)![0], /^\D*/.exec(right)![0]];
    for (let at = 0; at < Math.max(text.length, other.length); at++) {
      const order = rank(text[at]) - rank(other[at]);
      if (order !== 0) return order;
    }
    [left, right] = [left.slice(text.length), right.slice(other.length)];
    const [digits, others] = [/^\d*/.exec(left)![0], /^\d*/.exec(right)![0]];
    const order = compareNumbers(digits, others);
    if (order !== 0) return order;
    [left, right] = [left.slice(digits.length), right.slice(others.length)];
  }
  return 0;
}

function rank(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

/** Compares numbers of any length without rounding. */
function compareNumbers(a: string, b: string): number {
  const [one, other] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : one > other ? 1 : 0;
}

/**
 * Compares two versions as rpm does: `[epoch:]version-release`, in segments of digits or letters; `~` sorts before the
 * end, `^` after it. Source: rpm's `rpmvercmp`.
 * @returns negative, 0, or positive
 */
export function compareRpm(a: string, b: string): number {
  const [one, other] = [partsOf(a), partsOf(b)];
  return (
    one.epoch - other.epoch ||
    compareSegments(one.upstream, other.upstream) ||
    compareSegments(one.revision, other.revision)
  );
}

function compareSegments(a: string, b: string): number {
  if (a === b) return 0;
  let [left, right] = [a, b];
  for (;;) {
    [left, right] = [left.replace(/^[^A-Za-z0-9~^]+/, ''), right.replace(/^[^A-Za-z0-9~^]+/, '')];
    if (left.startsWith('~') || right.startsWith('~')) {
      if (!left.startsWith('~')) return 1;
      if (!right.startsWith('~')) return -1;
      [left, right] = [left.slice(1), right.slice(1)];
      continue;
    }
    if (left.startsWith('^') || right.startsWith('^')) {
      if (left === '') return -1;
      if (right === '') return 1;
      if (!left.startsWith('^')) return 1;
      if (!right.startsWith('^')) return -1;
      [left, right] = [left.slice(1), right.slice(1)];
      continue;
    }
    if (left === '' || right === '') return left === right ? 0 : left === '' ? -1 : 1;
    const number = /^\d+/.exec(left);
    const segment = (number ?? /^[A-Za-z]+/.exec(left))![0];
    const other = (number === null ? /^[A-Za-z]+/ : /^\d+/).exec(right)?.[0];
    // A number is newer than letters.
    if (other === undefined) return number === null ? -1 : 1;
    const order = number === null ? (segment < other ? -1 : segment > other ? 1 : 0) : compareNumbers(segment, other);
    if (order !== 0) return order;
    [left, right] = [left.slice(segment.length), right.slice(other.length)];
  }
}
