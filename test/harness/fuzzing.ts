/**
 * Documents made by chance, and what must hold of each: the validator never throws, and the runner finds no fault in a
 * validated document that only the document explains. Everything follows from a seed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { COMPARISONS } from '../../src/documents/component/conditions.ts';
import { ACTION_MODULES, type ActionModule, type InputSchema } from '../../src/documents/component/modules.ts';
import { parseComponentDocument } from '../../src/documents/component/parse.ts';
import { FAULT_KINDS } from '../../src/documents/faults.ts';
import { parseWorkflowDocument } from '../../src/documents/workflow/parse.ts';
import type { CommandRequest, CommandResult, Instance } from '../../src/instances/instance.ts';
import { runDocument } from '../../src/runner/run-document.ts';
import { Secrets } from '../../src/secrets/secrets.ts';

/** A whole number from 0, below the given one. */
export type Random = (below: number) => number;

/** Small and repeatable: mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const SPLICES = [
  '{{ ',
  ' }}',
  '{{',
  '- ',
  ': ',
  '\n',
  '  ',
  '\t',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a',
  '<<: *a',
  '!!binary ',
  '!Sub ',
  '? ',
  '#',
  '~',
  '---\n',
  '.$',
  '$.',
  '$.stepOutputs.',
  '$.parameters.x',
  '__proto__',
  'constructor',
  'inputs',
  'name: ',
  '0777',
  '1e400',
  '.inf',
  '\u0000',
  '\ufeff',
  '\ud800',
  '💡',
  '${x}',
  'loop: ',
  'forEach: ',
  'updateBy: 0',
  'if: ',
  'then: Skip',
  '{{ loop.value }}',
  '{{ build.One.outputs.stdout }}',
  '{{ resolve:',
  'exit 194',
  'reboot',
  'password=',
  '<<EOF\n',
  '$((',
  '`',
  '\\',
];

/** A text with a few pieces cut out, doubled or put in. */
export function mutate(text: string, random: Random): string {
  let mutated = text;
  for (let count = 1 + random(4); count > 0; count -= 1) {
    const at = random(mutated.length + 1);
    const length = random(3) === 0 ? random(40) : 0;
    const copied = mutated.slice(random(mutated.length + 1)).slice(0, random(60));
    const inserted = random(4) === 0 ? copied : (SPLICES[random(SPLICES.length)] ?? '');
    mutated = mutated.slice(0, at) + inserted + mutated.slice(at + length);
  }
  return mutated;
}

/** Modules that wait for others, or read what is not there: their own tables test them. */
const NOT_RUN: readonly string[] = ['ExecuteDocument', 'S3Download', 'S3Upload', 'WebDownload'];
const MODULES = [...ACTION_MODULES.values()].filter(
  ({ name, platforms }) => platforms.includes('Linux') && !NOT_RUN.includes(name),
);

/** A component document that uses all of the language; nearly every one validates. */
export function randomComponent(random: Random): string {
  return new Maker(random).document();
}

class Maker {
  readonly #random: Random;
  /** References that may be used so far. */
  readonly #references: string[] = [
    '{{ resolve:secretsmanager:db:SecretString:user }}',
    '{{ resolve:ssm-secure:/x:1 }}',
  ];

  constructor(random: Random) {
    this.#random = random;
  }

  document(): string {
    const parameters = this.#times(3, (index) =>
      this.#declared(`Param${index}`, { type: 'string', default: this.#word() }),
    );
    const constants = this.#times(2, (index) =>
      this.#declared(`Const${index}`, { type: 'string', value: this.#word() }),
    );
    const names = ['build', 'validate', 'test', 'other'].filter((name) => name === 'build' || this.#random(3) === 0);
    const phases = names.map((name) => ({
      name,
      steps: [this.#step(name, 0), ...this.#times(4, (index) => this.#step(name, index + 1))],
    }));
    const document = { name: 'Fuzz', schemaVersion: this.#one([1, '1.0']), parameters, constants, phases };
    return this.#random(4) === 0 ? JSON.stringify(document) : stringify(document);
  }

  #declared(name: string, value: object): object {
    this.#references.push(`{{ ${name} }}`);
    return { [name]: value };
  }

  #step(phase: string, index: number): object {
    const module = this.#one(MODULES);
    const name = `Step${index}`;
    const looped = this.#random(3) === 0;
    const step = {
      name,
      action: module.name,
      ...(this.#random(3) === 0
        ? { onFailure: this.#one(['Abort', 'Continue', 'Ignore']) }
        : { onFailure: 'Continue' }),
      ...(this.#random(4) === 0 ? { maxAttempts: 1 + this.#random(3) } : {}),
      ...(this.#random(4) === 0 ? { timeoutSeconds: this.#one([-1, 1 + this.#random(100)]) } : {}),
      ...(this.#random(3) === 0
        ? { if: { ...this.#condition(0), ...(this.#random(2) === 0 ? { else: this.#one(['Skip', 'Execute']) } : {}) } }
        : {}),
      ...(looped ? { loop: this.#loop() } : {}),
      inputs: this.#inputs(module, looped ? ['{{ loop.value }}', '{{ loop.index }}', '{{ turns.value }}'] : []),
    };
    for (const output of module.outputs ?? []) this.#references.push(`{{ ${phase}.${name}.outputs.${output} }}`);
    return step;
  }

  #loop(): object {
    const start = this.#random(9) - 4;
    const turns = this.#random(4);
    const updateBy = this.#one([-2, -1, 1, 3]);
    const form = this.#one<object>([
      { for: { start, end: start + turns * updateBy, updateBy } },
      { forEach: [this.#text([]), ...this.#times(3, () => this.#text([]))] },
      {
        forEach: {
          list: this.#text([]),
          ...(this.#random(2) === 0 ? { delimiter: this.#one([',', '.', ';', ':', '\n', '\t', ' ', '-', '_']) } : {}),
        },
      },
    ]);
    return { ...(this.#random(2) === 0 ? { name: `turns${this.#random(1e9)}` } : {}), ...form };
  }

  #condition(depth: number): object {
    const logical = depth < 3 ? this.#random(4) : 3;
    if (logical < 2)
      return {
        [logical === 0 ? 'and' : 'or']: [
          this.#condition(depth + 1),
          ...this.#times(2, () => this.#condition(depth + 1)),
        ],
      };
    if (logical === 2) return { not: this.#condition(depth + 1) };
    const [name, { kind, operand }] = this.#one(Object.entries(COMPARISONS));
    const baseline =
      kind === 'number'
        ? this.#random(100) / 10
        : kind === 'pattern'
          ? this.#one(['^a+$', '[[:digit:]]{2}', '(?i)x', 'b'])
          : this.#text([]);
    return operand === 'none' ? { [name]: baseline } : { [name]: baseline, [operand]: this.#text([]) };
  }

  #inputs(module: ActionModule, loop: readonly string[]): unknown {
    if (module.shape === 'condition') return this.#condition(0);
    const map = (): object => {
      const given = Object.entries(module.inputs).filter(
        ([name, input]) =>
          input.required === true ||
          (input.needs === undefined && this.#random(2) === 0 && module.exactlyOneOf?.includes(name) !== true),
      );
      return Object.fromEntries(given.map(([name, input]) => [name, this.#input(input, loop)]));
    };
    return module.shape === 'map' ? map() : [map(), ...this.#times(2, map)];
  }

  #input(input: InputSchema, loop: readonly string[]): unknown {
    if (input.oneOf !== undefined) return this.#one(input.oneOf);
    switch (input.type) {
      case 'boolean':
        return this.#random(2) === 0;
      // No pauses.
      case 'integer':
        return 0;
      case 'mode':
        return this.#one(['0644', 755, '0o600', '1777']);
      case 'texts':
        return [this.#text(loop), ...this.#times(2, () => this.#text(loop))];
      case 'textMap':
        return { KEY: this.#text(loop) };
      case 'parameters':
        return [{ name: 'Name', value: this.#text(loop) }];
      case 'scalarOrTexts':
      case 'text':
        return this.#text(loop);
    }
  }

  #text(more: readonly string[]): string {
    const references = [...this.#references, ...more];
    const parts = [
      this.#word(),
      ...this.#times(2, () => (references.length > 0 && this.#random(2) === 0 ? this.#one(references) : this.#word())),
    ];
    return parts.join(this.#one(['', ' ', '/']));
  }

  #word(): string {
    return this.#one([
      'a',
      'web',
      '/etc/x',
      '1',
      '1.0',
      '0777',
      'true',
      'a: b',
      'é',
      '# x',
      '{{ .Go }}',
      '$HOME',
      "it's",
      '*',
      'a,b',
      'x\ny',
    ]);
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#random(values.length)]!;
  }

  #times<T>(most: number, make: (index: number) => T): readonly T[] {
    return Array.from({ length: this.#random(most + 1) }, (_, index) => make(index));
  }
}

const WORKFLOW = readFileSync(new URL('../../managed/workflows/build/build-image.yaml', import.meta.url), 'utf8');

/** A text that is a document, or was one. */
export function randomText(random: Random): { readonly text: string; readonly kind: 'component' | 'workflow' } {
  const kind = random(3) === 0 ? 'workflow' : 'component';
  const whole = kind === 'workflow' ? WORKFLOW : randomComponent(random);
  return { text: kind === 'workflow' || random(3) > 0 ? mutate(whole, random) : whole, kind };
}

/**
 * Validates a text, and checks what must hold of the answer whatever the text is.
 * @returns whether it is a good document
 */
export function checkValidator(text: string, kind: 'component' | 'workflow'): boolean {
  const { document, faults } =
    kind === 'component' ? parseComponentDocument(text, { platform: 'Linux' }) : parseWorkflowDocument(text, 'BUILD');
  const lines = text.split(/\r\n|\n|\r/).length;
  assert.equal(
    document === undefined,
    faults.some((fault) => fault.severity === 'error'),
  );
  for (const fault of faults) {
    assert.ok(Object.hasOwn(FAULT_KINDS, fault.code), fault.code);
    assert.ok(
      fault.position.line >= 1 && fault.position.line <= lines && fault.position.column >= 1,
      JSON.stringify(fault),
    );
    assert.ok(!fault.message.includes('undefined') && !fault.message.includes('[object'), fault.message);
  }
  return document !== undefined;
}

/** What a runner says of a fault that the document alone explains, so that the validator should have said it. */
const STATIC = [
  /not yet supported|does not run on/,
  /expected a map|expected one value|a value is needed|at least one command is needed|expected true or false|expected a whole number/,
  /Input '.*' must be|the loop cannot end|of the loop must be|the delimiter must be/,
  /A condition (?:needs|must)|is not an operator|cannot be read|need a list|needs single values/,
  /has no value: (?:the step has no such input|step .* has not run here)/,
];

/**
 * Runs a valid component document with an instance on which every command succeeds, and checks that no step fails
 * because of the document.
 */
export async function checkRunner(text: string): Promise<void> {
  const { document } = parseComponentDocument(text, { platform: 'Linux' });
  assert.ok(document);
  const parameters = Object.fromEntries(
    document.parameters.map(({ name, defaultValue }) => [name, defaultValue ?? 'given']),
  );
  const outcome = await runDocument({
    document,
    name: 'fuzz',
    phases: document.phases.map(({ name }) => name),
    parameters,
    instance: obedient(),
    report: () => {},
    maxReboots: 1000,
    secrets: SECRETS,
  });
  for (const { name, failureMessage = '' } of outcome.phases.flatMap(({ steps }) => steps)) {
    const found = STATIC.find((pattern) => pattern.test(failureMessage));
    assert.equal(found, undefined, `step ${name}: ${failureMessage}`);
  }
}

const SECRETS = new Secrets({
  account: '123456789012',
  region: 'us-east-1',
  providers: async () => [{ answers: () => true, describe: () => 'nowhere', look: async () => '{"user": "root"}' }],
});

/** Every command succeeds, and prints a word. */
function obedient(): Instance {
  return {
    id: 'i-0fuzz',
    handle: { driver: 'fuzz', id: 'i-0fuzz' },
    capabilities: { kernel: true, reboots: true, liveSnapshots: false, bootLoader: false, platform: 'Linux' },
    async run({ onOutput }: CommandRequest): Promise<CommandResult> {
      onOutput?.('stdout', Buffer.from('word\n'));
      return { exitCode: 0, signal: null, timedOut: false };
    },
    open: () => Promise.reject(new Error('no streams here')),
    put: async () => {},
    get: async () => Buffer.from('word\n'),
    reboot: async () => 'boot',
    snapshot: () => Promise.reject(new Error('no snapshots here')),
    stop: async () => {},
    terminate: async () => {},
    consoleTail: async () => [],
  };
}

/**
 * One round: a text made of seed and round, validated and, when it is a good component document, run.
 * @param told called with the text before anything is done with it
 * @returns whether it was run
 */
export async function fuzzRound(
  seed: number,
  round: number,
  told: (text: string) => void = () => {},
): Promise<boolean> {
  const { text, kind } = randomText(randomOf(seed * 1_000_003 + round));
  told(text);
  try {
    const good = checkValidator(text, kind);
    if (!good || kind === 'workflow') return false;
    await checkRunner(text);
    return true;
  } catch (error) {
    throw new Error(`seed ${seed}, round ${round}: ${(error as Error).message}\n${JSON.stringify(text)}`, {
      cause: error,
    });
  }
}
