/** Filter patterns of the form `{ $.level = "error" && $.seconds > 5 }`. */

/** How patterns of text are compiled. */
export interface PatternTools {
  /** Compiles a regular expression. @throws what `error` makes */
  readonly regex: (source: string) => (text: string) => boolean;
  /** Compiles a text in which `*` matches any text. */
  readonly wildcard: (source: string) => (text: string) => boolean;
  readonly error: (message: string) => Error;
}

type Matches = (value: unknown) => boolean;

/** Parses a pattern. @throws what `tools.error` makes */
export function readJsonPattern(text: string, tools: PatternTools): Matches {
  const reader = new Reader(text, tools);
  reader.expect('{');
  const matches = reader.either();
  reader.expect('}');
  reader.end();
  return matches;
}

type Step = string | number | typeof EVERY;
const EVERY = Symbol('[*]');

class Reader {
  readonly #text: string;
  readonly #tools: PatternTools;
  #at = 0;

  constructor(text: string, tools: PatternTools) {
    this.#text = text;
    this.#tools = tools;
  }

  /** @param form has the flag `y` */
  #take(form: RegExp): RegExpExecArray | undefined {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    form.lastIndex = this.#at;
    const match = form.exec(this.#text);
    if (match !== null) this.#at = form.lastIndex;
    return match ?? undefined;
  }

  #sign(sign: string): boolean {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #fail(expected: string): Error {
    const rest = this.#text.slice(this.#at).trim();
    return this.#tools.error(
      `expected ${expected} ${rest === '' ? 'at its end' : `instead of '${rest.slice(0, 40)}'`}`,
    );
  }

  expect(sign: '{' | '}' | ')'): void {
    if (!this.#sign(sign)) throw this.#fail(`'${sign}'`);
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') throw this.#fail('nothing more');
  }

  either(): Matches {
    const any = [this.#both()];
    while (this.#sign('||')) any.push(this.#both());
    return (value) => any.some((matches) => matches(value));
  }

  #both(): Matches {
    const all = [this.#one()];
    while (this.#sign('&&')) all.push(this.#one());
    return (value) => all.every((matches) => matches(value));
  }

  #one(): Matches {
    if (this.#sign('(')) {
      const inner = this.either();
      this.expect(')');
      return inner;
    }
    const steps = this.#selector();
    const test = this.#comparison();
    return (value) => {
      const found = select(value, steps);
      return test(found.length === 0 ? [undefined] : found);
    };
  }

  #selector(): readonly Step[] {
    if (!this.#sign('$')) throw this.#fail('a selector such as $.level');
    const steps: Step[] = [];
    for (;;) {
      // A selector contains no spaces.
      const rest = /^(?:\.([\w-]+)|\[(\d{1,9})\]|\[(\*)\]|\.?\[(?:'([^']*)'|"([^"]*)")\])/.exec(
        this.#text.slice(this.#at),
      );
      if (rest === null) break;
      this.#at += rest[0].length;
      const [, name, index, every, single, double] = rest;
      steps.push(every !== undefined ? EVERY : index !== undefined ? Number(index) : (name ?? single ?? double)!);
    }
    if (steps.length === 0) throw this.#fail('a selector such as $.level');
    return steps;
  }

  /** Makes the test whether one of the values that a selector finds passes. */
  #comparison(): (values: readonly unknown[]) => boolean {
    const word = this.#take(/(IS\s+TRUE|IS\s+FALSE|IS\s+NULL|NOT\s+EXISTS)\b/iy)?.[1];
    if (word !== undefined) {
      const wanted = { TRUE: true, FALSE: false, NULL: null, EXISTS: undefined }[
        word.toUpperCase().split(/\s+/)[1] as 'TRUE'
      ];
      return (values) => values.some((value) => value === wanted);
    }
    const operator = this.#take(/(!=|<=|>=|=|<|>)/y)?.[1];
    if (operator === undefined) throw this.#fail('=, !=, <, <=, >, >=, IS TRUE, IS FALSE, IS NULL or NOT EXISTS');
    const value = this.#take(/"((?:[^"\\]|\\.)*)"|%([^%]*)%|([^\s(){}&|]+)/y);
    if (value === undefined) throw this.#fail('a value');
    const [, quoted, expression, plain] = value;
    if (operator === '=' || operator === '!=') {
      const equal =
        expression === undefined
          ? equality(quoted?.replaceAll(/\\(.)/g, '$1'), plain, this.#tools)
          : asText(this.#tools.regex(expression));
      return operator === '='
        ? (values) => values.some(equal)
        : (values) => values.some((each) => each !== undefined && !equal(each));
    }
    const number = Number(plain);
    if (plain === undefined || !Number.isFinite(number)) throw this.#tools.error(`${operator} compares numbers`);
    return (values) =>
      values.some(
        (each) =>
          typeof each === 'number' &&
          (operator === '<'
            ? each < number
            : operator === '<='
              ? each <= number
              : operator === '>'
                ? each > number
                : each >= number),
      );
  }
}

function asText(test: (text: string) => boolean): Matches {
  return (value) => (typeof value === 'string' || typeof value === 'number' ? test(String(value)) : false);
}

function equality(quoted: string | undefined, plain: string | undefined, tools: PatternTools): Matches {
  const text = asText(tools.wildcard(quoted ?? plain!));
  const number = Number(plain);
  if (plain === undefined || !Number.isFinite(number)) return text;
  return (value) => (typeof value === 'number' ? value === number : text(value));
}

function select(value: unknown, steps: readonly Step[]): readonly unknown[] {
  let found: readonly unknown[] = [value];
  for (const step of steps)
    found = found.flatMap((each): readonly unknown[] => {
      if (step === EVERY) return Array.isArray(each) ? each : [];
      if (typeof step === 'number') return Array.isArray(each) && step < each.length ? [each[step]] : [];
      return typeof each === 'object' && each !== null && Object.hasOwn(each, step)
        ? [(each as Record<string, unknown>)[step]]
        : [];
    });
  return found;
}
