/**
 * Cuts the times of a tar archive to `SOURCE_DATE_EPOCH`: later ones become that second, and nothing else changes, not
 * even a length. https://reproducible-builds.org/specs/source-date-epoch/
 */
import { Transform, type TransformCallback } from 'node:stream';

const BLOCK = 512;
const MTIME = { from: 136, to: 148 } as const;
const CHECKSUM = { from: 148, to: 156 } as const;
const SIZE = { from: 124, to: 136 } as const;
const TYPE = 156;
/** Extended headers are small; a larger one is passed on as it is. */
const LARGEST_HEADER = 1 << 20;

/**
 * A stream that takes a tar archive and gives it with cut times. What is not an archive passes unchanged from the place
 * where it stops being one.
 * @param epoch seconds since 1970
 */
export function cutTimes(epoch: number): Transform {
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes of content that pass unchanged. */
  let passing = 0;
  let broken = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      rest = Buffer.alloc(0);
      while (data.length > 0) {
        if (broken || passing > 0) {
          const length = broken ? data.length : Math.min(passing, data.length);
          this.push(data.subarray(0, length));
          passing = Math.max(0, passing - length);
          data = data.subarray(length);
          continue;
        }
        if (data.length < BLOCK) break;
        const header = Buffer.from(data.subarray(0, BLOCK));
        const size = numberAt(header, SIZE.from, SIZE.to);
        const isEnd = header.every((byte) => byte === 0);
        if (!isEnd && (size === undefined || !hasChecksum(header))) {
          broken = true;
          continue;
        }
        const length = isEnd ? 0 : Math.ceil(size! / BLOCK) * BLOCK;
        const type = String.fromCharCode(header[TYPE]!);
        if ((type === 'x' || type === 'g') && size! <= LARGEST_HEADER) {
          if (data.length < BLOCK + length) break;
          const records = Buffer.from(data.subarray(BLOCK, BLOCK + length));
          cutRecords(records.subarray(0, size), epoch);
          this.push(cutHeader(header, epoch));
          this.push(records);
          data = data.subarray(BLOCK + length);
          continue;
        }
        this.push(isEnd ? header : cutHeader(header, epoch));
        passing = length;
        data = data.subarray(BLOCK);
      }
      rest = Buffer.from(data);
      done();
    },
    flush(done) {
      if (rest.length > 0) this.push(rest);
      done();
    },
  });
}

/** A number of a header: octal digits, or big-endian bytes behind a set first bit. */
function numberAt(header: Buffer, from: number, to: number): number | undefined {
  if ((header[from]! & 0x80) !== 0) {
    const value = header.subarray(to - 8, to).readBigUInt64BE() & 0x7fff_ffff_ffff_ffffn;
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
  }
  const text = header.toString('latin1', from, to).replaceAll('\0', ' ').trim();
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : undefined;
}

function checksumOf(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= CHECKSUM.from && at < CHECKSUM.to ? 32 : byte), 0);
}

function hasChecksum(header: Buffer): boolean {
  return numberAt(header, CHECKSUM.from, CHECKSUM.to) === checksumOf(header);
}

function cutHeader(header: Buffer, epoch: number): Buffer {
  const time = numberAt(header, MTIME.from, MTIME.to);
  if (time === undefined || time <= epoch) return header;
  header.write(`${epoch.toString(8).padStart(11, '0')}\0`, MTIME.from, 'latin1');
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, CHECKSUM.from, 'latin1');
  return header;
}

/** Cuts `mtime`, `atime` and `ctime` of a PAX header, in place. */
function cutRecords(records: Buffer, epoch: number): void {
  let at = 0;
  while (at < records.length) {
    const blank = records.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(records.toString('latin1', at, blank));
    if (!Number.isInteger(length) || length <= blank - at || at + length > records.length) return;
    const match = /^(?:mtime|atime|ctime)=([0-9]+)(\.[0-9]*)?$/.exec(
      records.toString('latin1', blank + 1, at + length - 1),
    );
    if (match !== null && Number(match[0].slice(6)) > epoch) {
      const digits = String(epoch).padStart(match[1]!.length, '0');
      const fraction = match[2] === undefined ? '' : `.${'0'.repeat(match[2].length - 1)}`;
      records.write(`${digits}${fraction}`, blank + 1 + 6, 'latin1');
    }
    at += length;
  }
}
