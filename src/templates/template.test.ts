import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  parseTemplate,
  placeInProperty,
  planTemplate,
  resolveOutputs,
  resolveResource,
  TemplateError,
  type ResourceAttributes,
  type Surroundings,
} from './template.ts';

const PSEUDO = { region: 'us-east-1', accountId: '123456789012', partition: 'aws', stackName: 'web' };

function planOf(text: string, parameters: Record<string, string> = {}, surroundings: Surroundings = {}) {
  return planTemplate(parseTemplate(text), new Map(Object.entries(parameters)), PSEUDO, surroundings);
}

function requestOf(text: string, parameters: Record<string, string> = {}, id = 'R', surroundings: Surroundings = {}) {
  const plan = planOf(text, parameters, surroundings);
  const known = new Map(
    plan.resources.map((resource) => [
      resource.logicalId,
      {
        ref: `arn:of/${resource.logicalId}`,
        attributes: { Arn: `arn:of/${resource.logicalId}`, Name: resource.logicalId.toLowerCase() },
      },
    ]),
  );
  return resolveResource(plan, plan.resources.find((resource) => resource.logicalId === id)!, known);
}

function faultsOf(text: string, parameters: Record<string, string> = {}): string[] {
  try {
    planOf(text, parameters);
  } catch (error) {
    assert.ok(error instanceof TemplateError, String(error));
    return error.message.split('\n');
  }
  return [];
}

/** A component with this description, and further sections before it. */
function describing(value: string, before = ''): string {
  return (
    `${before}Resources:\n  C: {Type: 'AWS::ImageBuilder::Component', Properties: {Name: ccc, Version: 1.0.0, ` +
    'Platform: Linux, Data: x}}\n' +
    '  R:\n    Type: AWS::ImageBuilder::Component\n    Properties:\n      Name: rrr\n      Version: 1.0.0\n      ' +
    `Platform: Linux\n      Data: x\n      Description: ${value}\n`
  );
}

describe('functions', () => {
  const parameters =
    "Parameters:\n  P: {Type: String, Default: pear}\n  L: {Type: CommaDelimitedList, Default: 'a, b,c'}\n  N: " +
    '{Type: Number, Default: 8}\n';
  const rows: readonly (readonly [string, unknown])[] = [
    ['plain', 'plain'],
    ['1.0', '1.0'],
    ['0777', '0777'],
    ['true', 'true'],
    ['!Ref P', 'pear'],
    ['{Ref: P}', 'pear'],
    ['!Ref N', '8'],
    ['!Ref C', 'arn:of/C'],
    ['!GetAtt C.Arn', 'arn:of/C'],
    ['!GetAtt [C, Name]', 'c'],
    ['{"Fn::GetAtt": [C, Arn]}', 'arn:of/C'],
    ['!Sub "${P} and ${C.Name} of ${C}"', 'pear and c of arn:of/C'],
    ['!Sub "${!P} costs $5 {{ x }} ${ P }"', '${P} costs $5 {{ x }} pear'],
    ['!Sub ["${V}-${P}", {V: !Ref C}]', 'arn:of/C-pear'],
    [
      '!Sub "arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}.${AWS::URLSuffix}"',
      'arn:aws:x:us-east-1:123456789012:web.amazonaws.com',
    ],
    ['!Join ["-", [x, !Ref P, 3]]', 'x-pear-3'],
    ['!Join ["", !Ref L]', 'abc'],
    ['!Join ["", []]', ''],
    ['!Ref AWS::NoValue', undefined],
  ];
  for (const [written, expected] of rows) {
    test(written, () => {
      if (expected === '') assert.match(faultsOf(describing(written, parameters))[0]!, /has 0 characters/);
      else assert.equal(requestOf(describing(written, parameters))['description'], expected);
    });
  }
});

describe('faults of functions', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['!Ref Nope', /^10:25 Resources\.R\.Properties\.Description: no parameter or resource is called 'Nope'/],
    ['!Ref CC', /did you mean 'C'\?/],
    ['!GetAtt C.Arm', /'C' has no attribute 'Arm'; did you mean 'Arn'\?/],
    ['!GetAtt C', /Fn::GetAtt takes a resource and an attribute/],
    ['!Sub "${Nope}"', /no parameter or resource is called 'Nope'/],
    ['!Sub "${a b}"', /not a valid name; for the text itself write \$\{!a b\}/],
    ['!Ref AWS::Regin', /unknown pseudo parameter AWS::Regin; did you mean 'AWS::Region'\?/],
    ['!If [a, b, c]', /no condition is called 'a'; the template has no section Conditions/],
    ['!If [a, b]', /!If takes \[condition, value if true, value if false\]/],
    ['{"Fn::FindInMap": [a, b, c]}', /no mapping is called 'a'/],
    ['{"Fn::FindInMap": [a, b]}', /takes \[map, top-level key, second-level key\]/],
    ['!Equals [a, b]', /!Equals belongs in the section Conditions/],
    ['{"Fn::Contains": [[a], b]}', /belongs in the section Rules/],
    ['!Select [3, [a]]', /no item 3: the list has 1 item/],
    ['!Select [x, [a]]', /takes \[index, list\]/],
    ['!Split [a]', /takes \[delimiter, string\]/],
    ['!Base64 [a]', /takes a string, found a list/],
    ['!Join ["", !Cidr [10.0.0.0/24, 300, 5]]', /the count 300 is not from 1 to 256/],
    ['!Join ["", !Cidr [10.0.0.0/24, 20, 5]]', /10\.0\.0\.0\/24 has 8 networks with 5 bits for hosts, not 20/],
    ['!Join ["", !Cidr [10.0.0.0/33, 2, 5]]', /takes \[network, count, bits of a host\]/],
    ['!ImportValue Other', /no stack exports 'Other': .*--import Other=VALUE/],
    ['{"Fn::Length": [a]}', /Fn::Length needs the line 'Transform: AWS::LanguageExtensions'/],
    ['{"Fn::ForEach::A": [I, [a], {"x": y}]}', /Fn::ForEach needs the line/],
    ['{"Fn::Transform": {Name: MyMacro}}', /the macro 'MyMacro' runs in AWS and not here/],
    ['~', /null is not allowed/],
    ['{"Fn::Sub": }', /Fn::Sub has no argument/],
    ['!Sbu x', /unknown function !Sbu; did you mean '!Sub'\?/],
    ['{Ref: C, Other: x}', /expected a string, found a map/],
    ['{"Fn::Sub": x, Other: x}', /has other keys beside it/],
    ['!Join [",", x]', /takes \[delimiter, list\]/],
    ['[x]', /expected a string, found a list/],
  ];
  for (const [written, expected] of rows)
    test(written, () => assert.match(faultsOf(describing(written)).join('\n'), expected));
});

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

test("a recipe in YAML becomes the request, converted to the API's types", () => {
  const request = requestOf(`
Resources:
  C: {Type: 'AWS::ImageBuilder::Component', Properties: {Name: ccc, Version: 1.0.0, Platform: Linux, Data: x}}
  R:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: web
      Version: 1.0.x
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components:
        - ComponentArn: !Sub 'arn:aws:imagebuilder:\${AWS::Region}:aws:component/c/x.x.x'
          Parameters: [{Name: greeting, Value: [hello]}]
      BlockDeviceMappings:
        - DeviceName: /dev/xvda
          Ebs: {VolumeSize: '8', DeleteOnTermination: 'true', VolumeType: gp3}
      Tags: {team: 7, version: 1.0}
`);
  assert.deepEqual(request, {
    name: 'web',
    semanticVersion: '1.0.x',
    parentImage: 'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-x86/x.x.x',
    components: [
      {
        componentArn: 'arn:aws:imagebuilder:us-east-1:aws:component/c/x.x.x',
        parameters: [{ name: 'greeting', value: ['hello'] }],
      },
    ],
    blockDeviceMappings: [
      { deviceName: '/dev/xvda', ebs: { volumeSize: 8, deleteOnTermination: true, volumeType: 'gp3' } },
    ],
    tags: { team: '7', version: '1.0' },
  });
});

test("a distribution configuration in JSON, CloudFormation's launch permission and either capitalization", () => {
  const ami = {
    Name: 'web-{{ imagebuilder:buildDate }}',
    amiTags: { a: 'b' },
    LaunchPermissionConfiguration: { UserIds: ['123456789012'] },
  };
  const request = requestOf(
    JSON.stringify(
      {
        Resources: {
          R: {
            Type: 'AWS::ImageBuilder::DistributionConfiguration',
            Properties: { Name: 'web', Distributions: [{ Region: 'us-east-1', AmiDistributionConfiguration: ami }] },
          },
        },
      },
      null,
      '\t',
    ),
  );
  assert.deepEqual(request['distributions'], [
    {
      region: 'us-east-1',
      amiDistributionConfiguration: {
        name: ami.Name,
        amiTags: { a: 'b' },
        launchPermission: { userIds: ['123456789012'] },
      },
    },
  ]);
});

test('resources come after those that they need, otherwise as written', () => {
  const plan = planOf(`
Resources:
  Image:
    Type: AWS::ImageBuilder::Image
    Properties: {ImageRecipeArn: !Ref Recipe, InfrastructureConfigurationArn: !GetAtt Infra.Arn}
  Infra:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    DependsOn: Last
    Properties: {Name: infra, InstanceProfileName: builder}
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties: {Name: web, Version: 1.0.0, ParentImage: ami-1, Components: [{ComponentArn: !Sub '\${Part.Arn}'}]}
  Part: {Type: 'AWS::ImageBuilder::Component', Properties: {Name: part, Version: 1.0.0, Platform: Linux, Data: x}}
  Last: {Type: 'AWS::ImageBuilder::Component', Properties: {Name: last, Version: 1.0.0, Platform: Linux, Data: x}}
`);
  assert.deepEqual(
    plan.resources.map((resource) => resource.logicalId),
    ['Part', 'Recipe', 'Last', 'Infra', 'Image'],
  );
});

describe('faults of resources, with their positions', () => {
  const resource = (type: string, properties: string, more = ''): string =>
    `Resources:\n  R:\n    Type: AWS::ImageBuilder::${type}\n${more}    Properties:\n${properties}`;
  const rows: readonly (readonly [string, string, RegExp])[] = [
    [
      'unknown property',
      resource('ImageRecipe', '      Nmae: x\n'),
      /^5:7 Resources\.R\.Properties\.Nmae: unknown property of AWS::ImageBuilder::ImageRecipe; did you mean 'Name'\?/m,
    ],
    [
      'missing property',
      resource('ImageRecipe', '      Name: xxx\n'),
      /needs the property 'Version'[\s\S]*needs the property 'ParentImage'/,
    ],
    [
      'nested',
      resource('InfrastructureConfiguration', '      Logging: {S3Logs: {Bucket: x}}\n'),
      /R\.Properties\.Logging\.S3Logs\.Bucket: unknown property of S3Logs/,
    ],
    [
      'enum',
      resource('Component', '      Platform: linux\n'),
      /'linux' is not one of Windows, Linux, macOS; did you mean 'Linux'\?/,
    ],
    [
      'number',
      resource('ImageRecipe', '      BlockDeviceMappings: [{Ebs: {VolumeSize: big}}]\n'),
      /BlockDeviceMappings\[0\]\.Ebs\.VolumeSize: expected a whole number, found 'big'/,
    ],
    ['range', resource('ImageRecipe', '      BlockDeviceMappings: [{Ebs: {VolumeSize: 0}}]\n'), /0 is less than 1/],
    [
      'boolean',
      resource('InfrastructureConfiguration', '      TerminateInstanceOnFailure: maybe\n'),
      /expected true or false, found 'maybe'/,
    ],
    ['tags as a list', resource('Component', '      Tags: [{Key: a, Value: b}]\n'), /take tags as a map/],
    [
      'condition',
      resource('Component', '      Name: xxx\n', '    Condition: Prod\n'),
      /^4:16 Resources\.R\.Condition: no condition is called 'Prod'/m,
    ],
    [
      'version of a component',
      resource('Component', '      Version: 1.0.x\n'),
      /^5:16 .*'1\.0\.x' is not a version: expected three numbers, such as 1\.0\.0/m,
    ],
    [
      'what is new in CloudFormation',
      resource('ImageRecipe', '      AmiWatermarks: [one]\n'),
      /5:7 .*AmiWatermarks of AWS::ImageBuilder::ImageRecipe is not supported yet/,
    ],
    [
      'a gate that would not shut',
      resource('Image', '      ImageScanningConfiguration: {ScanResultCondition: {MaximumSeverityLabel: LOW}}\n'),
      /ScanResultCondition of ImageScanningConfiguration is not supported yet/,
    ],
    ['short name', resource('Component', '      Name: x\n'), /5:13 .*'x' is not a valid name: expected 3 to 128/],
    [
      'nearly a type',
      'Resources:\n  R: {Type: AWS::ImageBulder::Image}\n',
      /did you mean 'AWS::ImageBuilder::Image'\?/,
    ],
    ['no type', 'Resources:\n  R: {Type: Image}\n', /unknown type Image/],
    [
      'mistyped type',
      'Resources:\n  R: {Type: AWS::ImageBuilder::ImageRecpie}\n',
      /did you mean 'AWS::ImageBuilder::ImageRecipe'\?/,
    ],
    [
      'version of two numbers',
      resource('ImageRecipe', '      {Name: xxx, Version: 1.0, ParentImage: ami-0123456789abcdef0}\n'),
      /^5:28 Resources\.R\.Properties\.Version: '1\.0' is not a version: expected three numbers, such as 1\.0\.0/,
    ],
    ['mappings', 'Mappings: {a: {b: c}}\nResources: {}\n', /^1:19 Mappings\.a\.b: expected a map, found a string/],
    ['macro', 'Transform: Acme\nResources: {}\n', /^1:12 Transform: the macro 'Acme' runs in AWS and not here/],
    ['unknown section', 'Resource: {}\n', /did you mean 'Resources'\?/],
    ['no resources', 'Description: x\n', /the template has no Resources section/],
    [
      'key twice',
      'Resources: {R: {Type: AWS::S3::Bucket}}\nResources: {}\n',
      /^2:1 Resources: duplicate key 'Resources'/,
    ],
    ['alias of itself', 'Resources:\n  A: &a {Type: *a}\n', /2:16 .*the alias \*a refers to itself/],
    [
      'reference in a condition',
      'Conditions: {A: !Equals [!Ref R, x]}\nResources: {R: {Type: AWS::S3::Bucket}}\n',
      /no parameter or resource is called 'R'/,
    ],
    [
      'conditions in a circle',
      'Conditions: {A: !Not [!Condition B], B: !Not [Condition: A]}\nResources: {R: {Type: AWS::S3::Bucket}}\n',
      /depends on itself: A -> B -> A/,
    ],
    ['output', 'Outputs: {O: {Valeu: x}}\nResources: {R: {Type: AWS::S3::Bucket}}\n', /an output needs a Value/],
    ['policy', 'Resources: {R: {Type: AWS::S3::Bucket, DeletionPolicy: Keep}}\n', /expected one of Delete, Retain/],
    ['null', 'Resources:\n  A: ~\n', /null is not allowed/],
    ['two documents', 'a: 1\n---\nb: 2\n', /a template is one YAML document/],
    ['empty', '', /1:1 the template is empty/],
    ['syntax', 'Resources: [1\n', /^2:1 This is not YAML: a list is opened by \[/],
    ['syntax', '{"Resources": {"A": 1}', /^1:\d+ This is not JSON: a map is opened/],
    ['syntax', 'Resources:\n\tA: 1\n', /^2:1 This is not YAML: YAML is indented by spaces/],
    [
      'syntax',
      'Resources:\n  A:\n    Name: {{ imagebuilder:buildDate }}\n',
      /^3:11 A value that starts with {{[^\n]*$/,
    ],
    ['syntax', 'Resources:\n  A:\n    Name: {{ a }}-x\n', /^3:11 A value that starts with {{[^\n]*$/],
    [
      'syntax',
      'Resources:\n  A:\n    Type: B\n     More:\n      - 1\n',
      /^4:6 [^\n]*further than 'Type' above it[^\n]*$/,
    ],
    ['syntax', 'Resources:\n  A:\n    Name: *foo bar\n', /^3:11 YAML reads \* at the start of a text[^\n]*$/],
    [
      'unknown dependency',
      resource('Component', '      {Name: xxx, Version: 1.0.0, Platform: Linux, Data: x}\n', '    DependsOn: Othr\n'),
      /R\.DependsOn: no resource is called 'Othr'/,
    ],
  ];
  for (const [name, text, expected] of rows) test(name, () => assert.match(faultsOf(text).join('\n'), expected));
});

test('a cycle is reported', () => {
  const component = (id: string, needs: string): string =>
    `  ${id}: {Type: AWS::ImageBuilder::Component, DependsOn: ${needs}, Properties: {Name: xxx, Version: 1.0.0, ` +
    'Platform: Linux, Data: x}}\n';
  assert.match(
    faultsOf(`Resources:\n${component('A', 'B')}${component('B', 'C')}${component('C', 'A')}`).join('\n'),
    /needs itself: A -> B -> C -> A/,
  );
});

test('additions of cdk to a template are accepted', () => {
  const text = JSON.stringify({
    Parameters: {
      BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/hnb659fds/version' },
    },
    Conditions: { CDKMetadataAvailable: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] } },
    Rules: {
      CheckBootstrapVersion: {
        Assertions: [
          {
            Assert: { 'Fn::Not': [{ 'Fn::Contains': [['1', '2', '3', '4', '5'], { Ref: 'BootstrapVersion' }] }] },
            AssertDescription: "Please run 'cdk bootstrap'.",
          },
        ],
      },
    },
    Resources: {
      R: {
        Type: 'AWS::ImageBuilder::InfrastructureConfiguration',
        Properties: { Name: 'infra', InstanceProfileName: 'p' },
        Metadata: { 'aws:cdk:path': 'x' },
      },
      CDKMetadata: { Type: 'AWS::CDK::Metadata', Properties: {}, Condition: 'CDKMetadataAvailable' },
    },
  });
  assert.deepEqual(
    planOf(text).resources.map((resource) => resource.logicalId),
    ['R'],
  );
});

test('excessive nesting is rejected', () => {
  assert.match(faultsOf(`Resources: ${'['.repeat(500)}${']'.repeat(500)}`).join('\n'), /nested more than 100 deep/);
});

describe('more functions', () => {
  const before = `
Transform: AWS::LanguageExtensions
Parameters:
  P: {Type: String, Default: pear}
  L: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Zones: {Type: 'List<AWS::EC2::AvailabilityZone::Name>', Default: 'us-east-1a,us-east-1b'}
  Stored: {Type: 'AWS::SSM::Parameter::Value<CommaDelimitedList>', Default: /list}
Mappings:
  M: {us-east-1: {a: one, list: [x, y]}, pear: {'8': eight}}
Conditions:
  Yes: !Equals [!Ref P, pear]
  No: {"Fn::Not": [{Condition: Yes}]}
  Either: !Or [Condition: No, !Condition Yes]
  Both: !And [!Condition Yes, !Equals [a, !Select [0, !Ref L]]]
  Mapped: !Equals [!FindInMap [M, !Ref P, 8], eight]
`;
  const rows: readonly (readonly [string, unknown])[] = [
    ['!If [Yes, a, b]', 'a'],
    ['!If [No, a, b]', 'b'],
    ['!If [Either, a, b]', 'a'],
    ['!If [Both, a, b]', 'a'],
    ['!If [Mapped, a, b]', 'a'],
    ['{"Fn::If": [No, a, {Ref: AWS::NoValue}]}', undefined],
    ['!If [Yes, a, !FindInMap [M, x, y]]', 'a'],
    ['!FindInMap [M, !Ref AWS::Region, a]', 'one'],
    ['!Join ["", !FindInMap [M, us-east-1, list]]', 'xy'],
    ['!FindInMap [M, nope, a, {DefaultValue: fallback}]', 'fallback'],
    ['!Select [1, !Ref L]', 'b'],
    ['!Select ["2", !Split ["-", a-b-c]]', 'c'],
    ['!Select [0, !GetAZs ""]', 'us-east-1a'],
    ['!Select [1, {"Fn::GetAZs": !Ref AWS::Region}]', 'us-east-1b'],
    ['!Join [",", !Ref Zones]', 'us-east-1a,us-east-1b'],
    ['!Join ["-", !Ref Stored]', 'k-l'],
    ['{"Fn::Base64": !Sub "${P}"}', 'cGVhcg=='],
    ['!Join [" ", !Cidr [192.168.0.0/24, 3, 5]]', '192.168.0.0/27 192.168.0.32/27 192.168.0.64/27'],
    ['!Select [1, !Cidr ["2001:db8::/56", 2, 64]]', '2001:db8:0:1::/64'],
    ['!ImportValue {"Fn::Sub": "${P}-out"}', 'value of pear-out'],
    ['!Sub ["${A}/${AWS::StackName}/${!B}", {A: !Select [0, !Ref L]}]', 'a/web/${B}'],
    ['!GetAtt [C, !Join ["", [A, rn]]]', 'arn:of/C'],
    ['!GetAtt C.LatestVersion.Major', 'arn:of/C/major'],
    ['{"Fn::Length": !Ref L}', '3'],
    ['{"Fn::ToJsonString": {a: [1, "2", true], b: !Ref P}}', '{"a":[1,"2",true],"b":"pear"}'],
    ['!Join ["", !Ref AWS::NotificationARNs, ]', undefined],
    ['!Select [5, !Split [":", !Ref AWS::StackId]]', 'stack/web/'],
    ['"{{resolve:ssm:/list}}!"', 'k,l!'],
    ['"{{resolve:secretsmanager:/list}}"', '{{resolve:secretsmanager:/list}}'],
  ];
  const surroundings: Surroundings = {
    exportValue: (name) => `value of ${name}`,
    parameterValue: (name) => (name === '/list' ? 'k,l' : undefined),
  };
  for (const [written, expected] of rows) {
    test(written, () => {
      const plan = () => planOf(describing(written, before), {}, surroundings);
      if (written.includes('NotificationARNs')) return assert.throws(plan, /has 0 characters/);
      const made = plan();
      const answers = { ref: 'arn:of/C', attributes: { Arn: 'arn:of/C', 'LatestVersion.Major': 'arn:of/C/major' } };
      const request = resolveResource(
        made,
        made.resources.find(({ logicalId }) => logicalId === 'R')!,
        new Map([['C', answers]]),
      );
      const { description } = request;
      if (written.includes('StackId')) assert.ok(String(description).startsWith(String(expected)), String(description));
      else assert.equal(description, expected);
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

test('resources of other services are not created, and have names and ARNs', () => {
  const plan = planOf(`
Parameters: {Prefix: {Type: String, Default: my}}
Conditions: {Never: !Equals [a, b]}
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {Path: /builders/, Policies: [{Fn::Nope: [1, ~]}, !Whatever x]}}
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties: {InstanceProfileName: !Sub '\${Prefix}-profile', Roles: [!Ref Role]}
  Bucket: {Type: AWS::S3::Bucket}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Join ['-', [!Ref Prefix, topic]]}}
  Group: {Type: AWS::EC2::SecurityGroup}
  Key: {Type: AWS::KMS::Key}
  Custom: {Type: Custom::Thing, UnknownAttribute: x}
  Absent: {Type: AWS::Lambda::Function, Condition: Never}
  Circle: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Circle}}
  CDKMetadata: {Type: AWS::CDK::Metadata}
  Infra:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    DependsOn: [Custom, Absent]
    Properties:
      Name: infra
      Description: !Join
        - ' '
        - - !GetAtt Role.Arn
          - !GetAtt Bucket.Arn
          - !GetAtt Group.GroupId
          - !GetAtt Key.Arn
          - !GetAtt Custom.Answer
          - !Ref Circle
      InstanceProfileName: !Ref Profile
      SnsTopicArn: !Ref Topic
Outputs:
  Url: {Value: !Sub 'https://\${Bucket.RegionalDomainName}', Export: {Name: !Sub '\${AWS::StackName}-url'}}
  Gone: {Condition: Never, Value: !Ref Absent}
`);
  assert.deepEqual(
    plan.notMade.map(({ logicalId, type }) => `${logicalId} ${type}`),
    [
      'Role AWS::IAM::Role',
      'Profile AWS::IAM::InstanceProfile',
      'Bucket AWS::S3::Bucket',
      'Topic AWS::SNS::Topic',
      'Group AWS::EC2::SecurityGroup',
      'Key AWS::KMS::Key',
      'Custom Custom::Thing',
      'Circle AWS::S3::Bucket',
    ],
  );
  const request = resolveResource(plan, plan.resources[0]!, new Map());
  assert.equal(request['instanceProfileName'], 'my-profile');
  assert.equal(request['snsTopicArn'], 'arn:aws:sns:us-east-1:123456789012:my-topic');
  assert.match(
    String(request['description']),
    new RegExp(
      '^arn:aws:iam::123456789012:role/builders/web-Role-[A-Z0-9]{12} arn:aws:s3:::web-bucket-[a-z0-9]{12} ' +
        'sg-0[0-9a-f]{16} arn:aws:kms:us-east-1:123456789012:key/[0-9a-f-]{36} web-custom-answer ' +
        'web-circle-[a-z0-9]{12}$',
    ),
  );
  const [url, ...more] = resolveOutputs(plan, new Map());
  assert.match(url!.value, /^https:\/\/web-bucket-[a-z0-9]{12}\.s3\.us-east-1\.amazonaws\.com$/);
  assert.deepEqual([url!.exportName, more], ['web-url', []]);
});

test('a resource that its condition leaves out can only be named under that condition', () => {
  const text = (description: string): string => `
Parameters: {P: {Type: String, Default: 'no'}}
Conditions: {Wanted: !Equals [!Ref P, 'yes']}
Resources:
  C:
    Type: AWS::ImageBuilder::Component
    Condition: Wanted
    Properties: {Name: ccc, Version: 1.0.0, Platform: Linux, Data: x}
  R:
    Type: AWS::ImageBuilder::Component
    Properties: {Name: rrr, Version: 1.0.0, Platform: Linux, Data: x, Description: ${description}}
`;
  assert.match(faultsOf(text('!Ref C')).join(), /'C' is not created, because its condition Wanted is false/);
  const plan = planOf(text('!If [Wanted, !Ref C, none]'));
  assert.deepEqual(
    plan.resources.map(({ logicalId, needs }) => [logicalId, needs]),
    [['R', []]],
  );
  assert.deepEqual(
    planOf(text('!If [Wanted, !Ref C, none]'), { P: 'yes' }).resources.map(({ logicalId, needs }) => [
      logicalId,
      needs,
    ]),
    [
      ['C', []],
      ['R', ['C']],
    ],
  );
});

test('loops create resources, properties and outputs', () => {
  const plan = planOf(`
Transform: [AWS::LanguageExtensions]
Parameters: {Names: {Type: CommaDelimitedList, Default: 'alpha,beta-1'}}
Resources:
  Fn::ForEach::Components:
    - Name
    - !Ref Names
    - Component&{Name}:
        Type: AWS::ImageBuilder::Component
        Properties:
          Name: !Sub '\${Name}-component'
          Version: 1.0.0
          Platform: Linux
          Data: x
          Tags:
            Fn::ForEach::Tags: [Key, [one, two], {'\${Key}': !Join ['', [!Ref Name, !Ref Key]]}]
Outputs:
  Fn::ForEach::Outs: [Name, [alpha], {'Out\${Name}': {Value: !GetAtt ['Component\${Name}', Name]}}]
`);
  assert.deepEqual(
    plan.resources.map((resource) => [resource.logicalId, resolveResource(plan, resource, new Map())['tags']]),
    [
      ['Componentalpha', { one: 'alphaone', two: 'alphatwo' }],
      ['Componentbeta1', { one: 'beta-1one', two: 'beta-1two' }],
    ],
  );
  const known = new Map([['Componentalpha', { ref: 'a', attributes: { Name: 'named' } }]]);
  assert.deepEqual(
    resolveOutputs(plan, known).map(({ name, value }) => [name, value]),
    [['Outalpha', 'named']],
  );
});

test('unlimited growth is rejected', () => {
  const aliases = Array.from({ length: 30 }, (_, index) =>
    index === 0 ? 'a0: &a0 [x, x]' : `a${index}: &a${index} [*a${index - 1}, *a${index - 1}]`,
  );
  const loops = (depth: number): string =>
    depth === 0
      ? '{"x${A0}${A1}": y}'
      : `{"Fn::ForEach::L${depth}": [A${depth - 1}, [${Array(40).fill('v').join()}], ${loops(depth - 1)}]}`;
  const names = Array.from(
    { length: 60 },
    (_, index) =>
      `  B${index}: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '\${B${index + 1}}\${B${index + 1}}'}}\n`,
  ).join('');
  for (const text of [
    `Metadata:\n  ${aliases.join('\n  ')}\nResources: {B: {Type: AWS::S3::Bucket}}\n`,
    `Transform: AWS::LanguageExtensions\nResources: ${loops(6)}\n`,
  ])
    assert.match(faultsOf(text).join(), /more than \d+ values|more values than/);
  const conditions = Array.from({ length: 5000 }, (_, index) => `  C${index}: !Not [!Condition C${index + 1}]\n`);
  assert.match(
    faultsOf(`Conditions:\n${conditions.join('')}Resources: {B: {Type: AWS::S3::Bucket}}\n`).join('\n'),
    /more than 200 conditions in conditions/,
  );
  const many = Array.from({ length: 501 }, (_, index) => `  B${index}: {Type: AWS::S3::Bucket}\n`);
  assert.match(faultsOf(`Resources:\n${many.join('')}`).join(), /501 resources; CloudFormation allows at most 500/);
  // A name that is too long is ignored: the bucket gets a generated one.
  const plan = planOf(`Resources:\n${names}  B60: {Type: AWS::S3::Bucket}\nOutputs: {O: {Value: !Ref B0}}\n`);
  assert.ok(resolveOutputs(plan, new Map())[0]!.value.length < 1 << 21);
});

test('aliases and merged maps are resolved', () => {
  const plan = planOf(`
Resources:
  A:
    Type: AWS::ImageBuilder::Component
    Properties: &base {Name: aaa, Version: 1.0.0, Platform: Linux, Data: x, Tags: &tags {team: web}}
  B:
    Type: AWS::ImageBuilder::Component
    Properties: {<<: *base, Name: bbb}
  C:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties: {Name: ccc, InstanceProfileName: p, Tags: *tags}
`);
  assert.deepEqual(
    plan.resources.map((resource) => resolveResource(plan, resource, new Map())).map(({ name, tags }) => [name, tags]),
    [
      ['aaa', { team: 'web' }],
      ['bbb', { team: 'web' }],
      ['ccc', { team: 'web' }],
    ],
  );
});

test('a position in a document is converted to one in the template', () => {
  const plan = planOf(`
Resources:
  A:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: aaa
      Version: 1.0.0
      Platform: Linux
      Data: !Sub |
        name: \${AWS::Region}
        schemaVersion: 1.0
  B: {Type: AWS::ImageBuilder::Component, Properties: {Name: bbb, Version: 1.0.0, Platform: Linux, Data: "name: x"}}
`);
  const [a, b] = plan.resources;
  assert.deepEqual(placeInProperty(plan, a!, 'Data', { line: 2, column: 5 }), { line: 11, column: 13 });
  assert.deepEqual(placeInProperty(plan, b!, 'Data', { line: 1, column: 7 }), { line: 12, column: 113 });
});

test('an image that its pipeline makes needs no other settings', () => {
  const plan = planOf(`
Resources:
  Pipeline:
    Type: AWS::ImageBuilder::ImagePipeline
    Properties:
      Name: pipe
      InfrastructureConfigurationArn: arn:aws:imagebuilder:us-east-1:123456789012:infrastructure-configuration/i
      ImageRecipeArn: arn:aws:imagebuilder:us-east-1:123456789012:image-recipe/r/1.0.0
  Image:
    Type: AWS::ImageBuilder::Image
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      ImagePipelineExecutionSettings: {DeploymentId: !GetAtt Pipeline.DeploymentId, OnUpdate: true}
      DeletionSettings: {ExecutionRole: cleaner}
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: /images/web, Type: String, Value: !GetAtt Image.ImageId}
`);
  assert.deepEqual(
    plan.resources.map(({ logicalId, needs, deletionPolicy }) => [logicalId, needs, deletionPolicy]),
    [
      ['Pipeline', [], undefined],
      ['Image', ['Pipeline'], 'RetainExceptOnCreate'],
      ['Parameter', ['Image'], undefined],
    ],
  );
  const known = new Map<string, ResourceAttributes>([
    ['Pipeline', { ref: 'p', attributes: { DeploymentId: 'd' } }],
    ['Image', { ref: 'i', attributes: { ImageId: 'ami-1' } }],
  ]);
  assert.deepEqual(resolveResource(plan, plan.resources[1]!, known), {
    imagePipelineExecutionSettings: { deploymentId: 'd', onUpdate: true },
    deletionSettings: { executionRole: 'cleaner' },
  });
  assert.deepEqual(resolveResource(plan, plan.resources[2]!, known), {
    name: '/images/web',
    type: 'String',
    value: 'ami-1',
  });
});

test('all faults come in one go, those of sections, parameters and resources', () => {
  const codes = (text: string): string[] => {
    try {
      planOf(text);
    } catch (error) {
      return (error as TemplateError).faults.map(({ code }) => code);
    }
    return [];
  };
  assert.deepEqual(
    codes(
      'Nope: x\nParameters:\n  P: {Type: Sting}\nRules:\n  R: {Assertions: [{Assert: !Equals [a, b]}]}\n' +
        'Resources:\n  A: {Type: AWS::ImageBuilder::Component, Properties: {Name: !Ref Q}}\n' +
        'Outputs:\n  O: {Value: !GetAtt A.Nope}\n',
    ),
    [
      'unknown-section',
      'missing',
      'invalid-value',
      'rule-failed',
      // Of A, Platform and Version. Its Name is there: what that names is the fault.
      'missing',
      'missing',
      'unknown-reference',
      'unknown-attribute',
    ],
  );
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
