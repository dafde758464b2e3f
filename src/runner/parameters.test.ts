import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ComponentDocument } from '../documents/component/document.ts';
import { ParameterError, parameterScope } from './parameters.ts';

const document: ComponentDocument = {
  schemaVersion: '1.0',
  parameters: [
    { name: 'Package', type: 'string' },
    { name: 'Channel', type: 'string', defaultValue: 'stable', allowedValues: ['stable', 'edge'] },
  ],
  constants: [{ name: 'Folder', value: '/opt' }],
  phases: [],
};

describe('the values of parameters', () => {
  test('given values, otherwise defaults; constants beside them', () => {
    const scope = parameterScope(document, 'c', { Package: 'nginx', Folder: '/evil', Other: 'x' });
    assert.deepEqual(
      [...scope],
      [
        ['Folder', '/opt'],
        ['Package', 'nginx'],
        ['Channel', 'stable'],
      ],
    );
  });

  test('every fault is named', () => {
    assert.throws(
      () => parameterScope(document, 'c', { Channel: 'beta' }),
      (error: unknown) => {
        assert.ok(error instanceof ParameterError);
        assert.equal(
          error.message,
          'component c: parameter Package has no value and no default; parameter Channel is "beta", allowed are ' +
            '"stable", "edge"',
        );
        return true;
      },
    );
  });

  test('an empty text counts as a value', () =>
    assert.equal(parameterScope(document, 'c', { Package: '' }).get('Package'), ''));
});
