/** AWS::Include: the places of files, valid locations, and positions of faults. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leniently } from './faults.ts';
import {
  filesToInclude,
  includeFiles,
  parseTemplate,
  planTemplate,
  resolveOutputs,
  resolveResource,
  type IncludedFile,
} from './template.ts';

const PSEUDO = { region: 'eu-west-1', accountId: '123456789012', partition: 'aws', stackName: 'including' };

/** Files by location; each has its location as its name. */
type Files = Readonly<Record<string, string>>;

function planned(text: string, files: Files, given: Readonly<Record<string, string>> = {}) {
  const parameters = new Map(Object.entries(given));
  const template = parseTemplate(text);
  const wanted = filesToInclude(template, parameters, PSEUDO).map(({ location }) => location);
  const read = new Map<string, IncludedFile>(
    wanted.map((location) => [
      location,
      files[location] === undefined ? { refused: 'no such file' } : { name: location, text: files[location] },
    ]),
  );
  const whole = includeFiles(template, read, parameters, PSEUDO);
  return leniently(() => planTemplate(whole, parameters, PSEUDO));
}

/** The request of the first resource. */
function request(text: string, files: Files, given: Readonly<Record<string, string>> = {}) {
  const { value, faults } = planned(text, files, given);
  assert.deepEqual(faults, []);
  return resolveResource(value!, value!.resources[0]!, new Map());
}

const PARAMETER = `Resources:
  Kept:
    Type: AWS::SSM::Parameter
    Properties:
      Name: /one
      Type: String
`;

test('a file goes between the other keys of a map', () => {
  const text = `${PARAMETER}      Fn::Transform: {Name: AWS::Include, Parameters: {Location: value.yaml}}\n`;
  const files = { 'value.yaml': 'Value: !Sub "${AWS::Region}"\nDescription: included\n' };
  assert.deepEqual(request(text, files), { name: '/one', type: 'String', value: 'eu-west-1', description: 'included' });
});

test('a file can be a whole map, a resource, a list item or a value', () => {
  const text = `Resources:
  Kept:
    Fn::Transform:
      - {Name: AWS::Include, Parameters: {Location: type.json}}
      - {Name: AWS::Include, Parameters: {Location: properties.json}}
Outputs:
  Joined: {Value: !Join ['-', [a, !Transform {Name: AWS::Include, Parameters: {Location: value.json}}]]}
`;
  const files = {
    'type.json': '{"Type": "AWS::SSM::Parameter"}',
    'properties.json': '{"Properties": {"Name": "/one", "Type": "String", "Value": {"Ref": "AWS::AccountId"}}}',
    'value.json': '{"Fn::Sub": "${AWS::StackName}"}',
  };
  assert.equal(request(text, files)['value'], '123456789012');
  assert.equal(resolveOutputs(planned(text, files).value!, new Map())[0]!.value, 'a-including');
});

test('at the top of a template a file adds sections, and merges into existing ones', () => {
  const text = `Transform:
  - AWS::LanguageExtensions
  - {Name: AWS::Include, Parameters: {Location: sections.yaml}}
${PARAMETER}      Value: !FindInMap [Words, one, text]
`;
  const files = {
    'sections.yaml': 'Mappings: {Words: {one: {text: uno}}}\nResources: {Other: {Type: AWS::S3::Bucket}}\n',
  };
  assert.equal(request(text, files)['value'], 'uno');
  assert.deepEqual(
    planned(text, files).value!.notMade.map(({ logicalId }) => logicalId),
    ['Other'],
  );
});

test('a section can include a file, and the location can use parameters and mappings', () => {
  const text = `Parameters: {Stage: {Type: String}}
Mappings: {Folders: {test: {folder: s3://bucket/testing}}}
Resources:
  Fn::Transform:
    Name: AWS::Include
    Parameters: {Location: !Join [/, [!FindInMap [Folders, !Ref Stage, folder], !Sub '\${Stage}.yaml']]}
`;
  const files = { 's3://bucket/testing/test.yaml': `${PARAMETER.replace('Resources:\n', '')}      Value: one\n` };
  assert.equal(request(text, files, { Stage: 'test' })['value'], 'one');
  const { faults } = planned(text, files);
  assert.deepEqual(
    faults.map(({ path, message }) => [path, message]),
    [
      ['Parameters.Stage', 'has no default and was given no value: --parameter Stage=VALUE'],
      ['Resources', 'the Location of AWS::Include is not known'],
    ],
  );
});

test('faults of a file have their positions in the file', () => {
  const text = `${PARAMETER}      Fn::Transform: {Name: AWS::Include, Parameters: {Location: value.yaml}}\n`;
  const of = (content: string) =>
    planned(text, { 'value.yaml': content }).faults.map(({ position, message }) => [position, message]);
  assert.deepEqual(of('Value: one\nDescription: !Ref Keptt\n'), [
    [{ line: 2, column: 19, file: 'value.yaml' }, "no parameter or resource is called 'Keptt'; did you mean 'Kept'?"],
  ]);
  assert.match(String(of('Value: [')[0]![1]), /./);
  const start = { line: 1, column: 1, file: 'value.yaml' };
  for (const [content, message] of [
    ['- Value', 'an included file is a map'],
    ['', 'an included file is empty'],
  ] as const)
    assert.deepEqual(
      of(content).find((fault) => String(fault[1]) === message),
      [start, message],
    );
});

test('an invalid inclusion is a fault of the template', () => {
  const including = (transform: string): string => `${PARAMETER}      Fn::Transform: ${transform}\n`;
  const messages = (text: string, files: Files = {}) => planned(text, files).faults.map(({ message }) => message);
  const one = '{Name: AWS::Include, Parameters: {Location: value.yaml}}';
  assert.ok(messages(including('{Name: AWS::Include}')).includes('AWS::Include needs Parameters with a Location'));
  assert.deepEqual(messages(`Transform: AWS::Include\n${PARAMETER}      Value: one\n`), [
    'AWS::Include needs Parameters with a Location',
  ]);
  assert.ok(messages(including(one)).includes('no such file'));
  assert.ok(
    messages(including(one), { 'value.yaml': 'Name: /two\nValue: one\n' }).includes(
      "the key 'Name' is in the template and in what it includes",
    ),
  );
  assert.ok(
    messages(including(one), { 'value.yaml': `Value: {Fn::Transform: ${one}}\n` }).includes(
      'an included file cannot include another one',
    ),
  );
  assert.match(messages(including('{Name: Mine, Parameters: {}}')).join(), /has other keys beside it|macro/);
});

test("no file is read for properties of other services' resources", () => {
  const text = `${PARAMETER}      Value: one
  Api:
    Type: AWS::Serverless::Api
    Properties:
      DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub 's3://<REGION>/\${Nothing}'}}}
`;
  assert.equal(request(text, {})['value'], 'one');
  assert.deepEqual(filesToInclude(parseTemplate(text), new Map(), PSEUDO), []);
});

test('a template whose files were not read has a fault for each', () => {
  const text = `${PARAMETER}      Fn::Transform: {Name: AWS::Include, Parameters: {Location: value.yaml}}\n`;
  const { faults } = leniently(() => planTemplate(parseTemplate(text), new Map(), PSEUDO));
  assert.ok(faults.some(({ message }) => message === "the file 'value.yaml' was not read"));
});
