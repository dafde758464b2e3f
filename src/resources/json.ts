/** The depth of JSON, checked before it is parsed: code that walks a value recurses. Pure. */

/** Maximum depth: far more than any request of the model, or any policy, needs. */
export const DEEPEST_JSON = 64;

const [QUOTE, BACKSLASH] = ['"'.charCodeAt(0), '\\'.charCodeAt(0)];
const [OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT] = ['[', '{', ']', '}'].map((bracket) => bracket.charCodeAt(0));

/** Whether a text nests more than `limit` lists and objects. It takes one pass, also for invalid JSON. */
export function isTooDeep(text: string, limit: number = DEEPEST_JSON): boolean {
  let depth = 0;
  let within = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (within) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) within = false;
    } else if (code === QUOTE) within = true;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return false;
}
