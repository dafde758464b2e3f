/** Removes secrets from texts: verbatim, line by line, and in the forms in which programs print them. Pure. */

/** The replacement for a secret. */
export const MASKED = '***';
/** Minimum length of a masked value: shorter ones, such as a port or a short user name, are too common. */
export const LEAST_MASKED = 4;
/**
 * Minimum length of a masked line in a secret of several lines. Shorter lines (a brace, an `-----END`) are not masked
 * separately.
 */
const LEAST_LINE = 6;

/** A form to mask; all forms are sorted by their code units. */
interface Form {
  readonly text: string;
  /** The longest other form that is a prefix of this one. */
  readonly start: Form | undefined;
}

/**
 * The secrets of one run; more can be added. They are found by a binary search at each position, not by one regular
 * expression: a secret of some thousand lines has too many forms for one, and the error would show them.
 */
export class Mask {
  readonly #texts = new Set<string>();
  #forms: readonly Form[] = [];
  /** Whether a form may start with these two code units: one bit for each pair; several pairs share a bit. */
  readonly #starts = new Uint8Array(1 << 16);
  #longest = 0;

  /** Length of the longest form, in characters. */
  get longest(): number {
    return this.#longest;
  }

  /** Whether a value will be masked. */
  add(value: string): boolean {
    if (value.length < LEAST_MASKED) return false;
    const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim());
    const parts =
      lines.length === 1 ? [] : lines.filter((line) => line.length >= LEAST_LINE && !/^-{5}[A-Z0-9 ]+-{5}$/.test(line));
    for (const form of [value, value.trim(), ...parts].flatMap(formsOf)) {
      if (form.length < LEAST_MASKED) continue;
      this.#texts.add(form);
      this.#longest = Math.max(this.#longest, form.length);
      this.#starts[startOf(form, 0)] = 1;
    }
    const forms: Form[] = [];
    for (const text of [...this.#texts].sort(byCodeUnit)) {
      let start = forms.at(-1);
      while (start !== undefined && !text.startsWith(start.text)) start = start.start;
      forms.push({ text, start });
    }
    this.#forms = forms;
    return true;
  }

  /** A text without secrets. */
  text(text: string): string {
    let shown = '';
    let from = 0;
    for (let at = 0; at + LEAST_MASKED <= text.length; at += 1) {
      if (this.#starts[startOf(text, at)] === 0) continue;
      const length = this.#lengthAt(text, at);
      if (length === 0) continue;
      shown += `${text.slice(from, at)}${MASKED}`;
      from = at + length;
      at = from - 1;
    }
    return from === 0 ? text : shown + text.slice(from);
  }

  /** Length of the longest form at a position; 0 for none. */
  #lengthAt(text: string, at: number): number {
    const here = text.slice(at, at + this.#longest);
    let low = 0;
    let high = this.#forms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#forms[middle]!.text <= here) low = middle + 1;
      else high = middle;
    }
    // In this order, everything between a form and a text with that prefix has the prefix too.
    let form = this.#forms[low - 1];
    while (form !== undefined && !here.startsWith(form.text)) form = form.start;
    return form?.text.length ?? 0;
  }

  /** Masks every string in a value, including object keys. */
  deep<T>(value: T): T {
    if (this.#forms.length === 0) return value;
    if (typeof value === 'string') return this.text(value) as T;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item: unknown) => this.deep(item)) as T;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [this.text(key), this.deep(inner as unknown)]),
    ) as T;
  }
}

/**
 * The forms in which programs print a value: plain, in JSON, in a URL, in shell quotes, and in base64 with other text
 * around it.
 */
function formsOf(value: string): readonly string[] {
  const json = JSON.stringify(value).slice(1, -1);
  return [
    ...new Set([
      value,
      json,
      json.replaceAll('/', '\\/'),
      encodeURIComponent(value),
      encodeURIComponent(value).replaceAll('%20', '+'),
      value.replaceAll("'", "'\\''"),
      ...base64Forms(value),
    ]),
  ];
}

/** The base64 of a value at each of the three offsets; none if the value is too short to be recognized. */
function base64Forms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const forms = [0, 1, 2]
    .map((before) => {
      const text = Buffer.concat([Buffer.alloc(before), bytes])
        .toString('base64')
        .replace(/=+$/, '');
      const open = (before + bytes.length) % 3 !== 0;
      // The first characters contain bits of the text before, the last one bits of the text after it.
      return text.slice(before === 0 ? 0 : before + 1, open ? -1 : undefined);
    })
    .filter((form) => form.length >= 6);
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

function startOf(text: string, at: number): number {
  return (text.charCodeAt(at) * 257 + text.charCodeAt(at + 1)) & 0xffff;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
