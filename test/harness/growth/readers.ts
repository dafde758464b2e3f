/**
 * Every reader of untrusted text in the API process, in the worker and in the commands, with texts that repeat or nest.
 * Add a line for a new reader.
 */
import { parseConfig } from '../../../src/platform/config/config.ts';
import { matchesPattern, API_DATA } from '../../../src/api/validate.ts';
import { readModel } from '../../../src/api/services/model.ts';
import { SERVICES } from '../../../src/api/services/register.ts';
import { matcher } from '../../../src/api/services/ec2/filters.ts';
import { evaluateCondition, type ConditionProbe } from '../../../src/documents/component/conditions.ts';
import { needsMachine } from '../../../src/documents/component/machine-rule.ts';
import { parseComponentDocument } from '../../../src/documents/component/parse.ts';
import { recipeHabits } from '../../../src/documents/component/recipe-habits.ts';
import { resolveReferences } from '../../../src/documents/component/references.ts';
import { shellCommands } from '../../../src/documents/component/shell-commands.ts';
import { parseWorkflowDocument } from '../../../src/documents/workflow/parse.ts';
import { resolveWorkflowValue } from '../../../src/documents/workflow/references.ts';
import { BootProgress } from '../../../src/instances/qemu/boot-progress.ts';
import { bootFailure, plainLine } from '../../../src/instances/console.ts';
import { windowsArguments } from '../../../src/instances/ssh/windows-programs.ts';
import { resolveInstanceType } from '../../../src/resources/instance-types.ts';
import { matchesGlob, parseGlob, wildcardMatcher } from '../../../src/policies/globs.ts';
import { parsePolicy, statementFits, LONGEST_POLICY } from '../../../src/policies/document.ts';
import { parseArn } from '../../../src/resources/arns.ts';
import { dockerfileFault, isRegistryImage } from '../../../src/resources/dockerfile-template.ts';
import { sourceFault } from '../../../src/resources/import-source.ts';
import { slug } from '../../../src/resources/names.ts';
import { scheduleFault } from '../../../src/resources/schedules.ts';
import { namesBuildDate, variableFault } from '../../../src/resources/template-variables.ts';
import { parseIncrement, parseVersionPattern } from '../../../src/resources/versions.ts';
import { containerRefusal } from '../../../src/workflows/machines/container-refusals.ts';
import { copyItem } from '../../../src/runner/kit/copying.ts';
import { readAllowed } from '../../../src/resources/allowed-secrets.ts';
import { isAllowed, readHits } from '../../../src/guest/disk-search.ts';
import { failingCommand } from '../../../src/runner/kit/failing-command.ts';
import { Capture, lineSplitter } from '../../../src/guest/lines.ts';
import { matching } from '../../../src/runner/modules/update-os.ts';
import { registryPath } from '../../../src/runner/modules/set-registry.ts';
import { readInventory } from '../../../src/guest/packages.ts';
import { remedyFor } from '../../../src/workflows/actions/remedies.ts';
import { among } from '../../../src/runner/kit/rpm-updates.ts';
import { readListing, s3Failure } from '../../../src/runner/kit/s3.ts';
import { unitsInQuestion } from '../../../src/guest/service-journal.ts';
import { Mask } from '../../../src/secrets/mask.ts';
import { placeInText } from '../../../src/templates/places.ts';
import { recognize } from '../../../src/templates/recognize.ts';
import { importPacker } from '../../../src/templates/packer/convert.ts';
import { parseTemplate, planTemplate } from '../../../src/templates/template.ts';

const ASSUME_ROLE = readModel('@aws-sdk/client-sts/dist-cjs/schemas/schemas_0.js', ['AssumeRole']).get('AssumeRole')!;

/** A reader, and what is given to it. */
export interface Reader {
  /** Longest text that it is given, in bytes: the limit of the door where there is one. */
  readonly longest: number;
  /** Reads a text; what it throws is its answer. */
  read(text: string): unknown;
  /** It ends by a time-out of its own: that it ends is all that is asked. */
  readonly timed?: true;
  /** What texts are made of, beside `COMMON`. */
  readonly pieces: readonly string[];
  /** Texts that are known to have been hard: a start, what is repeated, and an end. */
  readonly hard?: readonly (readonly [start: string, repeated: string, end: string])[];
  /** Texts that are made in another way. @param size characters, about */
  readonly made?: Readonly<Record<string, (size: number) => string>>;
}

/** Pieces that mean something to most readers. */
export const COMMON: readonly string[] = [
  ' ',
  '\n',
  '\t',
  '\r',
  '  ',
  'a',
  'x1',
  '0',
  '9',
  '-',
  '.',
  ':',
  ',',
  ';',
  '/',
  '\\',
  '"',
  "'",
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '=',
  '*',
  '?',
  '$',
  '#',
  '@',
  '!',
  '|',
  '&',
  '<',
  '>',
  '_',
  '%',
  '+',
];

const KIB = 1024;
const list = (size: number, each: number, item: (index: number) => unknown): unknown[] =>
  Array.from({ length: Math.ceil(size / each) }, (_, index) => item(index));
const component = (steps: readonly object[], more: object = {}): string =>
  JSON.stringify({ schemaVersion: '1.0', ...more, phases: [{ name: 'build', steps }] });
const bash = (...commands: readonly string[]): object => ({ name: 'A', action: 'ExecuteBash', inputs: { commands } });
const workflow = (steps: readonly object[], more: object = {}): string =>
  JSON.stringify({ schemaVersion: '1.0', ...more, steps });

function readComponent(text: string): void {
  const { document } = parseComponentDocument(text);
  if (document === undefined) return;
  needsMachine(document, ['build', 'test'], { ownBase: false });
  recipeHabits(
    [
      { name: 'a', document },
      { name: 'b', document },
    ],
    'Debian GNU/Linux 12',
  );
}

const YAML_PIECES = [
  '- ',
  '? ',
  ': ',
  'a: ',
  'a:\n',
  '- a\n',
  '&a ',
  '*a ',
  '*a,',
  '!x ',
  '!!map ',
  '<<: *a\n',
  '---\n',
  '...\n',
  '%TAG ! x\n',
  '|\n',
  '>\n',
  ' |-',
  '# x\n',
  '"a" ',
  "''",
  '\\q',
  '\\x41',
  '[a]',
  '{a: b}',
  '[ #\n',
  '{{ a }}',
  '~',
  'null',
  '1e9',
  '-\t',
  '\u2028',
  '\ufeff',
  '\0',
];
const YAML_HARD: Reader['hard'] = [
  ['', '-\t', 'x'],
  ['[', '}', ''],
  ['', ']', ''],
  ['', '[', ''],
  ['', '{a: ', ''],
  ['', '- ', ''],
  ['', '!x ', ''],
  ['', '&a ', ''],
  ['[', ',', ']'],
  ['{', ',', '}'],
  ['', '[ #\n', ''],
  ['', '? ', ''],
  ['a: &a {b: 1}\nc:\n', '  <<: *a\n', ''],
  ['- &a x\n', '- *a\n', ''],
  ['a: |\n  x\n', 'y\n', ''],
  ['a: ', '|->#', '\n>\nx'],
  ['"', '\\q', '"'],
  ['', '{{ x }}\n', ''],
  ['', 'a: b\n c\n', ''],
  ['', '\ta: 1\n', ''],
];
const COMPONENT_PIECES = [
  ...YAML_PIECES,
  '{{ abc }}',
  '{{ build.A.outputs.stdout }}',
  '{{ resolve:ssm:',
  ' }}',
  'token=',
  'password: ',
  'secret',
  'curl -u ',
  'echo a:',
  '| chpasswd',
  'net user ',
  '://',
  '-----BEGIN ',
  'apt install ',
  'reboot\n',
  '${a}',
];
const SHELL_PIECES = [
  'find ',
  '-exec ',
  '\\; ',
  '+ ',
  'eval ',
  'eval "',
  '$(',
  '`',
  '${',
  '$((',
  '((',
  '<<E\n',
  "<<-'E'\n",
  'E\n',
  '<<< ',
  '<(',
  'bash -c ',
  'bash -c "',
  'su -c ',
  'trap ',
  'case x in ',
  'esac ',
  ';; ',
  'a=1 ',
  'a=(',
  '@(',
  'sudo ',
  'sudo -u ',
  'flock ',
  'flock -c ',
  'runuser ',
  'xargs ',
  'env -i ',
  'timeout 5 ',
  "$'",
  '$"',
  '2>&1 ',
  '> /x ',
  'if ',
  'then ',
  'fi ',
  'for x in ',
  'do ',
  'done\n',
  'function ',
  'f() { ',
  '! ',
  '\\\n',
  'source ',
  '. /x ',
  'apt-get install ',
];
const SHELL_HARD: Reader['hard'] = [
  ['', 'find -exec ', ''],
  ['', 'eval "$(', ''],
  ['', 'eval "$(bash -c "$(eval ', ''],
  ['', 'bash <<A\n$(', ''],
  ['', '$(cat <<A\n', ''],
  ['', '@(a)', ''],
  ['', '=(a)', ''],
  ['', 'a=1 ', ''],
  ['', 'sudo ', ''],
  ['', 'flock ', ''],
  ['', 'runuser ', ''],
  ['apt install "', '-0', '"'],
  ['apt install "', '=', '\n"'],
  ['sysctl -p "', '\t', '"'],
  ['', 'cat <<A\n$(x)\nA\n', ''],
  ['', '/a\n', ''],
];

const policy = (text: string, kind: 'identity' | 'resource'): void => {
  const parsed = parsePolicy(text, kind);
  if (!('policy' in parsed)) return;
  const context = new Map([['aws:username', ['a'.repeat(200)]]]);
  for (const statement of parsed.policy.statements.slice(0, 50))
    statementFits(
      statement,
      `imagebuilder:${'a'.repeat(100)}`,
      `arn:aws:imagebuilder:eu-west-1:123456789012:component/${'a'.repeat(500)}`,
      context as never,
    );
};
const statement = (more: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', ...more }] });

/** Patterns of the model, each tried with each text that is short enough for it. */
const PATTERNS = [
  ...new Set(
    Object.values(API_DATA.shapes)
      .map((shape) => (shape as { readonly pattern?: string }).pattern)
      .filter((pattern) => pattern !== undefined),
  ),
];
const OUTPUT_PIECES = [
  'A start job is running for ',
  ' (1s / no limit)',
  '/dev/loop',
  ': line 1: ',
  'modprobe: ',
  'mount: ',
  'Operation not permitted',
  'connect',
  'localhost',
  'Job for ',
  'journalctl -u ',
  '.service',
  '\x1b[',
  '\x1b]',
  '\x1b',
  '\r\n',
  'ERROR',
  ': Cannot mknod',
  'losetup: ',
  'iptables',
  'grub',
  'Failed to set ',
  'swapon: ',
  'tar: ',
];

/** The readers by their names. */
export const READERS: Readonly<Record<string, Reader>> = {
  'component document': {
    longest: 64 * KIB,
    read: readComponent,
    pieces: COMPONENT_PIECES,
    hard: YAML_HARD,
    made: {
      'long text under an anchor': (size) =>
        'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: A\n        action: ExecuteBash\n  ' +
        `      inputs:\n          commands: [&a "${'token=1 '.repeat(size / 16)}", ${'*a,'.repeat(size / 6)}]\n`,
      'lines under an anchor': (size) =>
        'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: A\n        action: ExecuteBash\n  ' +
        `      inputs:\n          commands: [&a "${'\\n'.repeat(size / 4)}", ${'*a,'.repeat(size / 6)}]\n`,
      'billion laughs': (size) =>
        `a0: &a0 x\n${list(size, 40, (at) => `a${at + 1}: &a${at + 1} [*a${at},*a${at},*a${at}]\n`).join('')}`,
      'merged maps': (size) =>
        `a0: &a0 {x: 1}\n${list(size, 40, (at) => `a${at + 1}: &a${at + 1} {<<: *a${at}, b${at}: 1}\n`).join('')}`,
      'misspelt names': (size) =>
        component([bash(...(list(size / 2, 20, (index) => `{{ abce${index} }}`) as string[]))], {
          constants: list(size / 2, 50, (index) => ({ [`abcd${index}`]: { type: 'string', value: 'x' } })),
        }),
      'long names': (size) =>
        component([bash(...(list(size / 2, 80, (index) => `{{ ${'c'.repeat(58)}${index} }}`) as string[]))], {
          constants: list(size / 2, 110, (index) => ({
            [`${'b'.repeat(58)}${index}`]: { type: 'string', value: 'x' },
          })),
        }),
      'steps that are not there': (size) =>
        component(
          list(size, 110, (index) => ({
            ...bash(`{{ build.sx${index}.outputs.stdout }}`),
            name: `s${index}`,
          })) as object[],
        ),
      'unknown inputs': (size) =>
        component([
          {
            name: 'A',
            action: 'ExecuteBash',
            inputs: Object.fromEntries(list(size, 16, (index) => [`comands${index}`, 1]) as [string, number][]),
          },
        ]),
      'conditions in conditions': (size) =>
        component([
          {
            ...bash('a'),
            if: JSON.parse(
              `${'{"not":'.repeat(Math.min(55, size / 8))}{"stringEquals":"a","value":"b"}` +
                '}'.repeat(Math.min(55, size / 8)),
            ) as object,
          },
        ]),
      'values of a loop': (size) => component([{ ...bash('a'), loop: { forEach: list(size, 4, () => 'a') } }]),
      'scripts in files': (size) =>
        component([
          { name: 'F', action: 'CreateFile', inputs: [{ path: '/f', content: '/f\n'.repeat(size / 8) }] },
          bash('/f\n'.repeat(size / 8)),
        ]),
      'constant in constants': (size) =>
        component([bash('{{abc}}'.repeat(size / 14))], {
          constants: [{ abc: { type: 'string', value: 'x'.repeat(size / 2) } }],
        }),
      restarts: (size) => component([bash('reboot\n'.repeat(size / 8))]),
      'restarts as items': (size) => component([bash(...(list(size, 10, () => 'reboot') as string[]))]),
      'patterns of conditions': (size) =>
        component([{ ...bash('a'), if: { patternMatches: '(a{1,1000}){1,1000}'.repeat(size / 20), value: 'b' } }]),
    },
  },
  'script of a component': {
    longest: 60 * KIB,
    read: (text) => readComponent(component([bash(text)])),
    pieces: [...SHELL_PIECES, ...COMPONENT_PIECES],
    hard: [...SHELL_HARD, ['', 'token=', '('], ['', 'curl -u a.', ''], ['', 'a.', ''], ['${', 'a', '']],
  },
  'shell script': { longest: 256 * KIB, read: shellCommands, pieces: SHELL_PIECES, hard: SHELL_HARD },
  'workflow document': {
    longest: 64 * KIB,
    pieces: [...YAML_PIECES, '$.', '$.stepOutputs.', '{{ $.parameters.x }}', '[1]', '.$'],
    hard: [...YAML_HARD!, ['steps: [{name: aa, action: WaitForAction, inputs: {x: "{{ $', ' ', '}"}}]']],
    read: (text) => parseWorkflowDocument(text, 'BUILD'),
    made: {
      'misspelt parameters': (size) =>
        workflow(
          list(size / 2, 70, (index) => ({
            name: `aa${index}`,
            action: 'WaitForAction',
            inputs: { 'y.$': `$.parameters.q${index}` },
          })) as object[],
          { parameters: list(size / 2, 14, (index) => ({ name: `p${index}` })) },
        ),
      'steps that are not there': (size) =>
        workflow(
          list(size, 75, (index) => ({
            name: `aa${index}`,
            action: 'WaitForAction',
            inputs: { 'y.$': `$.stepOutputs.ab${index}.x` },
          })) as object[],
        ),
      'blanks in a reference': (size) =>
        workflow([{ name: 'aa', action: 'WaitForAction', inputs: { x: `{{ $${' '.repeat(size)}}` } }]),
    },
  },
  references: {
    longest: 64 * KIB,
    read: (text) => [
      resolveReferences(text, { name: () => 'x'.repeat(1000), chain: () => 'y'.repeat(1 << 20) }),
      resolveWorkflowValue(text, () => 'z'.repeat(1000)),
    ],
    pieces: [
      '{{',
      '}}',
      '{{ ',
      ' }}',
      '{{ abc }}',
      '{{abc}}',
      '{{ build.A.outputs.stdout }}',
      '{{ $.parameters.x }}',
      'resolve:ssm:',
    ],
    hard: [
      ['', '{{abc}}', ''],
      ['{{ $', ' ', '}'],
      ['', '{{ build.A.outputs.x }}', ''],
    ],
  },
  condition: {
    longest: 4 * KIB,
    timed: true,
    pieces: ['(a|a)*', '(a+)+', 'b', '\\', '[[:alpha:]]', '{1,99}'],
    hard: [
      ['', '\\', 'q'],
      ['', '(', ''],
      ['', '(a{1,99}){1,99}', ''],
    ],
    read: (text) =>
      evaluateCondition({ patternMatches: text, value: 'a'.repeat(4000) }, { pause: async () => {} } as ConditionProbe),
  },
  recognizer: {
    longest: 1024 * KIB,
    pieces: [...YAML_PIECES, '"Resources"', 'source "a" ', 'FROM ', '- hosts:', 'phases:', '  ', '"', ' { '],
    hard: YAML_HARD,
    read: (text) => recognize('file', text),
  },
  'place in a template': {
    longest: 64 * KIB,
    pieces: ['\\n', '\\u0041', '\\', '"', 'a', '\n', '| ', '|\n'],
    read: (text) => {
      const position = { line: 1, column: 1 };
      const node = { kind: 'scalar', value: text, text, position } as const;
      return placeInText(text.split('\n'), node, { line: 1e6, column: 1 });
    },
  },
  template: {
    longest: 64 * KIB,
    pieces: [
      ...YAML_PIECES,
      '!Ref ',
      '!Sub ',
      '${',
      '${a}',
      'Fn::Join: ',
      '!GetAtt ',
      '!If ',
      '&a ',
      '*a ',
      '<<: ',
      'Fn::ForEach::A: ',
    ],
    hard: YAML_HARD,
    read: (text) =>
      planTemplate(parseTemplate(text), new Map(), {
        region: 'eu-west-1',
        accountId: '123456789012',
        partition: 'aws',
        stackName: 'x',
      }),
    made: {
      'resources that need each other': (size) =>
        JSON.stringify({
          Resources: Object.fromEntries(
            list(size, 120, (index) => [
              `R${index}`,
              { Type: 'AWS::ImageBuilder::Component', Properties: { Name: { Ref: `R${index + 1}` } } },
            ]) as [string, object][],
          ),
        }),
      'unknown names': (size) =>
        JSON.stringify({
          Resources: Object.fromEntries(
            list(size, 120, (index) => [
              `R${index}`,
              { Type: 'AWS::ImageBuilder::Component', Properties: { Name: { Ref: `Q${index}` } } },
            ]) as [string, object][],
          ),
        }),
      'names of names': (size) =>
        JSON.stringify({
          Resources: Object.fromEntries(
            list(size, 120, (index) => [
              `B${index}`,
              {
                Type: 'AWS::S3::Bucket',
                Properties: { BucketName: { 'Fn::Sub': `\${B${index + 1}}\${B${index + 1}}` } },
              },
            ]) as [string, object][],
          ),
          Outputs: { O: { Value: { Ref: 'B0' } } },
        }),
      'conditions in conditions': (size) =>
        JSON.stringify({
          Conditions: Object.fromEntries(
            list(size, 60, (index) => [`C${index}`, { 'Fn::Not': [{ Condition: `C${index + 1}` }] }]) as [
              string,
              object,
            ][],
          ),
          Resources: { B: { Type: 'AWS::S3::Bucket' } },
        }),
      'loops in loops': (size) => {
        const items = list(size, 60, (index) => `i${index}`);
        const bucket = { 'B&{A}&{B}': { Type: 'AWS::S3::Bucket' } };
        const inner = { 'Fn::ForEach::Two': ['B', items, bucket] };
        return JSON.stringify({
          Transform: 'AWS::LanguageExtensions',
          Resources: { 'Fn::ForEach::One': ['A', items, inner] },
        });
      },
      'variables of a text': (size) =>
        JSON.stringify({
          Parameters: { P: { Type: 'String', Default: 'p'.repeat(500) } },
          Resources: { B: { Type: 'AWS::S3::Bucket' } },
          Outputs: { O: { Value: { 'Fn::Sub': '${P}\n${Q}'.repeat(size / 10) } } },
        }),
      'aliases of aliases': (size) => {
        const lines = list(size, 40, (index) =>
          index === 0 ? '  a0: &a0 [x, x]' : `  a${index}: &a${index} [*a${index - 1}, *a${index - 1}]`,
        );
        return `Metadata:\n${lines.join('\n')}\nResources: {B: {Type: AWS::S3::Bucket}}\n`;
      },
      'patterns of parameters': (size) =>
        JSON.stringify({
          Parameters: { A: { Type: 'String', AllowedPattern: '(a+)+b', Default: 'a'.repeat(size / 2) } },
          Resources: {},
        }),
    },
  },
  policy: {
    longest: LONGEST_POLICY,
    read: (text) => policy(text, 'resource'),
    pieces: ['{"Statement":', '"Effect":"Allow"', '"a":', '{}', '[]', '"*"', '${', '${aws:username}', 'arn:aws:'],
    made: {
      wildcards: (size) => statement({ Resource: `arn:aws:imagebuilder:*:*:component/${'*a'.repeat(size / 2)}b` }),
      'question marks': (size) => statement({ Resource: `arn:aws:imagebuilder:*:*:component/*${'?'.repeat(size)}` }),
      resources: (size) =>
        statement({ Resource: list(size, 50, (index) => `arn:aws:imagebuilder:*:*:component/*a*a*a*${index}`) }),
      variables: (size) =>
        statement({ Resource: `arn:aws:imagebuilder:*:*:component/${'${aws:username}*'.repeat(size / 16)}` }),
      principals: (size) =>
        statement({ Principal: { AWS: `arn:aws:iam::123456789012:assumed-role/${'/a'.repeat(size / 2)}\n` } }),
      numbers: (size) => statement({ Condition: { NumericEquals: { 'aws:x': `${'0'.repeat(size)}E` } } }),
      statements: (size) =>
        JSON.stringify({
          Version: '2012-10-17',
          Statement: list(size, 60, () => ({ Effect: 'Allow', Action: 'a:b', Resource: '*' })),
        }),
    },
  },
  wildcards: {
    longest: 8 * KIB,
    pieces: ['*', '?', 'a', 'aa'],
    hard: [
      ['', '*a', ''],
      ['/', '*', 'b'],
      ['*', 'a', 'b'],
      ['', '*aa', ''],
      ['', '?', ''],
    ],
    read(text) {
      const long = `/${'a'.repeat(4000)}`;
      return [
        wildcardMatcher(text)(long),
        wildcardMatcher(text, '*')(long),
        matchesGlob(parseGlob(text, { wildcards: true, variables: false })!, long, () => undefined),
        isAllowed(
          { name: 'private-key', what: '', path: long },
          readAllowed(`private-key:/${text.replace(/[\s,]/g, '')}`),
        ),
        matching([text], [{ name: long, architecture: 'amd64', held: false }], () => {}),
        among([text], [long]),
      ];
    },
  },
  'names of the API': {
    longest: 64 * KIB,
    pieces: [
      'arn:aws:imagebuilder:',
      'eu-west-1',
      ':123456789012:',
      'component/',
      'x.x.x',
      '1.0.0',
      'cron(',
      'rate(',
      'debian:12',
      'sha256:',
      '{{ imagebuilder:',
      'buildDate',
      '{{{ imagebuilder:',
      '__',
      's3://',
      'https://',
      't3.',
    ],
    hard: [
      ['{{ imagebuilder:', '\t', 'x'],
      ['{{imagebuilder:buildDate:', '\t', ''],
      ['a', '_', '!'],
      ['a0b', 'g', '\0'],
      ['cron(', '* ', ')'],
      ['', '{{{ ', ''],
    ],
    read: (text) => [
      parseArn(text),
      parseVersionPattern(text),
      parseIncrement(text),
      scheduleFault(text),
      dockerfileFault(text, true),
      isRegistryImage(text),
      variableFault(text),
      namesBuildDate(text),
      sourceFault(text, text),
      slug(text),
      attempt(() => resolveInstanceType(text, 2, 4096)),
      attempt(() =>
        SERVICES.get('sts')!
          .protocol.open({ query: text, target: undefined, body: new Uint8Array() })
          .decode(ASSUME_ROLE.input),
      ),
      matcher(text)(text),
      PATTERNS.map((pattern) => matchesPattern(pattern!, text)),
    ],
  },
  configuration: {
    longest: 16 * KIB,
    read: (text) => parseConfig(text, 'config.yaml'),
    pieces: [...YAML_PIECES, 'networks:\n', 'profiles:\n', 'allow: ', '*.a.', 'secrets:\n'],
    hard: YAML_HARD,
  },
  'secrets in output': {
    longest: 64 * KIB,
    pieces: ['line', 'a\n', 'bb\n', '===='],
    hard: [
      ['', 'abcdef\n', ''],
      ['', 'a', 'b'],
    ],
    made: { lines: (size) => list(size, 9, (index) => `x${100_000 + index}\n`).join('') },
    read(text) {
      const mask = new Mask();
      mask.add(text);
      return [mask.text(text), mask.text('x1'.repeat(8192)), mask.text('a'.repeat(16_384))];
    },
  },
  'output of a build': {
    longest: 1024 * KIB,
    pieces: OUTPUT_PIECES,
    hard: [
      ['', '\n', 'x'],
      ['', '\r', 'x'],
      ['', '\r\n', 'x'],
      ['', ': line 0: ', '\n'],
      ['', '\x1b[', ''],
      ['', '\x1b]', ''],
      ['', 'A start job is running for o (0 / ', ''],
      ['', 'P\tinstalled\ta\t1\n', ''],
      ['', '0 1 /a\0', ''],
    ],
    read(text) {
      const capture = new Capture(1 << 20);
      capture.add(Buffer.from(text));
      const lines: string[] = [];
      const splitter = lineSplitter((line) => lines.push(line));
      splitter.add(Buffer.from(text));
      splitter.end();
      const failure = {
        action: 'ExecuteBash',
        phase: 'build',
        step: 'A',
        message: text.slice(0, 20_000),
        outputTail: lines.slice(-200),
      };
      const progress = new BootProgress(0, 1000);
      const console = text.split('\n').map(plainLine);
      progress.printed(console.slice(0, 2000), console.at(-1)!, 1);
      return [
        capture.text(),
        bootFailure(text.slice(-65_536)),
        containerRefusal(lines.slice(-200), failure),
        remedyFor(failure),
        unitsInQuestion(failure),
        readInventory(text),
        attempt(() => readHits(text)),
      ];
    },
  },
  'Packer templates': {
    longest: 16 * KIB,
    pieces: [
      'variable "a" {\n',
      '"${',
      '<<EOT\n',
      'EOT\n',
      '{{user `',
      '{{',
      '`',
      '/*',
      '%{',
      ' ? ',
      '=>',
      '...',
      '[*]',
      'for a in ',
    ],
    hard: [
      ['x = "', '${', ''],
      ['x = [', '[', ''],
      ['x = ', '-', '1'],
      ['x = a', '.a', ''],
      ['x = ', '1 + ', '1'],
      ['x = <<A\n', ' a\n', ''],
      ['', '/*', ''],
      ['{"builders": [{"type": "a", "ami_name": "', '{{', '"}]}'],
      ['{"builders": [{"type": "a", "ami_name": "', '{{`', '"}]}'],
      ['{"builders": [{"type": "a", "ami_name": "', '{{user ` | ', '"}]}'],
      ['{"builders": [', '{"type": "a"},', '{"type": "a"}]}'],
      [
        '{"builders": [{"type": "a", "ssh_username": "',
        'a',
        '"}], "provisioners": [{"type": "shell", "inline": ["{{`"]}]}',
      ],
      ['{"builders": [{"type": "a", "image": "ubuntu', ' rhel-', '"}]}'],
      ['{"builders": [{"type": "a"}], "provisioners": [{"type": "shell", "inline": ["', 'sudo -u ', '"]}]}'],
      [
        '{"builders": [{"type": "a"}], "provisioners": [{"type": "shell", "script": "a", "execute_command": "',
        'sudo su -',
        '"}]}',
      ],
    ],
    read: (text) =>
      attempt(() =>
        importPacker({
          files: [{ name: 'a', text }],
          variableFiles: [],
          variables: new Map(),
          only: [],
          name: 'a',
          pipelines: false,
          read: () => ({ kind: 'file', file: { name: 'a', bytes: Buffer.from(text), executable: true } }),
          ingot: 'ingot',
          today: '2026-01-01',
        }),
      ),
  },
  'answers and paths': {
    longest: 64 * KIB,
    pieces: [
      '<Contents>',
      '<Key>',
      '</Key>',
      '<Code>',
      '</Code>',
      '<Message>',
      '</Message>',
      ': the server answered 400: ',
      'set\t',
      'set -e\n',
      '-o ',
      'HKLM:\\',
      '\\\\',
      '//',
      '-----BEGIN ',
    ],
    hard: [
      ['', '<Contents>', ''],
      ['', ': the server answered 0: <Code></Code>', ''],
      ['set ', '\t', 'x'],
      ['', '/', 'x'],
      ['', '\\', 'x'],
      ['A/', '/', '\n'],
      ['HKLM:', '\\', '\n'],
      ['a ', '\\', 'x'],
      ['', ': line 0: ', '\n'],
    ],
    read: (text) => [
      attempt(() => readListing(text)),
      s3Failure(text),
      failingCommand(text, text.slice(0, 8192)),
      failingCommand('a\nb', text),
      windowsArguments([text, `${text} "`]),
      attempt(() => registryPath(text)),
      attempt(() => copyItem({ source: `/${text}`, destination: `/${text}` }, (path) => path)),
    ],
  },
};

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}
