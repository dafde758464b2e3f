/** Faults of component documents: conditions, loops, references, and warnings. */
import { PLACE, component, bash, GOOD_STEP, type Case } from './fault-texts.ts';

export const LOGIC_CASES: readonly Case[] = [
  {
    code: 'loop-form',
    text: component('action: ExecuteBash\nloop: ▸{foreach: [x]}\ninputs: {commands: [x]}\n'),
    says: /It has 'foreach': case counts/,
  },
  {
    code: 'literal-reference',
    text:
      bash('x') + '      - {name: B, action: ExecuteBash, inputs: {commands: ["▸{{ build.One.output.stdout }}"]}}\n',
    says: /write '\{\{ build\.One\.outputs\.stdout \}\}'/,
  },
  {
    code: 'unknown-operator',
    text: component('action: Assert\ninputs: {▸stringsEqual: x, value: y, stringIsEmpty: z}\n'),
    says: /Did you mean 'stringEquals'\?/,
  },
  {
    code: 'operator-count',
    text: component('action: Assert\ninputs: ▸{stringEquals: x, numberEquals: 1, value: y}\n'),
    says: /has stringEquals, numberEquals/,
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
    code: 'operator-count',
    text: component(`${GOOD_STEP}if: ▸{fileExists: /x, folderExists: /y}\n`),
    says: /has fileExists, folderExists/,
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
  { code: 'forward-reference', text: bash('echo ▸{{ build.One.outputs.stdout }}'), says: /its own step/ },
  {
    code: 'forward-reference',
    says: /runs later/,
    text:
      `${bash('echo ▸{{ build.Two.outputs.stdout }}')}      - name: Two\n        action: ExecuteBash\n` +
      '        inputs: {commands: [x]}\n',
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
