/** Decodes users' texts, which must be UTF-8: an invalid byte would silently become another character. Pure. */

/** Bytes that are not UTF-8. The message continues the name of the text: `is not UTF-8: …`. */
export class NotUtf8 extends Error {
  override readonly name = 'NotUtf8';
}

/**
 * Decodes a text, without a byte order mark.
 * @throws {NotUtf8} with the position of the first invalid byte
 */
export function readUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new NotUtf8(complaint(bytes));
  }
}

const SAVE = 'Save it as UTF-8';

function complaint(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return `is not UTF-8: it begins as UTF-16 does. ${SAVE}`;
  const at = firstWrong(bytes);
  const before = bytes.subarray(0, at);
  const line = before.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 1);
  const column = at - before.lastIndexOf(10);
  const byte = `0x${bytes[at]!.toString(16).padStart(2, '0')}`;
  return `is not UTF-8: byte ${byte} in line ${line}, ${column} bytes into it (offset ${at}). ${SAVE}`;
}

/** The position of the first invalid byte: the length of the longest valid prefix. */
function firstWrong(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const size = sizeAt(bytes, at);
    if (size === 0) return at;
    at += size;
  }
  return bytes.length - 1;
}

/** Number of bytes of the character at a position; 0 if it is invalid. */
function sizeAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > bytes.length) return 0;
  for (let next = 1; next < size; next += 1) if ((bytes[at + next]! & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1]!;
  // Overlong, half of a surrogate pair, or beyond the last character.
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 0;
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
  return size;
}
