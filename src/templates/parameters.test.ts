/** The Parameters and Rules sections, and references to parameters. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requestOf, faultsOf, describing } from '../../test/harness/template-plans.ts';

describe('parameters', () => {
  const rows: readonly (readonly [string, Record<string, string>, RegExp | string])[] = [
    ['{Type: String}', {}, /Parameters\.P: has no default and was given no value: --parameter P=VALUE/],
    ['{Type: String}', { P: 'x' }, 'x'],
    ['{Type: String, Default: x}', { Q: 'y' }, /the template has no parameter 'Q'; did you mean 'P'\?/],
    ['{Type: String, AllowedValues: [a, b]}', { P: 'c' }, /'c' is not one of a, b/],
    ['{Type: String, AllowedPattern: "[a-z]+"}', { P: 'abc' }, 'abc'],
    [
      '{Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: lower case}',
      { P: 'ab1' },
      /does not match AllowedPattern \[a-z\]\+ \(lower case\)/,
    ],
    ['{Type: String, AllowedPattern: "^(?i)[a-z]+$"}', { P: 'ABC' }, 'ABC'],
    ['{Type: String, MinLength: 3}', { P: 'ab' }, /shorter than MinLength 3/],
    ['{Type: String, MaxLength: "3"}', { P: 'abcd' }, /longer than MaxLength 3/],
    ['{Type: Number, MinValue: 3}', { P: '2' }, /less than MinValue 3/],
    ['{Type: Number}', { P: 'two' }, /'two' is not a number/],
    ['{Type: String, NoEcho: true, MinLength: 9}', { P: 'secret' }, /Parameters\.P: the value is shorter/],
    ['{Type: "AWS::SSM::Parameter::Value<String>"}', { P: '/none' }, /parameter '\/none' has no value here/],
    ['{Type: "AWS::SSM::Parameter::Value<String>", Default: /cdk-bootstrap/q/version}', {}, '999'],
    ['{Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /golden}', {}, 'ssm:/golden'],
    ['{Type: "AWS::SSM::Parameter::Value<String>", Default: /aws/service/x}', {}, 'ssm:/aws/service/x'],
    ['{Type: "AWS::SSM::Parameter::Name", Default: /a}', {}, '/a'],
    ['{Type: "AWS::EC2::Subnet::Id"}', { P: 'subnet-1' }, 'subnet-1'],
    ['{Type: "AWS::EC2::Subnet::ID"}', {}, /did you mean 'AWS::EC2::Subnet::Id'\?/],
    ['{Type: CommaDelimitedList, AllowedPattern: "[a-z]"}', { P: 'a,b,1' }, /does not match AllowedPattern/],
    ['{Type: String}', { P: 'x'.repeat(4097) }, /is longer than 4096 bytes/],
    ['{Type: Sting}', {}, /unknown parameter type 'Sting'; did you mean 'String'\?/],
    ['{Type: String, Defualt: x}', {}, /Defualt: unknown attribute of a parameter; did you mean 'Default'\?/],
    ['{Type: String, Default: z, AllowedValues: [a]}', {}, /Parameters\.P\.Default: 'z' is not one of a/],
  ];
  for (const [declaration, given, expected] of rows) {
    test(`${declaration} ${JSON.stringify(given)}`, () => {
      const text = describing('!Ref P', `Parameters:\n  P: ${declaration}\n`);
      if (typeof expected === 'string') assert.equal(requestOf(text, given)['description'], expected);
      else assert.match(faultsOf(text, given).join('\n'), expected);
    });
  }
});

test('a failed rule reports its description', () => {
  const text = (rule: string): string =>
    'Parameters:\n  Env: {Type: String, Default: prod}\n' +
    '  Subnets: {Type: "List<AWS::EC2::Subnet::Id>", Default: "s-1,s-2"}\n' +
    `Rules:\n  Size:\n    ${rule}\nResources: {B: {Type: AWS::S3::Bucket}}\n`;
  const assertion = (assert: string): string => text(`Assertions: [{Assert: ${assert}, AssertDescription: Not so}]`);
  assert.deepEqual(faultsOf(assertion('{"Fn::Contains": [[dev, prod], !Ref Env]}')), []);
  assert.deepEqual(faultsOf(assertion('{"Fn::Contains": [[dev, test], !Ref Env]}')), [
    '6:18 Rules.Size.Assertions[0]: Not so',
  ]);
  assert.deepEqual(faultsOf(assertion('{"Fn::EachMemberIn": [!Ref Subnets, [s-1, s-2, s-3]]}')), []);
  assert.match(faultsOf(assertion('{"Fn::EachMemberIn": [!Ref Subnets, [s-1]]}')).join(), /Not so/);
  assert.match(
    faultsOf(assertion('{"Fn::EachMemberEquals": [{"Fn::RefAll": "AWS::EC2::Subnet::Id"}, s-1]}')).join(),
    /Not so/,
  );
  // Only AWS knows the attributes of a subnet, so this is neither true nor false here.
  assert.deepEqual(faultsOf(assertion('{"Fn::EachMemberEquals": [{"Fn::ValueOf": [Subnets, VpcId]}, vpc-1]}')), []);
  const all = '{"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", Tags.Stage]}';
  assert.deepEqual(faultsOf(assertion(`{"Fn::EachMemberIn": [${all}, [a]]}`)), []);
  for (const [argument, message] of [
    ['[Subnet, VpcId]', /no parameter is called 'Subnet'; did you mean 'Subnets'/],
    ['[Subnets, VpcIds]', /has no attribute 'VpcIds'; did you mean 'VpcId'/],
    ['[Env, VpcId]', /knows attributes of AWS::EC2::VPC::Id, .*, not of String/],
    ['Subnets', /Fn::ValueOf takes \[name of a parameter, attribute\]/],
  ] as const)
    assert.match(faultsOf(assertion(`!Equals [{"Fn::ValueOf": ${argument}}, vpc-1]`)).join(), message);
  const when = (env: string): string =>
    text(`{RuleCondition: !Equals [!Ref Env, ${env}], Assertions: [{Assert: !Equals [a, b]}]}`);
  assert.deepEqual(faultsOf(when('dev')), []);
  assert.match(faultsOf(when('prod')).join(), /the assertion is false/);
  assert.match(faultsOf(assertion('!If [a, b, c]')).join(), /expected a condition \(.*Fn::Contains/);
});

test('references to parameters: a parent keeps the name, a document its reference', () => {
  const request = requestOf(`
Resources:
  R:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: web
      Version: 1.0.0
      ParentImage: !Sub '{{resolve:ssm:/images/\${AWS::Region}/golden:3}}'
      Components:
        - ComponentArn: !Sub 'arn:aws:imagebuilder:\${AWS::Region}:aws:component/c/x.x.x'
          Parameters: [{Name: token, Value: ['{{resolve:ssm:/token}}']}]
`);
  assert.equal(request['parentImage'], 'ssm:/images/us-east-1/golden');
  assert.deepEqual(request['components'], [
    {
      componentArn: 'arn:aws:imagebuilder:us-east-1:aws:component/c/x.x.x',
      parameters: [{ name: 'token', value: ['{{resolve:ssm:/token}}'] }],
    },
  ]);
  assert.match(faultsOf(describing("'{{resolve:ssm:/none}}'")).join(), /parameter '\/none' has no value here/);
});
