/** Output of commands as lines of a log: arbitrary bytes become harmless lines of text. */
import { withoutEscapes } from '../resources/escapes.ts';

/** Maximum characters of a line. Longer lines are cut, and the record has their length. */
export const MAX_LINE = 16 * 1024;

// Control characters (except tab), C1 controls, marks that reverse the direction of text, and other line separators.
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text without escape sequences and control characters, so that printing it affects only its own line. */
function plainText(text: string): string {
  return withoutEscapes(text).replace(CONTROLS, '');
}

/** Splits one stream into lines across chunks. */
export interface LineSplitter {
  add(chunk: Buffer): void;
  /** Passes on a last line without a newline. */
  end(): void;
}

/** Masks secrets in a line. `longest` is the length of the longest secret, in characters. */
export interface LineMask {
  readonly longest: number;
  text(line: string): string;
}

/**
 * Makes a splitter for one stream. A progress bar that redraws itself with carriage returns becomes one line, its last
 * state. Invalid UTF-8 becomes U+FFFD.
 * @param onLine called with each line, without its newline, as plain text of at most `MAX_LINE` characters and a note
 * @param mask masks a line before it is cut, so that no part of a secret is left
 */
export function lineSplitter(onLine: (line: string) => void, maxLine = MAX_LINE, mask?: LineMask): LineSplitter {
  const decoder = new TextDecoder('utf-8');
  let pending = '';
  let length = 0;
  let overwritten = '';
  let started = false;

  const append = (text: string): void => {
    if (text === '') return;
    started = true;
    length += text.length;
    // Escape sequences do not count as text, so a little more is kept until the line is complete.
    if (pending.length < 2 * maxLine) pending += text.slice(0, 2 * maxLine - pending.length);
  };
  const shown = (): string => {
    const text = masked(plainText(pending));
    if (text.length <= maxLine && length === pending.length) return text;
    return `${withoutHalfPair(text.slice(0, maxLine))} … [cut: the line has ${length} characters]`;
  };
  const masked = (text: string): string => {
    if (mask === undefined) return text;
    const without = mask.text(text);
    // The part that was dropped may have been the rest of a secret that begins at the end.
    return length === pending.length ? without : without.slice(0, Math.max(0, without.length - mask.longest));
  };
  const carriageReturn = (): void => {
    started = true;
    const text = shown();
    if (text !== '') overwritten = text;
    pending = '';
    length = 0;
  };
  const newline = (): void => {
    const text = shown();
    onLine(text === '' ? overwritten : text);
    pending = '';
    length = 0;
    overwritten = '';
    started = false;
  };
  const feed = (text: string): void => {
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== 10 && code !== 13) continue;
      append(text.slice(from, at));
      from = at + 1;
      if (code === 10) newline();
      else carriageReturn();
    }
    append(text.slice(from));
  };
  return {
    add: (chunk) => feed(decoder.decode(chunk, { stream: true })),
    end: () => {
      feed(decoder.decode());
      if (started) newline();
    },
  };
}

function withoutHalfPair(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

/** Keeps the last `limit` lines. */
export class LineTail {
  private readonly kept: string[] = [];
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(line: string): void {
    this.kept.push(line);
    if (this.kept.length > this.limit) this.kept.shift();
  }

  lines(): readonly string[] {
    return [...this.kept];
  }
}

/** Maximum characters of one command's output in a log, from its start. */
export const LOGGED_CHARACTERS = 16 * 1024 * 1024;
/**
 * Maximum lines of one command's output in a log, from its start: each is a record, which is much larger than a short
 * line.
 */
export const LOGGED_LINES = 100_000;

/** Prevents a command that prints without end from filling the host's disk with its log. */
export class LogLimit {
  private lines = 0;
  private characters = 0;
  private readonly most: { readonly lines: number; readonly characters: number };

  constructor(most = { lines: LOGGED_LINES, characters: LOGGED_CHARACTERS }) {
    this.most = most;
  }

  /** Whether the next line is to be logged. */
  admits(line: string): boolean {
    this.lines++;
    this.characters += line.length;
    return this.lines <= this.most.lines && this.characters <= this.most.characters;
  }

  /** What is missing in the log, as a sentence; `undefined` if nothing is. */
  leftOut(): string | undefined {
    if (this.lines <= this.most.lines && this.characters <= this.most.characters) return undefined;
    return (
      `it printed ${this.lines} lines (${Math.round(this.characters / 1e6)} MB); the log keeps the first ` +
      `${this.most.lines} lines or ${Math.round(this.most.characters / 1e6)} MB and the last few. To have all of ` +
      'it, let the component write to a file'
    );
  }
}

/** Removes trailing `\n` and `\r\n`; a single `\r` stays. */
function withoutNewlines(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n') end -= text[end - 2] === '\r' ? 2 : 1;
  return text.slice(0, end);
}

/** Captures a stream from its start, up to a limit, for steps that use it. */
export class Capture {
  private readonly chunks: Buffer[] = [];
  private readonly limit: number;
  private size = 0;

  /** @param limit bytes kept; a longer value is unusable, because a part of an output would mislead */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size <= this.limit) this.chunks.push(chunk);
    else this.chunks.length = 0;
  }

  /** The output; `undefined` if it exceeded the limit. */
  bytes(): Buffer | undefined {
    return this.size > this.limit ? undefined : Buffer.concat(this.chunks);
  }

  /** The output as text, without trailing newlines. */
  text(): string | undefined {
    const text = this.bytes()?.toString('utf8');
    return text && withoutNewlines(text);
  }
}
