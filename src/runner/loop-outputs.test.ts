import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoopOutputs } from './loop-outputs.ts';

test('the values of all iterations are joined, for each output and item', () => {
  const outputs = new LoopOutputs();
  outputs.add({ stdout: 'x', files: ['a', 'b'] });
  outputs.add({ stdout: '', files: ['c', ''] });

  assert.deepEqual(outputs.outputs(), { stdout: 'x\n', files: ['a\nc', 'b\n'] });
});

test('values that are too large in one iteration, or together, are dropped', () => {
  const outputs = new LoopOutputs();
  for (let turn = 0; turn < 3; turn += 1)
    outputs.add({ stdout: 'x'.repeat(400_000), small: 'y', never: turn === 1 ? undefined : 'z' });

  assert.deepEqual(outputs.outputs(), { stdout: undefined, small: 'y\ny\ny', never: undefined });
});
