import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseComponentDocument } from './parse.ts';
import { secretsOfDocument } from './references.ts';

test('the secrets of a run are those in steps, constants and parameters', () => {
  const { document } = parseComponentDocument(`
name: uses
description: "give '{{ resolve:secretsmanager:described }}' as Token"
schemaVersion: 1.0
parameters:
  - Token: {type: string, default: '{{ resolve:ssm-secure:default }}', description: '{{ resolve:ssm:described }}'}
constants:
  - Key: {type: string, value: '{{ resolve:secretsmanager:constant }}'}
phases:
  - name: build
    steps:
      - name: One
        action: ExecuteBash
        if: {stringEquals: a, value: '{{ resolve:secretsmanager:asked }}'}
        loop: {forEach: ['{{ resolve:secretsmanager:looped }}', b]}
        inputs: {commands: ['echo {{ Token }} {{ Key }} {{ resolve:secretsmanager:used:SecretString:key }}']}
`);
  const names = (given: Readonly<Record<string, string>>): readonly string[] =>
    secretsOfDocument(document!, given)
      .map(({ name }) => name)
      .sort();
  assert.deepEqual(names({}), ['asked', 'constant', 'default', 'looped', 'used']);
  assert.deepEqual(names({ Token: '{{ resolve:secretsmanager:given }}' }), [
    'asked',
    'constant',
    'given',
    'looped',
    'used',
  ]);
});
