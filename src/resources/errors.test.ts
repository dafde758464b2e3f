import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  ApiError,
  dryRunSucceeded,
  ERROR_STATUS,
  internalFailure,
  invalidParameterValue,
  invalidParameterValues,
  methodNotAllowed,
  resourceAlreadyExists,
  resourceDependency,
  type ErrorCode,
} from './errors.ts';

test('a code has its status, and is the name of the error', () => {
  for (const [code, status] of Object.entries(ERROR_STATUS)) {
    const error = new ApiError(code as ErrorCode, 'words');
    assert.deepEqual([error.name, error.code, error.status, error.message], [code, code, status, 'words']);
  }
});

const WORDINGS: readonly [error: ApiError, status: number, message: string][] = [
  [
    invalidParameterValue(
      'distributions[0]',
      'One or more outputs should be provided for each region in a distribution configuration.',
    ),
    400,
    "The value supplied for parameter 'distributions[0]' is not valid. One or more outputs should be provided for " +
      'each region in a distribution configuration.',
  ],
  [resourceAlreadyExists('ImageRecipe', 'arn:r'), 400, "The following resource 'ImageRecipe' already exists: 'arn:r'."],
  [
    resourceDependency('arn:c', []),
    400,
    "Resource dependency error: The resource ARN 'arn:c' has other resources depended on it.",
  ],
  [dryRunSucceeded(), 412, 'Request would have succeeded, but dryRun flag is set.'],
];
for (const [error, status, message] of WORDINGS) {
  test(`${error.code} has EC2 Image Builder's message`, () =>
    assert.deepEqual([error.status, error.message], [status, message]));
}

test('several invalid values are reported line by line', () => {
  const { message } = invalidParameterValues([
    { path: 'a', detail: 'One.' },
    { path: 'b.c', detail: 'Two.' },
  ]);
  assert.deepEqual(message.split('\n'), [
    "The value supplied for parameter 'a' is not valid. One.",
    "The value supplied for parameter 'b.c' is not valid. Two.",
  ]);
});

test('a dependency error names the dependents, at most ten', () => {
  assert.match(resourceDependency('arn:c', ['arn:x', 'arn:y']).message, / They are: 'arn:x', 'arn:y'\.$/);
  const { message } = resourceDependency(
    'arn:c',
    Array.from({ length: 12 }, (_, index) => `arn:${index}`),
  );
  assert.match(message, /'arn:9' and 2 more\.$/);
  assert.doesNotMatch(message, /arn:10/);
});

test('an internal error tells only where to find details; a wrong method is a 405', () => {
  assert.match(internalFailure('id-1').message, /request id id-1/);
  assert.equal(methodNotAllowed('GET', '/CreateComponent', ['PUT']).status, 405);
});
