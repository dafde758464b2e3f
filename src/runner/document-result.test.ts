import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DocumentResult, phaseStatus } from './document-result.ts';
import type { DocumentFailure, StepOutcome, StepStatus } from './outcome.ts';
import { stated } from '../../test/harness/stated.ts';

function step(status: StepStatus): StepOutcome {
  return {
    name: status,
    action: 'ExecuteBash',
    status,
    attempts: 1,
    startTime: '',
    endTime: '',
    outputs: {},
    inputs: {},
  };
}

function failure(name: string): DocumentFailure {
  return { phase: 'build', step: name, action: 'ExecuteBash', message: 'exit status 1', outputTail: [] };
}

describe('the status of a phase', () => {
  const cases: readonly [steps: readonly StepStatus[], status: string][] = [
    [[], 'Success'],
    [['Success', 'Skipped'], 'Success'],
    [['Success', 'IgnoredFailure'], 'SuccessWithIgnoredFailure'],
    [['IgnoredFailure', 'Failed', 'Success'], 'Failed'],
  ];
  for (const [steps, status] of cases)
    test(`${steps.join(', ')} is ${status}`, () => assert.equal(phaseStatus(steps.map(step)), status));
});

describe('the outcome of a document', () => {
  test('ignored failures count as success', () => {
    const result = new DocumentResult();
    result.startPhase('build');
    result.addStep(step('IgnoredFailure'), failure('a'), false);
    result.addStep(step('Success'), undefined, false);
    assert.deepEqual(stated({ ...result.outcome(), phases: [] }), {
      status: 'success',
      phases: [],
      failedStepCount: 0,
      executedStepCount: 2,
      ignoredFailedStepCount: 1,
      skippedStepCount: 0,
      ignored: [failure('a')],
    });
  });

  test('the first failure is reported, and whether it was a timeout', () => {
    const result = new DocumentResult();
    result.startPhase('build');
    result.addStep(step('Failed'), failure('a'), true);
    result.startPhase('validate');
    result.addStep(step('Failed'), failure('b'), false);
    const outcome = result.outcome();
    assert.equal(outcome.status, 'timedOut');
    assert.equal(outcome.failure?.step, 'a');
    assert.equal(outcome.failedStepCount, 2);
    assert.deepEqual(
      outcome.phases.map((phase) => phase.status),
      ['Failed', 'Failed'],
    );
  });
});
