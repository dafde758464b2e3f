import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RUNNABLE_ACTIONS, workflowActions } from '../documents/workflow/actions.ts';
import { stepActions } from './actions.ts';

test('what the API accepts as runnable is what the register of step actions holds', () => {
  assert.deepEqual(Object.keys(stepActions).sort(), [...RUNNABLE_ACTIONS].sort());
  for (const name of RUNNABLE_ACTIONS) assert.ok(workflowActions[name], name);
});
