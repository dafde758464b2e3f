import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComponentDocument } from './document.ts';
import { checkParameterValues, componentType, hasPhase, parameterDetails, phaseNames } from './type.ts';
import { stated } from '../../../test/harness/stated.ts';

function documentOf(phases: readonly string[]): ComponentDocument {
  return {
    schemaVersion: '1.0',
    parameters: [
      { name: 'Given', type: 'string' },
      {
        name: 'Size',
        type: 'string',
        defaultValue: 'small',
        description: 'How large',
        allowedValues: ['small', 'large'],
      },
    ],
    constants: [],
    phases: phases.map((name) => ({ name, steps: [] })),
  };
}

for (const [phases, type] of [
  [['test'], 'TEST'],
  [['build', 'test'], 'BUILD'],
  [['build'], 'BUILD'],
  [['test', 'other'], 'BUILD'],
] as const) {
  test(`phases ${phases.join(', ')} make a ${type} component`, () => {
    const document = documentOf(phases);

    assert.equal(componentType(document), type);
    assert.deepEqual(phaseNames(document), phases);
    assert.equal(hasPhase(document, 'test'), false, 'a phase without steps does nothing');
  });
}

test('parameters as GetComponent gives them', () => {
  assert.deepEqual(stated(parameterDetails(documentOf(['build']))), [
    { name: 'Given', type: 'string' },
    { name: 'Size', type: 'string', defaultValue: ['small'], description: 'How large' },
  ]);
});

const VALUES: readonly (readonly [Readonly<Record<string, readonly string[]>>, readonly RegExp[]])[] = [
  [{ Given: ['x'] }, []],
  [{ Given: ['x'], Undeclared: ['y'] }, []],
  [{}, [/'Given' has no default/]],
  [{ Given: [] }, [/takes one value, and has 0/]],
  [{ Given: ['x', 'y'] }, [/takes one value, and has 2/]],
  [{ Given: [''] }, [/empty value/]],
  [{ Given: ['x'.repeat(1025)] }, [/1025 characters/]],
  [{ Given: ['x'], Size: ['huge'] }, [/allowedValues \(small, large\)/]],
];

for (const [given, expected] of VALUES) {
  test(`values ${JSON.stringify(given).slice(0, 60)}`, () => {
    const problems = checkParameterValues(
      documentOf(['build']),
      Object.entries(given).map(([name, value]) => ({ name, value })),
    );

    assert.equal(problems.length, expected.length, problems.join(' '));
    for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
  });
}
