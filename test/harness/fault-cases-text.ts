/** Faults of component documents: text, shape, steps. */
import { PLACE, component, bash, GOOD_STEP, type Case } from './fault-texts.ts';

export const TEXT_CASES: readonly Case[] = [
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
    code: 'wrong-module',
    text: component('action: S3Download\ninputs:\n  - ▸{source: "https://b.s3.amazonaws.com/x", destination: /x}\n'),
    says: /use WebDownload/,
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
  { code: 'missing-key', text: '▸schemaVersion: 1.0', says: /no 'phases'/ },
  { code: 'missing-key', text: '▸schemaversion: 1.0\nphases: []', says: /It has 'schemaversion': case counts/ },
  {
    code: 'unknown-key',
    text: component(`${GOOD_STEP}▸timeoutSecond: 5\n`),
    says: /Did you mean 'timeoutSeconds'\?/,
    path: 'phases[0].steps[0].timeoutSecond',
  },
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
  { code: 'quoted-scalar', text: component(`${GOOD_STEP}maxAttempts: ▸"3"\n`), says: /read as the integer 3/ },
  { code: 'null-value', text: bash('x', '▸parameters:\n'), says: /read as absent/ },
  {
    code: 'unsupported-schema-version',
    text: 'schemaVersion: ▸1.1\nphases: [{name: test, steps: []}]',
    says: /1\.0, not '1\.1'/,
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
    code: 'module-not-allowed-on-platform',
    platform: 'Linux',
    says: /does not exist on Linux, only on Windows/,
    text: component('action: ▸ExecutePowerShell\ninputs: {commands: [x]}\n'),
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
  { code: 'null-value', text: component(`${GOOD_STEP}▸if:\n`), says: /read as absent/ },
  {
    code: 'duplicate-name',
    says: /The loop 'turns' is a duplicate of the one in line 8/,
    text:
      `${component(`${GOOD_STEP}loop: {name: turns, forEach: [a]}\n`)}      - name: Two\n        action: UpdateOS\n` +
      '        loop: {name: ▸turns, forEach: [a]}\n',
  },
];
