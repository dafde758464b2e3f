/** Takes secrets out of texts: as they are, line by line, and in the forms in which programs print them. Pure. */

/** What stands for a secret. */
export const MASKED = '***';
/** What has fewer characters is told apart from nothing: a port, a short user name. It is not masked. */
export const LEAST_MASKED = 4;
/** Of a secret of several lines, shorter lines (a brace, an `-----END`) are not masked for themselves. */
const LEAST_LINE = 6;

/** The secrets of one run, which grow. */
export class Mask {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;
  #longest = 0;

  /** Characters of the longest form that is masked. */
  get longest(): number {
    return this.#longest;
  }

  /** Whether a value will be masked. */
  add(value: string): boolean {
    if (value.length < LEAST_MASKED) return false;
    const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim());
    const parts = lines.length === 1 ? [] : lines.filter((line) => line.length >= LEAST_LINE && !/^-{5}[A-Z0-9 ]+-{5}$/.test(line));
    for (const form of [value, value.trim(), ...parts].flatMap(formsOf)) if (form.length >= LEAST_MASKED) this.#forms.add(form);
    // The longest first, so that what is part of another does not leave the rest of that.
    const sorted = [...this.#forms].sort((a, b) => b.length - a.length);
    this.#longest = sorted[0]?.length ?? 0;
    this.#pattern = new RegExp(sorted.map((form) => RegExp.escape(form)).join('|'), 'g');
    return true;
  }

  /** A text without secrets. */
  text(text: string): string {
    return this.#pattern === undefined ? text : text.replace(this.#pattern, MASKED);
  }

  /** Every string in a value, without secrets; object keys too. */
  deep<T>(value: T): T {
    if (this.#pattern === undefined) return value;
    if (typeof value === 'string') return this.text(value) as T;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item: unknown) => this.deep(item)) as T;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [this.text(key), this.deep(inner as unknown)])) as T;
  }
}

/** A value as programs print it: as it is, within JSON, in a URL, between quotes of a shell, in base64 with whatever stands before and behind it. */
function formsOf(value: string): readonly string[] {
  const json = JSON.stringify(value).slice(1, -1);
  return [...new Set([
    value, json, json.replaceAll('/', '\\/'), encodeURIComponent(value), encodeURIComponent(value).replaceAll('%20', '+'), value.replaceAll("'", "'\\''"), ...base64Forms(value),
  ])];
}

/** What base64 shows of a value wherever it begins among other bytes; of short values that is too little to be told apart. */
function base64Forms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const forms = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replace(/=+$/, '');
    const open = (before + bytes.length) % 3 !== 0;
    // The first characters hold bits of what stands before, the last one of what stands behind.
    return text.slice(before === 0 ? 0 : before + 1, open ? -1 : undefined);
  }).filter((form) => form.length >= 6);
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}
