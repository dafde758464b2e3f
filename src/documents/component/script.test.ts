import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseComponentDocument } from './parse.ts';
import { documentOfScript } from './script.ts';

const SCRIPTS = [
  'echo hello',
  '#!/bin/sh\nset -eu\n\techo "a: b" # c\n\nprintf \'%s\\n\' x\n',
  '  indented\nnot\n',
  'echo {{ not a reference',
  "- 'quoted'",
  'trailing blanks  \n\n\n',
];

for (const script of SCRIPTS) {
  test(`a script is unchanged in the document: ${JSON.stringify(script)}`, () => {
    const text = documentOfScript({ name: 'My: script', description: '# d', type: 'TEST', platform: 'Linux', script });
    const { document, faults } = parseComponentDocument(text, { platform: 'Linux' });
    assert.deepEqual(
      faults.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.deepEqual(
      document!.phases.map(({ name }) => name),
      ['test'],
    );
    assert.deepEqual((document!.phases[0]!.steps[0]!.inputs as { commands: unknown }).commands, [script]);
    assert.match(text, /^schemaVersion: 1\.0$/m);
  });
}
