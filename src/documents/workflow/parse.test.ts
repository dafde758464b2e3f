import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseWorkflowDocument } from './parse.ts';
import type { WorkflowType } from './document.ts';
import { stated } from '../../../test/harness/stated.ts';

const MANAGED: readonly (readonly [string, WorkflowType, readonly string[]])[] = [
  [
    'build/build-image',
    'BUILD',
    [
      'LaunchBuildInstance LaunchInstance Abort',
      'ApplyBuildComponents ExecuteComponents Abort',
      'InventoryCollection CollectImageMetadata Abort if',
      'RunSanitizeScript SanitizeInstance Abort if',
      'RunSysPrepScript RunSysPrep Abort if',
      'CreateOutputAMI CreateImage Abort if',
      'TerminateBuildInstance TerminateInstance Continue',
    ],
  ],
  [
    'test/test-image',
    'TEST',
    [
      'LaunchTestInstance LaunchInstance Abort',
      'CollectImageScanFindings CollectImageScanFindings Continue if',
      'ApplyTestComponents ExecuteComponents Abort',
      'TerminateTestInstance TerminateInstance Continue',
    ],
  ],
  [
    'distribution/distribute-image',
    'DISTRIBUTION',
    [
      'DistributeImage DistributeImage Abort',
      'ModifyImageAttributes ModifyImageAttributes Abort',
      'ApplyImageConfigurations ApplyImageConfigurations Abort',
    ],
  ],
];

for (const [name, type, steps] of MANAGED) {
  test(`the managed workflow ${name}`, () => {
    const text = readFileSync(new URL(`../../../managed/workflows/${name}.yaml`, import.meta.url), 'utf8');

    const { document, faults } = parseWorkflowDocument(text, type);

    assert.deepEqual(faults, []);
    assert.equal(`${type === 'DISTRIBUTION' ? 'distribution' : type.toLowerCase()}/${document?.name ?? ''}`, name);
    assert.deepEqual(
      document?.steps.map(
        (step) => `${step.name} ${step.action} ${step.onFailure}${step.if === undefined ? '' : ' if'}`,
      ),
      steps,
    );
  });
}

test('a step is returned with its defaults', () => {
  const text = `
schemaVersion: 1.0
parameters:
  - name: keep
    type: boolean
    default: false
  - {name: regions, type: stringList, default: [us-west-2]}
steps:
  - name: Launch
    action: LaunchInstance
    inputs: {waitFor: ssmAgent}
  - name: Command
    action: RunCommand
    rollbackEnabled.$: $.parameters.keep
    timeoutSeconds: 60
    waitSeconds: 5
    if: {not: [{numberGreaterThan: 3, value: $.imagebuilder.imageBuildNumber}]}
    inputs:
      instanceId: $.stepOutputs.Launch.instanceId
      documentName: AWS-RunShellScript
      parameters:
        commands: ["echo {{ $.parameters.regions[0] }} {{ imagebuilder:buildDate }} $.x"]
        account.$: [$.parameters.keep]
        number: 012345678901
outputs:
  - name: Output
    value: $.stepOutputs.Command.output[0]
`;

  const { document, faults } = parseWorkflowDocument(text, 'BUILD');

  assert.deepEqual(faults, []);
  assert.deepEqual(stated(document?.parameters), [
    { name: 'keep', type: 'boolean', defaultValue: false },
    { name: 'regions', type: 'stringList', defaultValue: ['us-west-2'] },
  ]);
  assert.deepEqual(stated(document?.steps), [
    {
      name: 'Launch',
      action: 'LaunchInstance',
      inputs: { waitFor: 'ssmAgent' },
      onFailure: 'Abort',
      rollbackEnabled: true,
      timeoutSeconds: 4500,
      waitSeconds: 0,
      position: { line: 9, column: 5 },
    },
    {
      name: 'Command',
      action: 'RunCommand',
      onFailure: 'Abort',
      rollbackEnabled: '$.parameters.keep',
      timeoutSeconds: 60,
      waitSeconds: 5,
      if: {
        kind: 'not',
        condition: {
          kind: 'comparison',
          operator: 'numberGreaterThan',
          baseline: '3',
          value: '$.imagebuilder.imageBuildNumber',
        },
      },
      inputs: {
        instanceId: '$.stepOutputs.Launch.instanceId',
        documentName: 'AWS-RunShellScript',
        parameters: {
          commands: ['echo {{ $.parameters.regions[0] }} {{ imagebuilder:buildDate }} $.x'],
          'account.$': ['$.parameters.keep'],
          number: '012345678901',
        },
      },
      position: { line: 12, column: 5 },
    },
  ]);
  assert.deepEqual(document?.outputs, [{ name: 'Output', value: '$.stepOutputs.Command.output[0]' }]);
});

test('inputs may be omitted for an action that needs none', () => {
  const { document, faults } = parseWorkflowDocument(
    'schemaVersion: 1.0\nsteps: [{name: Wait, action: WaitForAction}]',
    'TEST',
  );

  assert.deepEqual(faults, []);
  assert.deepEqual(document?.steps[0]?.inputs, {});
});
