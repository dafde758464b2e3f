/** Faults of workflows. */
import { workflow, type Case } from './fault-texts.ts';

export const WORKFLOW_CASES: readonly Case[] = [
  { code: 'wrong-type', text: workflow('    rollbackEnabled: ▸maybe\n'), says: /true or false/, workflow: 'BUILD' },
  {
    code: 'wrong-type',
    says: /Input 'instanceTypesOverride' must be a list of texts; '\$.parameters.kind' is a text/,
    workflow: 'BUILD',
    text:
      'schemaVersion: 1.0\nparameters:\n  - name: kind\nsteps:\n  - name: Launch\n    action: LaunchInstance\n' +
      '    inputs:\n      waitFor: ssmAgent\n      instanceTypesOverride.$: ▸$.parameters.kind\n',
  },
  {
    code: 'missing-key',
    text: 'schemaVersion: 1.0\nsteps:\n  - ▸name: Launch\n',
    says: /no 'action'/,
    workflow: 'BUILD',
  },
  { code: 'unknown-key', text: workflow('▸output: []\n'), says: /Did you mean 'outputs'\?/, workflow: 'BUILD' },
  {
    code: 'invalid-value',
    text: workflow('  - name: ▸1st\n    action: WaitForAction\n'),
    says: /start with a letter/,
    workflow: 'BUILD',
  },
  {
    code: 'invalid-value',
    text: workflow('  - name: End\n    action: TerminateInstance\n    inputs: {instanceId.$: ▸i-1}\n'),
    says: /must be a path/,
    workflow: 'BUILD',
  },
  { code: 'out-of-range', text: 'schemaVersion: 1.0\n▸steps: []', says: /1 to 15 steps/, workflow: 'BUILD' },
  { code: 'out-of-range', text: workflow('    timeoutSeconds: ▸43201\n'), says: /1 to 43200/, workflow: 'BUILD' },
  {
    code: 'out-of-range',
    text: workflow('    timeoutSeconds: 60\n    waitSeconds: ▸60\n'),
    says: /0 to 59/,
    workflow: 'BUILD',
  },
  {
    code: 'unsupported-schema-version',
    text: `schemaVersion: ▸2.0\n${workflow('').replace(/^.*\n/, '')}`,
    says: /2\.0/,
    workflow: 'BUILD',
  },
  {
    code: 'duplicate-name',
    text: workflow('  - name: ▸Launch\n    action: WaitForAction\n'),
    says: /The step 'Launch'/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-action',
    text: workflow('  - name: End\n    action: ▸TerminateInstances\n'),
    says: /Did you mean 'TerminateInstance'\?/,
    workflow: 'BUILD',
  },
  {
    code: 'action-not-allowed-in-type',
    text: workflow('  - name: Send\n    action: ▸DistributeImage\n'),
    says: /BUILD workflows, only in DISTRIBUTION/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-input',
    text: workflow('  - name: Wait\n    action: WaitForAction\n    inputs: {▸snsTopic: x}\n'),
    says: /snsTopicArn/,
    workflow: 'BUILD',
  },
  {
    code: 'missing-input',
    text: workflow('  - ▸name: End\n    action: TerminateInstance\n'),
    says: /needs the input 'instanceId'/,
    workflow: 'BUILD',
  },
  {
    code: 'conflicting-inputs',
    workflow: 'DISTRIBUTION',
    says: /cannot be used in one workflow with DistributeImage/,
    text: workflow(
      '  - name: Images\n    action: DistributeImage\n  - name: Containers\n    action: ▸DistributeContainerImage\n' +
        '    inputs: {instanceId.$: $.stepOutputs.Launch.instanceId}\n',
    ),
  },
  {
    code: 'unknown-operator',
    text: workflow('    if: {▸patternMatches: x, stringEquals: y, value: z}\n'),
    says: /not an operator of workflow conditions/,
    workflow: 'BUILD',
  },
  { code: 'operator-count', text: workflow('    if: ▸{value: x}\n'), says: /has none/, workflow: 'BUILD' },
  {
    code: 'condition-too-deep',
    workflow: 'BUILD',
    says: /4 levels/,
    text: workflow('    if: {not: {not: {not: {not: ▸{stringEquals: x, value: y}}}}}\n'),
  },
  {
    code: 'undeclared-parameter',
    text: workflow('    if: {booleanEquals: true, value: ▸$.parameters.x}\n'),
    says: /declares no parameter 'x'/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-reference',
    text: workflow('outputs: [{name: Id, value: ▸$.stepOutputs.Launch.imageId}]\n'),
    says: /no output 'imageId', only instanceId/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-reference',
    text: workflow('    description: x\n    if: {stringEquals: x, value: ▸$.imagebuilder.imagetype}\n'),
    says: /Did you mean 'imageType'\?/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-reference',
    text: workflow('    if: {stringEquals: x, value: ▸$.stepOutput.Launch.instanceId}\n'),
    says: /Did you mean 'stepOutputs'\?/,
    workflow: 'BUILD',
  },
  {
    code: 'forward-reference',
    workflow: 'BUILD',
    says: /runs later/,
    text: workflow(
      '  - name: End\n    action: TerminateInstance\n    inputs: {instanceId.$: ▸$.stepOutputs.Again.instanceId}\n' +
        '  - name: Again\n    action: LaunchInstance\n    inputs: {waitFor: ssmAgent}\n',
    ),
  },
];
