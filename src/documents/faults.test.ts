import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseComponentDocument } from './component/parse.ts';
import type { Platform } from './component/modules.ts';
import { FAULT_KINDS, FaultCollector, formatFault } from './faults.ts';
import type { FaultCode } from './faults.ts';
import type { WorkflowType } from './workflow/document.ts';
import { parseWorkflowDocument } from './workflow/parse.ts';

interface Case {
  readonly code: FaultCode;
  /** A document with ▸ just before the position of the fault. */
  readonly text: string;
  readonly says: RegExp;
  readonly path?: string;
  readonly platform?: Platform;
  /** For workflow documents. */
  readonly workflow?: WorkflowType;
}

const PLACE = '▸';

/** A component document with one step; `step` is what follows its name, `top` comes before the phases. */
function component(step: string, top = ''): string {
  const lines = step.replace(/^(?=.)/gm, '        ');
  return `schemaVersion: 1.0\n${top}phases:\n  - name: build\n    steps:\n      - name: One\n${lines}`;
}

function bash(command: string, top = ''): string {
  return component(`action: ExecuteBash\ninputs:\n  commands:\n    - ${command}\n`, top);
}

/** A workflow with one launch step, and what follows it. */
function workflow(more: string): string {
  const launch = '  - name: Launch\n    action: LaunchInstance\n    inputs: {waitFor: ssmAgent}\n';
  return `schemaVersion: 1.0\nsteps:\n${launch}${more}`;
}

const GOOD_STEP = 'action: ExecuteBash\ninputs: {commands: ["true"]}\n';

const CASES: readonly Case[] = [
  {
    code: 'document-too-large',
    text: `${PLACE}${bash('x')}# ${'x'.repeat(70_000)}`,
    says: /70\d\d\d bytes; at most 65536/,
  },
  { code: 'document-too-large', text: `${PLACE}${'['.repeat(200)}${']'.repeat(200)}`, says: /nested deeper than 64/ },
  {
    code: 'document-too-large',
    text: `${PLACE}a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdef'
      .split('')
      .map((key, index) => {
        return `${key}: &${key} [${Array.from({ length: 10 }, () => `*${'abcde'[index]}`).join(',')}]\n`;
      })
      .join('')}`,
    says: /anchors grow/,
  },
  { code: 'document-too-large', text: `${PLACE}a: &a [*a]`, says: /anchors grow/ },
  { code: 'invalid-yaml', text: 'schemaVersion: 1.0\nphases: [build\n▸name: x', says: /not YAML/ },
  { code: 'document-too-large', text: `${PLACE}${'- '.repeat(30_000)}`, says: /nested deeper than 64/ },
  { code: 'invalid-yaml', text: bash('▸*gone'), says: /the anchor '&gone', which does not exist before it\. Quote/ },
  { code: 'invalid-yaml', text: '▸', says: /empty/ },
  {
    code: 'invalid-yaml',
    text: bash('▸[ -f /x ] && y'),
    says: /reads \[ at .* as a list\. Quote .*: - '\[ -f \/x \] && y'$/,
  },
  { code: 'invalid-yaml', text: bash('▸[ -f /x ] || { y; }'), says: /as a list\. Quote the whole text/ },
  { code: 'invalid-yaml', text: bash('▸> /var/log/x.log'), says: /Quote the whole text: - '> \/var\/log\/x\.log'$/ },
  { code: 'invalid-yaml', text: bash('▸| grep x'), says: /Quote the whole text: - '\| grep x'$/ },
  { code: 'invalid-yaml', text: bash('▸*foo bar'), says: /Quote the whole text: - '\*foo bar'$/ },
  { code: 'invalid-yaml', text: bash("▸'a' b"), says: /Quote the whole text: - '''a'' b'$/ },
  { code: 'invalid-yaml', text: 'a: 1\n▸---\nb: 1', says: /multiple documents/ },
  {
    code: 'invalid-yaml',
    says: /the text after '\|' in line 8 ends here, because this line is not indented\. All of its lines must be indented by 12 spaces/,
    text:
      component('action: ExecuteBash\ninputs:\n  commands: |\n    cat >x <<E\n').replace(/\s*$/, '\n') +
      '▸[Unit]\nDescription=x\nE\n',
  },
  {
    code: 'invalid-yaml',
    text: component('action: ExecuteBash\ninputs:\n  ▸commands:\n    $a = 1\n    # why\n    $b = 2\n'),
    says: /'commands' in line 8 must be a list, each item after a dash/,
  },
  { code: 'invalid-yaml', text: bash("'x'▸\""), says: /something follows the closing quote/ },
  { code: 'invalid-yaml', text: bash('echo a: ▸b: c'), says: /a colon and a space/ },
  { code: 'invalid-yaml', text: 'schemaVersion: 1.0\nphases:\n▸\t- name: build\n', says: /by spaces, not by tabs/ },
  {
    code: 'invalid-yaml',
    text: 'schemaVersion: 1.0\nname: ▸@x\n',
    says: /reads @ at the start .* reserved character\. Quote the whole text: name: '@x'/,
  },
  {
    code: 'duplicate-key',
    text: component(`${GOOD_STEP}▸action: Reboot\n`),
    says: /'action' is a duplicate of the one in line 6/,
  },
  {
    code: 'unquoted-reference',
    text: component('action: CreateFile\ninputs:\n  - path: ▸{{ Name }}\n'),
    says: /put the whole value in quotes/,
  },
  {
    code: 'unquoted-reference',
    text: component('action: CreateFile\ninputs:\n  - path: ▸{{ Name }}/file\n    content: x\n'),
    says: /put the whole value in quotes/,
  },
  { code: 'unquoted-reference', text: bash('▸{{ build.One.outputs.stdout }}'), says: /put the whole value in quotes/ },
  { code: 'unknown-tag', text: bash('▸!Sub x'), says: /!Sub/ },
  { code: 'unknown-tag', text: bash('! ▸grep x /y'), says: /reads '!' as a tag, .* Quote a text that starts with !/ },
  { code: 'unused-anchor', text: bash('&bg ▸sleep 1'), says: /reads '&bg' as an anchor that nothing refers to/ },
  { code: 'wrong-type', text: bash('▸[a, b]'), says: /not a list\. YAML reads a text that starts with \[ as a list/ },
  { code: 'wrong-type', text: bash('▸{a,b}'), says: /not a map\. YAML reads a text that starts with \{ as a map/ },
  {
    code: 'wrong-type',
    text: component('action: ExecuteBash\ninputs:\n  commands:\n    ▸-echo\n'),
    says: /A space is missing after the dash/,
  },
  {
    code: 'wrong-type',
    text: component('action: ExecuteBash\ninputs:\n  commands:\n    ▸a: b\n'),
    says: /must be a list, not a map\. Each item begins with a dash/,
  },
  {
    code: 'missing-input',
    text: component('action: ExecuteBash\ninputs: ▸{command: [x]}\n'),
    says: /It has 'command': write 'commands'/,
  },
  {
    code: 'loop-form',
    text: component('action: ExecuteBash\nloop: ▸{foreach: [x]}\ninputs: {commands: [x]}\n'),
    says: /It has 'foreach': case counts/,
  },
  {
    code: 'wrong-module',
    text: component('action: S3Download\ninputs:\n  - ▸{source: "https://b.s3.amazonaws.com/x", destination: /x}\n'),
    says: /use WebDownload/,
  },
  {
    code: 'literal-reference',
    text:
      bash('x') + '      - {name: B, action: ExecuteBash, inputs: {commands: ["▸{{ build.One.output.stdout }}"]}}\n',
    says: /write '\{\{ build\.One\.outputs\.stdout \}\}'/,
  },
  {
    code: 'wrong-type',
    text: component('action: ExecuteBash\nif: {and: ▸[]}\ninputs: {commands: [x]}\n'),
    says: /a list of one or more conditions, not an empty list/,
  },
  {
    code: 'unexpanded-placeholder',
    text: component('action: CreateFile\ninputs:\n  - path: /etc/▸${AppName}.conf\n'),
    says: /'\$\{AppName\}'/,
    path: 'phases[0].steps[0].inputs[0].path',
  },
  { code: 'unexpanded-placeholder', text: `name: ▸\${AWS::StackName}\n${bash('x')}`, says: /AWS::StackName/ },
  {
    code: 'unexpanded-placeholder',
    text: component('action: ▸${Action}\n'),
    says: /Action/,
    path: 'phases[0].steps[0].action',
  },
  { code: 'wrong-type', text: '▸- schemaVersion: 1.0', says: /must be a map, not a list/ },
  {
    code: 'wrong-type',
    text: 'schemaVersion: 1.0\nphases:\n  ▸build: []',
    says: /'phases' must be a list, not a map/,
    path: 'phases',
  },
  {
    code: 'wrong-type',
    text: component('action: ExecuteBash\ninputs:\n  ▸- commands: [x]\n'),
    says: /Remove the dash/,
  },
  { code: 'wrong-type', text: component('action: CreateFile\ninputs:\n  ▸path: /x\n'), says: /Put a dash/ },
  {
    code: 'wrong-type',
    text: component('action: ExecuteBash\ninputs:\n  commands: ▸echo\n'),
    says: /must be a list, not the text 'echo'/,
  },
  { code: 'wrong-type', text: bash('▸echo "a": b'), says: /must be quoted, or follow/ },
  {
    code: 'wrong-type',
    text: component(`${GOOD_STEP}timeoutSeconds: ▸soon\n`),
    says: /'timeoutSeconds' must be an integer, not the text 'soon'/,
  },
  {
    code: 'wrong-type',
    text: component('action: Reboot\ninputs: {delaySeconds: ▸1.5}\n'),
    says: /must be an integer/,
  },
  {
    code: 'wrong-type',
    text: bash('x', 'parameters:\n  ▸- name: Flat\n    type: string\n'.replace('▸- ', '- ▸')),
    says: /The name is a key of its own/,
  },
  { code: 'wrong-type', text: workflow('    rollbackEnabled: ▸maybe\n'), says: /true or false/, workflow: 'BUILD' },
  {
    code: 'wrong-type',
    says: /Input 'instanceTypesOverride' must be a list of texts; '\$.parameters.kind' is a text/,
    workflow: 'BUILD',
    text:
      'schemaVersion: 1.0\nparameters:\n  - name: kind\nsteps:\n  - name: Launch\n    action: LaunchInstance\n' +
      '    inputs:\n      waitFor: ssmAgent\n      instanceTypesOverride.$: ▸$.parameters.kind\n',
  },
  { code: 'missing-key', text: '▸schemaVersion: 1.0', says: /no 'phases'/ },
  { code: 'missing-key', text: '▸schemaversion: 1.0\nphases: []', says: /It has 'schemaversion': case counts/ },
  {
    code: 'missing-key',
    text: 'schemaVersion: 1.0\nsteps:\n  - ▸name: Launch\n',
    says: /no 'action'/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-key',
    text: component(`${GOOD_STEP}▸timeoutSecond: 5\n`),
    says: /Did you mean 'timeoutSeconds'\?/,
    path: 'phases[0].steps[0].timeoutSecond',
  },
  { code: 'unknown-key', text: workflow('▸output: []\n'), says: /Did you mean 'outputs'\?/, workflow: 'BUILD' },
  { code: 'invalid-value', text: component(`${GOOD_STEP}onFailure: ▸continue\n`), says: /Did you mean 'Continue'\?/ },
  { code: 'invalid-value', text: bash('x', 'parameters:\n  - ▸ab: {type: string}\n'), says: /3 to 128/ },
  {
    code: 'invalid-value',
    text: bash('x', 'parameters:\n  - Name: {type: ▸String}\n'),
    says: /Did you mean 'string'\?/,
  },
  {
    code: 'invalid-value',
    text: bash('x', 'parameters:\n  - Size: {type: string, default: ▸huge, allowedValues: [small, large]}\n'),
    says: /small, large/,
  },
  {
    code: 'invalid-value',
    text: component('action: Assert\ninputs: {patternMatches: ▸"(", value: x}\n'),
    says: /pattern '\(' cannot be read/,
  },
  {
    code: 'invalid-value',
    text: component('action: CreateFile\ninputs: [{path: /x, encoding: ▸latin1}]\n'),
    says: /utf8/,
  },
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
  {
    code: 'out-of-range',
    text: component(`${GOOD_STEP}timeoutSeconds: ▸0\n`),
    says: /more than 0, or -1 for no limit, not 0/,
  },
  { code: 'out-of-range', text: component(`${GOOD_STEP}maxAttempts: ▸0\n`), says: /1 or more/ },
  {
    code: 'out-of-range',
    says: /26 parameters; at most 25/,
    text: bash(
      'x',
      `▸parameters:\n${Array.from({ length: 26 }, (_, index) => `  - Name${index}: {type: string}\n`).join('')}`,
    ),
  },
  { code: 'out-of-range', text: 'schemaVersion: 1.0\n▸steps: []', says: /1 to 15 steps/, workflow: 'BUILD' },
  { code: 'out-of-range', text: workflow('    timeoutSeconds: ▸43201\n'), says: /1 to 43200/, workflow: 'BUILD' },
  {
    code: 'out-of-range',
    text: workflow('    timeoutSeconds: 60\n    waitSeconds: ▸60\n'),
    says: /0 to 59/,
    workflow: 'BUILD',
  },
  { code: 'quoted-scalar', text: component(`${GOOD_STEP}maxAttempts: ▸"3"\n`), says: /read as the integer 3/ },
  { code: 'null-value', text: bash('x', '▸parameters:\n'), says: /read as absent/ },
  {
    code: 'unsupported-schema-version',
    text: 'schemaVersion: ▸1.1\nphases: [{name: test, steps: []}]',
    says: /1\.0, not '1\.1'/,
  },
  {
    code: 'unsupported-schema-version',
    text: `schemaVersion: ▸2.0\n${workflow('').replace(/^.*\n/, '')}`,
    says: /2\.0/,
    workflow: 'BUILD',
  },
  {
    code: 'duplicate-name',
    text: component(`${GOOD_STEP}`) + '      - name: ▸One\n        action: UpdateOS\n',
    says: /The step 'One' is a duplicate of the one in line 5/,
  },
  {
    code: 'duplicate-name',
    text: bash('x', 'parameters:\n  - Name: {type: string}\nconstants:\n  - ▸Name: {type: string, value: x}\n'),
    says: /in line 3/,
  },
  {
    code: 'duplicate-name',
    text: 'schemaVersion: 1.0\nphases:\n  - {name: test, steps: []}\n  - {name: ▸test, steps: []}',
    says: /The phase 'test'/,
  },
  {
    code: 'duplicate-name',
    text: workflow('  - name: ▸Launch\n    action: WaitForAction\n'),
    says: /The step 'Launch'/,
    workflow: 'BUILD',
  },
  {
    code: 'no-phases',
    text: 'schemaVersion: 1.0\n▸phases: []',
    says: /^Document has 0 phases\. Phases list must not be empty\.$/,
  },
  {
    code: 'no-runnable-phase',
    text: 'schemaVersion: 1.0\n▸phases:\n  - {name: bild, steps: []}',
    says: /Did you mean 'build'\?/,
  },
  {
    code: 'empty-steps',
    text: 'schemaVersion: 1.0\nphases:\n  - name: build\n    ▸steps: []',
    says: /'build' has no steps/,
    path: 'phases[0].steps',
  },
  {
    code: 'unknown-action',
    text: component('action: ▸ExecuteBsh\ninputs: {commands: [x]}\n'),
    says: /Did you mean 'ExecuteBash'\?/,
    path: 'phases[0].steps[0].action',
  },
  {
    code: 'unknown-action',
    text: workflow('  - name: End\n    action: ▸TerminateInstances\n'),
    says: /Did you mean 'TerminateInstance'\?/,
    workflow: 'BUILD',
  },
  {
    code: 'module-not-allowed-on-platform',
    platform: 'Linux',
    says: /does not exist on Linux, only on Windows/,
    text: component('action: ▸ExecutePowerShell\ninputs: {commands: [x]}\n'),
  },
  {
    code: 'action-not-allowed-in-type',
    text: workflow('  - name: Send\n    action: ▸DistributeImage\n'),
    says: /BUILD workflows, only in DISTRIBUTION/,
    workflow: 'BUILD',
  },
  {
    code: 'unknown-input',
    text: component('action: UpdateOS\ninputs:\n  ▸includes: [x]\n'),
    says: /Did you mean 'include'\?/,
  },
  {
    code: 'unknown-input',
    text: component('action: UpdateOS\ninputs:\n  ▸constructor: [x]\n'),
    says: /no input 'constructor'/,
  },
  {
    code: 'unknown-input',
    text: workflow('  - name: Wait\n    action: WaitForAction\n    inputs: {▸snsTopic: x}\n'),
    says: /snsTopicArn/,
    workflow: 'BUILD',
  },
  {
    code: 'missing-input',
    text: component('action: ExecuteBinary\ninputs:\n  ▸arguments: [x]\n'),
    says: /ExecuteBinary needs the input 'path'/,
  },
  {
    code: 'missing-input',
    text: component("action: MoveFile\ninputs: [{source: /x, destination: ▸''}]\n"),
    says: /Input 'destination' of MoveFile is empty/,
  },
  {
    code: 'missing-input',
    text: component('action: ExecuteBash\n').replace('- name: One', '- ▸name: One'),
    says: /no inputs; ExecuteBash needs commands/,
  },
  { code: 'missing-input', text: component('action: ExecuteBash\ninputs: {commands: ▸[]}\n'), says: /empty list/ },
  {
    code: 'missing-input',
    text: component('action: Assert\ninputs: {▸stringEquals: x}\n'),
    says: /needs 'value' beside it/,
  },
  {
    code: 'missing-input',
    text: workflow('  - ▸name: End\n    action: TerminateInstance\n'),
    says: /needs the input 'instanceId'/,
    workflow: 'BUILD',
  },
  {
    code: 'conflicting-inputs',
    text: component('action: ExecutePowerShell\ninputs: ▸{commands: [x], file: y}\n'),
    says: /exactly one of commands, file/,
  },
  {
    code: 'conflicting-inputs',
    text: component('action: WebDownload\ninputs: [{source: x, destination: y, ▸checksum: z}]\n'),
    says: /'checksum' needs 'algorithm'/,
  },
  {
    code: 'conflicting-inputs',
    text: component('action: ExecuteDocument\nmaxAttempts: ▸2\ninputs: {document: x}\n'),
    says: /always has maxAttempts 1/,
  },
  {
    code: 'conflicting-inputs',
    platform: 'Windows',
    says: /does not exist on Windows/,
    text: component('action: CreateFile\ninputs: [{path: x, ▸owner: y}]\n'),
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
    code: 'wrong-module',
    text: component('action: S3Download\ninputs: [▸{source: /x, destination: s3://b/k}]\n'),
    says: /use S3Upload/,
  },
  {
    code: 'invalid-permissions',
    text: component('action: CreateFile\ninputs: [{path: /x, permissions: ▸0799}]\n'),
    says: /octal mode .* '0799'/,
  },
  {
    code: 'unknown-operator',
    text: component('action: Assert\ninputs: {▸stringsEqual: x, value: y, stringIsEmpty: z}\n'),
    says: /Did you mean 'stringEquals'\?/,
  },
  {
    code: 'unknown-operator',
    text: workflow('    if: {▸patternMatches: x, stringEquals: y, value: z}\n'),
    says: /not an operator of workflow conditions/,
    workflow: 'BUILD',
  },
  {
    code: 'operator-count',
    text: component('action: Assert\ninputs: ▸{stringEquals: x, numberEquals: 1, value: y}\n'),
    says: /has stringEquals, numberEquals/,
  },
  { code: 'operator-count', text: workflow('    if: ▸{value: x}\n'), says: /has none/, workflow: 'BUILD' },
  {
    code: 'condition-too-deep',
    workflow: 'BUILD',
    says: /4 levels/,
    text: workflow('    if: {not: {not: {not: {not: ▸{stringEquals: x, value: y}}}}}\n'),
  },
  {
    code: 'loop-form',
    text: component(`${GOOD_STEP}loop: ▸{name: turns}\n`),
    says: /exactly one of 'for' and 'forEach', and has neither/,
    path: 'phases[0].steps[0].loop',
  },
  {
    code: 'loop-form',
    text: component(`${GOOD_STEP}loop: ▸{for: {start: 1, end: 2, updateBy: 1}, forEach: [a]}\n`),
    says: /has both/,
  },
  {
    code: 'endless-loop',
    text: component(`${GOOD_STEP}loop: {for: ▸{start: 1, end: 2, updateBy: 0}}\n`),
    says: /^The loop cannot end: updateBy is 0\.$/,
  },
  {
    code: 'endless-loop',
    text: component(`${GOOD_STEP}loop: {for: ▸{start: 1, end: 5, updateBy: -1}}\n`),
    says: /from 1, updateBy -1 leads away from 5/,
  },
  {
    code: 'endless-loop',
    says: /from 9, updateBy 1 leads away from 5/,
    text: component(
      `${GOOD_STEP}loop: {for: ▸{start: '{{ First }}', end: 5, updateBy: 1}}\n`,
      'constants:\n  - First: {type: string, value: 9}\n',
    ),
  },
  {
    code: 'wrong-type',
    text: component(`${GOOD_STEP}loop: {for: {start: ▸one, end: 5, updateBy: 1}}\n`),
    says: /'start' must be an integer/,
  },
  {
    code: 'wrong-type',
    says: /'start' of the loop must be an integer, not 'one'/,
    text: component(
      `${GOOD_STEP}loop: {for: ▸{start: '{{ First }}', end: 5, updateBy: 1}}\n`,
      'constants:\n  - First: {type: string, value: one}\n',
    ),
  },
  { code: 'wrong-type', text: component(`${GOOD_STEP}loop: ▸[a, b]\n`), says: /'loop' must be a map, not a list/ },
  {
    code: 'wrong-type',
    text: component(`${GOOD_STEP}loop: {forEach: ▸"a,b"}\n`),
    says: /a list of texts, or a map with 'list' and 'delimiter'/,
  },
  {
    code: 'wrong-type',
    text: component(`${GOOD_STEP}loop: {forEach: [a, ▸{b: c}]}\n`),
    says: /Value 1 of 'forEach' must be a text, not a map/,
  },
  {
    code: 'missing-key',
    text: component(`${GOOD_STEP}loop: {for: ▸{start: 1, end: 5}}\n`),
    says: /'for' has no 'updateBy'/,
  },
  {
    code: 'missing-key',
    text: component(`${GOOD_STEP}loop: {forEach: ▸{delimiter: ','}}\n`),
    says: /'forEach' has no 'list'/,
  },
  {
    code: 'unknown-key',
    text: component(`${GOOD_STEP}loop: {▸foreach: [a], forEach: [a]}\n`),
    says: /Did you mean 'forEach'\?/,
  },
  {
    code: 'unknown-key',
    text: component(`${GOOD_STEP}loop: {for: {start: 1, end: 2, updateBy: 1, ▸step: 1}}\n`),
    says: /Unknown key 'step' in 'for'/,
  },
  { code: 'out-of-range', text: component(`${GOOD_STEP}loop: {forEach: ▸[]}\n`), says: /no values/ },
  { code: 'out-of-range', text: component(`${GOOD_STEP}loop: {forEach: {list: ▸''}}\n`), says: /no values/ },
  {
    code: 'invalid-value',
    text: component(`${GOOD_STEP}loop: {forEach: {list: 'a|b', delimiter: ▸'|'}}\n`),
    says: /one of ',', '\.', ';', ':', newline, tab, space, '-', '_', not '\|'/,
  },
  {
    code: 'invalid-value',
    text: component(`${GOOD_STEP}loop: {forEach: {list: 'a', delimiter: ▸'\\n'}}\n`),
    says: /need double quotes/,
  },
  {
    code: 'invalid-value',
    text: component(`${GOOD_STEP}if: {fileExists: /x, then: ▸skip}\n`),
    says: /Did you mean 'Skip'\?/,
  },
  {
    code: 'unknown-key',
    text: component(`${GOOD_STEP}if: {and: [{fileExists: /x, ▸then: Skip}]}\n`),
    says: /'then' has no meaning here/,
  },
  {
    code: 'operator-count',
    text: component(`${GOOD_STEP}if: ▸{fileExists: /x, folderExists: /y}\n`),
    says: /has fileExists, folderExists/,
  },
  { code: 'null-value', text: component(`${GOOD_STEP}▸if:\n`), says: /read as absent/ },
  {
    code: 'duplicate-name',
    says: /The loop 'turns' is a duplicate of the one in line 8/,
    text:
      `${component(`${GOOD_STEP}loop: {name: turns, forEach: [a]}\n`)}      - name: Two\n        action: UpdateOS\n` +
      '        loop: {name: ▸turns, forEach: [a]}\n',
  },
  {
    code: 'reference-not-allowed',
    says: /'end' of a loop takes parameters and constants, but no value of another step/,
    text:
      `${bash('x')}      - name: Two\n        action: UpdateOS\n` +
      "        loop: {for: {start: 1, end: '▸{{ build.One.outputs.stdout }}', updateBy: 1}}\n",
  },
  {
    code: 'reference-not-allowed',
    says: /'delimiter' takes parameters/,
    text:
      `${bash('x')}      - name: Two\n        action: UpdateOS\n` +
      "        loop: {forEach: {list: a, delimiter: '▸{{ build.One.outputs.stdout }}'}}\n",
  },
  {
    code: 'forward-reference',
    says: /refers to its own step/,
    text: component(
      "action: ExecuteBash\nloop: {forEach: ['▸{{ build.One.outputs.stdout }}']}\ninputs: {commands: [x]}\n",
    ),
  },
  {
    code: 'literal-reference',
    text: bash("echo '▸{{ loop.value }}'"),
    says: /is outside of a loop; it remains text/,
  },
  {
    code: 'literal-reference',
    says: /names no loop of this step.*Did you mean 'turns'\?/,
    text: component(
      "action: ExecuteBash\nloop: {name: turns, forEach: [a]}\ninputs: {commands: ['▸{{ turn.value }}']}\n",
    ),
  },
  {
    // From another tool's template.
    code: 'literal-reference',
    text: bash('echo ▸{{ item }}', 'parameters:\n  - Items: {type: string, default: a}\n'),
    says: /stays as text\. Did you mean 'Items'\?/,
  },
  {
    code: 'literal-reference',
    text: bash('echo ▸{{ Nmae }}', 'parameters:\n  - Name: {type: string}\n'),
    says: /stays as text\. Did you mean 'Name'\?/,
  },
  {
    code: 'literal-reference',
    text: bash(
      '|\n        first\n        second ▸{{ name }}',
      'constants:\n  - Name: {type: string, value: x}\n',
    ).replace(/^ {8}(?=first|second)/gm, '                '),
    says: /stays as text\. Did you mean 'Name'\?/,
  },
  {
    code: 'undeclared-parameter',
    text: workflow('    if: {booleanEquals: true, value: ▸$.parameters.x}\n'),
    says: /declares no parameter 'x'/,
    workflow: 'BUILD',
  },
  {
    code: 'invalid-secret-reference',
    text: bash('echo ▸{{ resolve:secretmanager:db }}'),
    says: /Did you mean 'secretsmanager'\?/,
  },
  {
    code: 'invalid-secret-reference',
    text: bash('echo ▸{{ resolve:ssm-secure:db:latest }}'),
    says: /number of its version/,
  },
  { code: 'unknown-reference', text: bash('echo ▸{{ build.Zero.outputs.stdout }}'), says: /no step 'Zero'/ },
  { code: 'unknown-reference', text: bash('echo ▸{{ biuld.One.outputs.stdout }}'), says: /Did you mean 'build'\?/ },
  {
    code: 'unknown-reference',
    says: /has no output 'stderr', only stdout/,
    text:
      `${bash('x')}      - name: Two\n        action: ExecuteBash\n` +
      '        inputs: {commands: ["▸{{ build.One.outputs.stderr }}"]}\n',
  },
  {
    code: 'unknown-reference',
    says: /counted from 0/,
    text:
      `${bash('x')}      - name: Two\n        action: ExecuteBash\n` +
      '        inputs: {commands: ["▸{{ build.One.inputs[1].commands }}"]}\n',
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
  { code: 'forward-reference', text: bash('echo ▸{{ build.One.outputs.stdout }}'), says: /its own step/ },
  {
    code: 'forward-reference',
    says: /runs later/,
    text:
      `${bash('echo ▸{{ build.Two.outputs.stdout }}')}      - name: Two\n        action: ExecuteBash\n` +
      '        inputs: {commands: [x]}\n',
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
  {
    code: 'reference-not-allowed',
    text: component(
      `${GOOD_STEP}timeoutSeconds: ▸"{{ Seconds }}"\n`,
      'constants:\n  - Seconds: {type: string, value: 5}\n',
    ),
    says: /takes no reference/,
  },
  {
    code: 'reference-not-allowed',
    text: bash('x', 'constants:\n  - One: {type: string, value: 5}\n  - Two: {type: string, value: "▸{{ One }}"}\n'),
    says: /is not resolved here/,
  },
  {
    code: 'literal-reference',
    text: bash('docker ps --format ▸{{ Anything }}', 'parameters:\n  - Name: {type: string}\n'),
    says: /stays as text/,
  },
  {
    code: 'cross-stage-reference',
    says: /runs on another instance than 'build'/,
    text:
      `${bash('x')}  - name: test\n    steps:\n      - name: Two\n        action: ExecuteBash\n` +
      '        inputs: {commands: ["▸{{ build.One.outputs.stdout }}"]}\n',
  },
  {
    code: 'restart-in-script',
    text: bash('▸sudo reboot'),
    says: /exit 194/,
    path: 'phases[0].steps[0].inputs.commands[0]',
  },
  {
    code: 'restart-in-script',
    says: /'reboot' restarts/,
    path: 'phases[0].steps[0].inputs.commands[1]',
    text: component(
      'action: ExecuteBash\ninputs:\n  commands:\n    - echo reboot\n    - |\n      echo reboot\n' +
        '      if true; then\n        ▸reboot\n      fi\n',
    ),
  },
  {
    code: 'restart-in-script',
    text: component('action: ExecutePowerShell\ninputs:\n  commands:\n    - Write-Host x; ▸Restart-Computer -Force\n'),
    says: /exit 3010/,
  },
  {
    code: 'endless-restart',
    text: component('action: ExecuteBash\ninputs:\n  commands:\n    - touch /x\n    - ▸exit 194\n'),
    says: /without end/,
  },
  { code: 'unanswered-question', text: bash('▸apt-get install nginx'), says: /Add --yes/ },
  {
    code: 'secret-in-arguments',
    text: component(
      'action: ExecuteBinary\ninputs:\n  path: /usr/bin/psql\n  arguments:\n    - ' +
        `'--password=${PLACE}{{ resolve:secretsmanager:prod/db }}'\n`,
    ),
    says: /is an argument of a program.*can read its arguments/,
    path: 'phases[0].steps[0].inputs.arguments[0]',
  },
  {
    code: 'clear-text-secret',
    text: bash('export ▸DB_PASSWORD=hunter22'),
    says: /^This looks like a secret in clear text \(the value of 'DB_PASSWORD'\)/,
  },
  {
    code: 'clear-text-secret',
    text: bash('echo {{ DbPassword }}', 'parameters:\n  - DbPassword: {type: string, default: ▸hunter22}\n'),
    says: /the default of the parameter 'DbPassword'/,
  },
  {
    code: 'clear-text-secret',
    text: component(
      'action: CreateFile\ninputs:\n  - path: /x\n    content: |\n      [db]\n      ▸password = hunter22\n',
    ),
    says: /the value of 'password'/,
  },
  {
    code: 'unused-parameter',
    text: bash('x', 'parameters:\n  - ▸Name: {type: string}\n'),
    says: /No step refers to the parameter 'Name'/,
  },
  {
    code: 'unused-parameter',
    text: bash('x', 'constants:\n  - ▸Name: {type: string, value: x}\n'),
    says: /the constant 'Name'/,
  },
  {
    code: 'unused-parameter',
    text: bash('x', 'parameters:\n  - ▸Name: {type: string}\nconstants:\n  - Team: {type: string, value: x}\n'),
    says: /^No step refers to the parameter and constant? 'Name', 'Team'\.$|'Name', 'Team'\.$/,
  },
  {
    code: 'phase-not-run',
    text: `${bash('x')}  - name: ▸validation\n    steps: [{name: Two, action: UpdateOS}]\n`,
    says: /no phase 'validation', only build, validate/,
  },
];

for (const example of CASES) {
  test(`${example.code}: ${example.says.source}`, () => {
    const before = example.text.split(PLACE)[0]?.split('\n') ?? [];
    const text = example.text.replace(PLACE, '');

    const { document, faults } =
      example.workflow === undefined
        ? parseComponentDocument(text, example.platform === undefined ? {} : { platform: example.platform })
        : parseWorkflowDocument(text, example.workflow);

    const listed = faults.map((fault) => formatFault(fault)).join('\n');
    const found = faults.find((fault) => fault.code === example.code && example.says.test(fault.message));
    assert.ok(found, `no such fault in\n${listed}`);
    assert.deepEqual(found.position, { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }, listed);
    assert.equal(found.severity, FAULT_KINDS[example.code].severity);
    if (example.path !== undefined) assert.equal(found.path, example.path);
    assert.equal(
      document === undefined,
      faults.some((fault) => fault.severity === 'error'),
      listed,
    );
  });
}

test('each fault is reported once, and valid values are not reported', () => {
  const listed = (text: string) =>
    parseComponentDocument(text).faults.map(({ code, message }) => `${code}: ${message.slice(0, 40)}`);

  assert.equal(listed(component('action: ExecuteBash\nif: {fileExist: /x}\ninputs: {commands: [x]}\n')).length, 1);
  assert.equal(listed(component('action: Assert\ninputs: {frobnicate: x}\n')).length, 1);
  assert.equal(listed(bash('*.log')).length, 1);
  assert.equal(listed(bash('[ -f /x ] || { y; }\n    - [ -f /y ] && z\n    - x')).length, 2);
  const names = Array.from({ length: 32 }, (_, index) => `  - Name${index}: {type: string, value: x}\n`).join('');
  assert.deepEqual(listed(bash('x', `constants:\n${names}`)).length, 1);

  assert.deepEqual(listed(bash('|\n      cat >x <<E\n      db.password=\n      db.host=localhost\n      E')), []);
  assert.deepEqual(listed(bash('apt-get update\n      apt dist-upgrade')), []);
  assert.deepEqual(listed(bash('-echo')), []);
  assert.deepEqual(listed(bash("'! grep x /y'")), []);
  assert.deepEqual(listed(bash('&x echo\n    - *x')), []);
  assert.deepEqual(listed(bash("'{{ .Values.a.b }} {{ build.x }}'")), []);
});

/** Codes about a recipe's components together: `component/recipe-habits.test.ts`. */
const OF_RECIPES: readonly FaultCode[] = ['several-updates', 'other-package-manager'];

test('every fault code has a case', () => {
  const covered = new Set([...CASES.map((example) => example.code), ...OF_RECIPES]);
  assert.deepEqual(
    Object.keys(FAULT_KINDS).filter((code) => !covered.has(code as FaultCode)),
    [],
  );
});

test('the README has every fault code', () => {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  const rows = Object.entries(FAULT_KINDS).map(
    ([code, { severity, description }]) => `| \`${code}\` | ${severity} | ${description} |`,
  );

  assert.deepEqual(
    rows.filter((row) => !readme.includes(row)),
    [],
  );
});

test('faults are sorted by position, one line each', () => {
  const faults = new FaultCollector();
  faults.add('missing-key', { line: 3, column: 1 }, 'b', 'Second.');
  faults.add('unknown-action', { line: 2, column: 7 }, 'a', 'First.');

  const lines = faults.sorted().map((fault) => formatFault(fault, 'web.yaml'));

  assert.deepEqual(lines, ['web.yaml:2:7: error unknown-action: First.', 'web.yaml:3:1: error missing-key: Second.']);
  assert.match(formatFault(faults.sorted()[0]!), /^2:7: error/);
});
