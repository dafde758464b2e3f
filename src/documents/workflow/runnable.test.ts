import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWorkflowDocument } from './parse.ts';
import { stepsThatCannotRun } from './runnable.ts';

const document = (action: string, more = ''): string => `name: w
schemaVersion: 1.0
steps:
  - name: LaunchIt
    action: LaunchInstance
    onFailure: Abort
    inputs:
      waitFor: ssmAgent
  - name: SomeStep
    action: ${action}
${more}    inputs:
      instanceId.$: $.stepOutputs.LaunchIt.instanceId
`;
const refused = (text: string): readonly string[] => {
  const { document: parsed, faults } = parseWorkflowDocument(text, 'BUILD');
  assert.deepEqual(faults, []);
  return stepsThatCannotRun(parsed!);
};

test('a step that cannot run is reported with its position and reason', () => {
  assert.deepEqual(refused(document('RunSysPrep')), [
    "9:5 The step 'SomeStep' has the action RunSysPrep, which prepares Windows for imaging, and Ingot builds Linux " +
      'images only. Remove the step, or give it a condition (if).',
  ]);
  assert.match(refused(document('CreateImageFromIso'))[0]!, /, which installs .* imports finished disks only\. Remove/);
});

test('a conditional step, and one that can run, are not rejected', () => {
  const condition = '    if:\n      stringEquals: Windows\n      value: $.imagebuilder.platform\n';
  assert.deepEqual(refused(document('RunSysPrep', condition)), []);
  assert.deepEqual(refused(document('SanitizeInstance')), []);
});
