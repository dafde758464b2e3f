import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InputValue } from './document.ts';
import {
  findReferences,
  hasReference,
  MAX_RESOLVED,
  ReferencesTooLargeError,
  resolveReferences,
} from './references.ts';
import type { ReferenceLookup } from './references.ts';

const KINDS: readonly (readonly [string, readonly string[]])[] = [
  ['nothing', []],
  ['{{ Name }}', ['name']],
  ['{{Name}}-{{ Other-Name_2 }}', ['name', 'name']],
  ['{{ build.Install step.outputs.stdout }}', ['chain']],
  ['{{ build.Install.inputs[12].path }}', ['chain']],
  ['{{ loop.index }} {{ Servers.value }}', ['loop', 'loop']],
  [
    '{{ a b }} {{}} {{ .Name }} {{ x|y }} {{ build.A.result.x }} {{ aws:ssm }}',
    ['literal', 'literal', 'literal', 'literal', 'literal', 'literal'],
  ],
  ['{{{ Name }}}', ['name']],
  ['{{ Name', []],
];

for (const [text, kinds] of KINDS) {
  test(`references in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(
      findReferences(text).map((reference) => reference.kind),
      kinds,
    );
    assert.equal(
      hasReference(text),
      kinds.some((kind) => kind !== 'literal'),
    );
  });
}

const LOOKUP: ReferenceLookup = {
  name: (name) => ({ Name: 'web', Tricky: '$& {{ Name }}' })[name],
  chain: ({ phase, step, direction, index, variable }) =>
    step === 'Gone' ? undefined : `<${phase} ${step} ${direction} ${index} ${variable}>`,
};

const RESOLVED: readonly (readonly [InputValue, InputValue, readonly string[]])[] = [
  ['{{ Name }}/{{Name}}', 'web/web', []],
  [{ '{{ Name }}': ['{{ Name }}', 1, true, null] }, { '{{ Name }}': ['web', 1, true, null] }, []],
  ['{{ Tricky }}', '$& {{ Name }}', []],
  ['{{ Unknown }} {{ loop.value }} {{ x | y }}', '{{ Unknown }} {{ loop.value }} {{ x | y }}', []],
  ['{{ build.A.outputs.stdout }}{{ build.A.inputs[2].path }}', '<build A outputs 0 stdout><build A inputs 2 path>', []],
  [['{{ build.Gone.outputs.stdout }}'], ['{{ build.Gone.outputs.stdout }}'], ['{{ build.Gone.outputs.stdout }}']],
];

for (const [value, expected, unresolved] of RESOLVED) {
  test(`resolves ${JSON.stringify(value)}`, () => {
    assert.deepEqual(resolveReferences(value, LOOKUP), { value: expected, unresolved });
  });
}

test('loop references are resolved inside a loop', () => {
  const lookup: ReferenceLookup = {
    ...LOOKUP,
    loop: ({ loop, variable }) => (loop === 'loop' ? `${variable}!` : undefined),
  };

  assert.equal(resolveReferences('{{ loop.index }} {{ other.value }}', lookup).value, 'index! {{ other.value }}');
});

test('values of references have a total limit in characters', () => {
  const lookup: ReferenceLookup = { ...LOOKUP, chain: () => 'x'.repeat(MAX_RESOLVED / 4) };
  const reference = '{{ build.One.outputs.stdout }}';

  assert.equal(String(resolveReferences(reference.repeat(4), lookup).value).length, MAX_RESOLVED);
  assert.throws(
    () => resolveReferences([reference.repeat(2), { again: reference.repeat(3) }], lookup),
    ReferencesTooLargeError,
  );
});
