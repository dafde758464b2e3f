/**
 * A process of its own that has readers read: `measure.ts READER SEED COUNT`. It says each text's name before it is
 * read, so that who waits knows what never ended, and then whether the work grew too fast. What is measured is this
 * process's processor time, not the clock.
 */
import { randomOf, type Random } from '../fuzzing.ts';
import { COMMON, READERS, type Reader } from './readers.ts';

/** What one text came to. */
export type Said =
  | { readonly type: 'begin'; readonly name: string }
  /** Milliseconds of processor time for a quarter of the text, and for all of it. */
  | { readonly type: 'grew'; readonly name: string; readonly quarter: number; readonly whole: number }
  | { readonly type: 'end'; readonly texts: number };

/**
 * A reader that takes less than this for its longest text is no danger, however it grew. Milliseconds of processor
 * time.
 */
const HARMLESS_MS = 300;
/** Four times the text may take so many times the work: 4 would be linear, some 5 with a logarithm, 16 the square. */
const MOST_GROWTH = 10;
const TRIES = 3;

interface Family {
  readonly name: string;
  /** @param size characters, about */
  make(size: number): string;
}

function repeated(start: string, piece: string, end: string): Family {
  return {
    name: JSON.stringify([start, piece, end]),
    make: (size) =>
      `${start}${piece.repeat(Math.max(1, Math.floor((size - start.length - end.length) / piece.length)))}${end}`,
  };
}

function* familiesOf({ pieces, hard = [], made = {} }: Reader, random: Random, count: number): Iterable<Family> {
  for (const [start, piece, end] of hard) yield repeated(start, piece, end);
  for (const [name, make] of Object.entries(made)) yield { name, make };
  const all = [...COMMON, ...pieces, ...pieces];
  const some = (most: number): string =>
    Array.from({ length: random(most + 1) }, () => all[random(all.length)]!).join('');
  for (let index = 0; index < count; index += 1) {
    const piece = `${all[random(all.length)]!}${some(3)}`;
    yield repeated(random(2) === 0 ? '' : some(3), piece, random(2) === 0 ? '' : some(3));
  }
}

async function milliseconds(reader: Reader, text: string): Promise<number> {
  // Of this thread: those that collect garbage run as they like.
  const before = process.threadCpuUsage();
  try {
    await reader.read(text);
  } catch {
    // A refusal is an answer, too; that readers do not throw has tests of its own.
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** What went fastest: collections of garbage and compilers have the rest. */
async function fastest(reader: Reader, text: string): Promise<number> {
  let best = Infinity;
  for (let index = 0; index < TRIES; index += 1) best = Math.min(best, await milliseconds(reader, text));
  return best;
}

/** As long as it can be within the limit, which is one of bytes. */
function made(family: Family, bytes: number): string {
  let text = family.make(bytes);
  for (let size = bytes; Buffer.byteLength(text) > bytes && size > 16; ) {
    size = Math.floor(size * Math.min(0.95, bytes / Buffer.byteLength(text)));
    text = family.make(size);
  }
  return text;
}

async function measure(name: string, seed: number, count: number): Promise<void> {
  const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);
  const reader = READERS[name]!;
  let texts = 0;
  for (const family of familiesOf(reader, randomOf(seed), count)) {
    say({ type: 'begin', name: family.name });
    texts += 1;
    const text = made(family, reader.longest);
    if ((await milliseconds(reader, text)) < HARMLESS_MS || reader.timed === true) continue;
    const quarter = await fastest(reader, made(family, Math.floor(reader.longest / 4)));
    const whole = await fastest(reader, text);
    if (whole >= HARMLESS_MS && whole > MOST_GROWTH * quarter) say({ type: 'grew', name: family.name, quarter, whole });
  }
  say({ type: 'end', texts });
}

const [name, seed, count] = process.argv.slice(2);
await measure(name!, Number(seed), Number(count));
