import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseComponentDocument } from './component/parse.ts';
import { FAULT_KINDS } from './faults.ts';
import { parseWorkflowDocument } from './workflow/parse.ts';

const ROUNDS = 500;
/** Set it to the printed one to see a failure again. */
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));

const SPLICES = [
  '{{ ', ' }}', '{{', '- ', ': ', '\n', '  ', '\t', '[', ']', '{', '}', '"', "'", '|', '>', '&a ', '*a', '<<: *a', '!!binary ', '!Sub ', '? ', '#', '~', '---\n',
  '.$', '$.', '$.stepOutputs.', '$.parameters.x', '__proto__', 'constructor', 'inputs', 'name: ', '0777', '1e400', '.inf', '\u0000', '\ufeff', '\ud800', '💡', '${x}',
];

const COMPONENT = `name: Fuzz
schemaVersion: 1.0
parameters:
  - Name: {type: string, default: x, allowedValues: [x]}
constants:
  - Size: {type: string, value: 1.0}
phases:
  - name: build
    steps:
      - name: One
        action: ExecuteBash
        timeoutSeconds: 60
        inputs: {commands: ["echo {{ Name }}"]}
      - name: Two
        action: CreateFile
        if: {not: {fileExists: /x}}
        inputs: [{path: "{{ build.One.outputs.stdout }}", permissions: 0644}]
      - name: Three
        action: Assert
        inputs: {and: [{patternMatches: "^a+$", value: "{{ Size }}"}, {numberEquals: 1, value: 2}]}
`;

/** Small and repeatable: mulberry32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function mutate(text: string, random: (below: number) => number): string {
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

test(`no text makes a parser throw (seed ${SEED})`, () => {
  const random = randomOf(SEED);
  const workflow = readFileSync(new URL('../../managed/workflows/build/build-image.yaml', import.meta.url), 'utf8');
  for (let round = 0; round < ROUNDS; round += 1) {
    const asComponent = random(2) === 0;
    const text = mutate(asComponent ? COMPONENT : workflow, random);
    try {
      const { document, faults } = asComponent ? parseComponentDocument(text, { platform: 'Linux' }) : parseWorkflowDocument(text, 'BUILD');
      const lines = text.split(/\r\n|\n|\r/).length;
      assert.equal(document === undefined, faults.some((fault) => fault.severity === 'error'));
      for (const fault of faults) {
        assert.ok(Object.hasOwn(FAULT_KINDS, fault.code));
        assert.ok(fault.position.line >= 1 && fault.position.line <= lines && fault.position.column >= 1, JSON.stringify(fault));
      }
    } catch (error) {
      throw new Error(`seed ${SEED}, round ${round}, text ${JSON.stringify(text)}`, { cause: error });
    }
  }
});
