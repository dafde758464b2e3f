/**
 * The configurations of Terraform's acceptance tests, which are functions of Go that put texts together: raw strings,
 * `fmt.Sprintf`, `acctest.ConfigCompose` and `+`. What is more than that has no value here.
 */

/** What a test applies, one text after the other. */
export interface AcceptanceTest {
  readonly name: string;
  /** Configurations in HCL, in order. */
  readonly steps: readonly string[];
  /** Why there are none. */
  readonly absent?: string;
}

type Value = string | number | boolean | readonly string[];

/** A function of Go that returns a text. */
interface TextFunction {
  readonly parameters: readonly string[];
  readonly body: string;
}

/** Constants of other packages. */
const CONSTANTS: Readonly<Record<string, Value>> = {
  true: true,
  false: false,
  'tfimagebuilder.EBSVolumeTypeGP3': 'gp3',
  'imagebuilder.EbsVolumeTypeGp2': 'gp2',
  'imagebuilder.PipelineStatusEnabled': 'ENABLED',
  'imagebuilder.PipelineStatusDisabled': 'DISABLED',
  'imagebuilder.PipelineExecutionStartConditionExpressionMatchOnly': 'EXPRESSION_MATCH_ONLY',
  'imagebuilder.PipelineExecutionStartConditionExpressionMatchAndDependencyUpdatesAvailable':
    'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE',
};

const TOKEN = /\s*(?:(`[^`]*`)|("(?:[^"\\]|\\.)*")|(\d+)|([A-Za-z_][\w.]*)|(\[\]string|[(){},+]))/y;

/** Reads the tests of Go files. @param rName the name that a test gives its resources */
export function acceptanceTests(
  sources: readonly string[],
  rName: (index: number) => string,
): readonly AcceptanceTest[] {
  const functions = new Map<string, TextFunction>();
  // A block of HCL ends like a function: only what follows tells them apart.
  for (const source of sources)
    for (const [, name, parameters, body] of source.matchAll(
      /^func (testAcc\w+)\(([^)]*)\) string \{\n\s*return ([\s\S]*?)\n\}\n(?=\n(?:func|type|var|const|\/\/)|(?![\s\S]))/gm,
    ))
      functions.set(name!, {
        parameters: parameters!.split(',').flatMap((each) => each.trim().split(/\s+/)[0] || []),
        body: body!,
      });
  const tests: AcceptanceTest[] = [];
  for (const source of sources)
    for (const [, name, body] of source.matchAll(/^func (TestAcc\w+)\(t \*testing\.T\) \{\n([\s\S]*?)\n\}/gm)) {
      const scope = new Map<string, Value>([['rName', rName(tests.length)]]);
      try {
        if (/ExpectError/.test(body!)) throw new Error('it expects an error of the provider');
        const steps = [...body!.matchAll(/\bConfig: +(.*),\n/g)].map(([, text]) =>
          String(new GoText(text!, scope, functions).value()),
        );
        if (steps.length === 0) throw new Error('it applies nothing');
        tests.push({ name: name!, steps });
      } catch (error) {
        tests.push({ name: name!, steps: [], absent: (error as Error).message });
      }
    }
  return tests;
}

/** Evaluates an expression. */
class GoText {
  readonly #text: string;
  readonly #scope: ReadonlyMap<string, Value>;
  readonly #functions: ReadonlyMap<string, TextFunction>;
  #at = 0;

  constructor(text: string, scope: ReadonlyMap<string, Value>, functions: ReadonlyMap<string, TextFunction>) {
    this.#text = text;
    this.#scope = scope;
    this.#functions = functions;
  }

  /** @throws for what it does not know */
  value(): Value {
    let sum = this.#operand();
    while (this.#next() === '+') {
      this.#take();
      sum = String(sum) + String(this.#operand());
    }
    return sum;
  }

  #next(): string | undefined {
    TOKEN.lastIndex = this.#at;
    return TOKEN.exec(this.#text)?.[0].trim();
  }

  #take(): string {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (found === null) throw new Error(`it has an expression of Go: ${this.#text.slice(this.#at, this.#at + 40)}`);
    this.#at = TOKEN.lastIndex;
    return found[0].trim();
  }

  #list(end: string): Value[] {
    const values: Value[] = [];
    while (this.#next() !== end) {
      values.push(this.value());
      if (this.#next() === ',') this.#take();
    }
    this.#take();
    return values;
  }

  #operand(): Value {
    const token = this.#take();
    if (token.startsWith('`')) return token.slice(1, -1);
    if (token.startsWith('"')) return JSON.parse(token) as string;
    if (/^\d/.test(token)) return Number(token);
    if (token === '[]string') {
      this.#take();
      return this.#list('}').map(String);
    }
    if (this.#next() !== '(') {
      const known = this.#scope.get(token) ?? CONSTANTS[token];
      if (known === undefined) throw new Error(`it needs ${token}`);
      return known;
    }
    this.#take();
    const given = this.#list(')');
    if (token === 'acctest.ConfigCompose') return given.map(String).join('\n');
    if (token === 'fmt.Sprintf') return formatted(String(given[0]), given.slice(1));
    const own = this.#functions.get(token);
    if (own === undefined) throw new Error(`it needs ${token}()`);
    const inner = new Map(own.parameters.map((name, index) => [name, given[index]!]));
    return new GoText(own.body, inner, this.#functions).value();
  }
}

/** As `fmt.Sprintf` with `%s`, `%q`, `%d`, `%t`, numbered or not. */
function formatted(format: string, values: readonly Value[]): string {
  let at = 0;
  return format.replace(/%(?:\[(\d+)\])?([sqdtv%])/g, (_, index: string | undefined, verb: string) => {
    if (verb === '%') return '%';
    if (index !== undefined) at = Number(index) - 1;
    const value = values[at++];
    if (value === undefined) throw new Error('it has a format of Go that is not known here');
    return verb === 'q' ? JSON.stringify(String(value)) : String(value);
  });
}
