import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RUNNABLE_ACTIONS, workflowActions } from '../../documents/workflow/actions.ts';
import { stepActions } from './register.ts';

test('each step action is registered by its own name, and documents know it', () => {
  for (const name of RUNNABLE_ACTIONS) {
    assert.equal(stepActions[name]?.name, name);
    assert.notEqual(workflowActions[name], undefined);
  }
});
