import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InputValue } from './document.ts';
import { checkResolvedInputs, modeOf } from './inputs.ts';
import { ACTION_MODULES } from './modules.ts';

for (const [text, mode] of [
  ['0644', '0644'],
  ['644', '0644'],
  ['0o755', '0755'],
  ['1777', '1777'],
  ['01777', '1777'],
  ['0', '0000'],
  ['12345', undefined],
  ['0888', undefined],
  ['u+x', undefined],
  ['', undefined],
  ['-644', undefined],
] as const) {
  test(`mode ${JSON.stringify(text)}`, () => assert.equal(modeOf(text), mode));
}

const CASES: readonly (readonly [string, InputValue, InputValue, number])[] = [
  [
    'CreateFile',
    [{ path: '/x', overwrite: 'no', permissions: '600' }],
    [{ path: '/x', overwrite: false, permissions: '0600' }],
    0,
  ],
  [
    'CreateFile',
    [{ path: '/x', overwrite: 'maybe', permissions: 'rwx' }],
    [{ path: '/x', overwrite: 'maybe', permissions: 'rwx' }],
    2,
  ],
  ['Reboot', { delaySeconds: '5' }, { delaySeconds: 5 }, 0],
  ['ExecuteBash', { commands: ['5'] }, { commands: ['5'] }, 0],
  ['Assert', { stringEquals: 'yes', value: 'no' }, { stringEquals: 'yes', value: 'no' }, 0],
];

for (const [name, given, expected, problems] of CASES) {
  test(`resolved inputs of ${name}: ${JSON.stringify(given)}`, () => {
    const module = ACTION_MODULES.get(name);
    assert.ok(module);

    const checked = checkResolvedInputs(module, given);

    assert.deepEqual(checked.inputs, expected);
    assert.equal(checked.problems.length, problems, checked.problems.join(' '));
  });
}

test('the register: names occur once, required inputs exist', () => {
  for (const [name, module] of ACTION_MODULES) {
    assert.equal(module.name, name);
    for (const choice of module.exactlyOneOf ?? [])
      assert.ok(Object.hasOwn(module.inputs, choice), `${name}.${choice}`);
    for (const input of Object.values(module.inputs))
      assert.ok(input.needs === undefined || Object.hasOwn(module.inputs, input.needs), name);
  }
});
