/**
 * The encodings of the file modules: utf8, utf16 and utf32, little-endian unless the name ends in BE. Pure. Source:
 * reference, `awstoe.md` section 6.
 */
import { InputError } from '../module.ts';

/** An encoding, by its iconv name. */
export type Encoding = 'UTF-8' | 'UTF-16LE' | 'UTF-16BE' | 'UTF-32LE' | 'UTF-32BE';

/** @throws {InputError} for an unknown name */
export function encodingOf(name = 'utf8'): Encoding {
  switch (name.toLowerCase().replaceAll('-', '')) {
    case 'utf8':
      return 'UTF-8';
    case 'utf16':
    case 'utf16le':
      return 'UTF-16LE';
    case 'utf16be':
      return 'UTF-16BE';
    case 'utf32':
    case 'utf32le':
      return 'UTF-32LE';
    case 'utf32be':
      return 'UTF-32BE';
    default:
      throw new InputError(`encoding: expected utf8, utf16 or utf32, not "${name}"`);
  }
}

/** Text as bytes, without a byte order mark. */
export function encode(content: string, encoding: Encoding): Buffer {
  switch (encoding) {
    case 'UTF-8':
      return Buffer.from(content, 'utf8');
    case 'UTF-16LE':
      return Buffer.from(content, 'utf16le');
    case 'UTF-16BE':
      return Buffer.from(content, 'utf16le').swap16();
    default:
      return utf32(content, encoding === 'UTF-32BE');
  }
}

/** Bytes as text, without a byte order mark; `undefined` if they are not valid in that encoding. */
export function decode(bytes: Buffer, encoding: Encoding): string | undefined {
  try {
    if (encoding === 'UTF-32LE' || encoding === 'UTF-32BE') return fromUtf32(bytes, encoding === 'UTF-32BE');
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function utf32(content: string, bigEndian: boolean): Buffer {
  const points = [...content].map((character) => character.codePointAt(0)!);
  const bytes = Buffer.alloc(points.length * 4);
  for (const [index, point] of points.entries()) {
    if (bigEndian) bytes.writeUInt32BE(point, index * 4);
    else bytes.writeUInt32LE(point, index * 4);
  }
  return bytes;
}

/** @throws {RangeError} for invalid bytes */
function fromUtf32(bytes: Buffer, bigEndian: boolean): string {
  if (bytes.length % 4 !== 0) throw new RangeError('not a multiple of four bytes');
  let text = '';
  for (let at = 0; at < bytes.length; at += 4)
    text += String.fromCodePoint(bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  return text.replace(/^\ufeff/, '');
}
