import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseTemplate, planTemplate, resolveResource, TemplateError } from './template.ts';

const PSEUDO = { region: 'us-east-1', accountId: '123456789012', partition: 'aws', stackName: 'web' };

function planOf(text: string, parameters: Record<string, string> = {}) {
  return planTemplate(parseTemplate(text), new Map(Object.entries(parameters)), PSEUDO);
}

function requestOf(text: string, parameters: Record<string, string> = {}, id = 'R') {
  const plan = planOf(text, parameters);
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

/** A component with this description, and more sections before it. */
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
    ['!Ref Nope', /^10:25 Resources\.R\.Properties\.Description: nothing is called 'Nope'/],
    ['!Ref CC', /did you mean 'C'\?/],
    ['!GetAtt C.Arm', /'C' has no attribute 'Arm'; did you mean 'Arn'\?/],
    ['!GetAtt C', /Fn::GetAtt takes a resource and an attribute/],
    ['!Sub "${Nope}"', /nothing is called 'Nope'/],
    ['!Sub "${a b}"', /not a valid name; for the text itself write \$\{!a b\}/],
    ['!Ref AWS::Regin', /unknown pseudo parameter AWS::Regin; did you mean 'AWS::Region'\?/],
    ['!Ref AWS::StackId', /AWS::StackId is not supported yet/],
    ['!If [a, b, c]', /the function !If is not supported yet/],
    ['{"Fn::FindInMap": [a, b, c]}', /the function Fn::FindInMap is not supported yet/],
    ['!Sbu x', /unknown function !Sbu; did you mean '!Sub'\?/],
    ['{Ref: C, Other: x}', /expected a string, found a map/],
    ['{"Fn::Sub": x, Other: x}', /stands beside other keys/],
    ['!Join [",", x]', /Fn::Join takes \[delimiter, list\]/],
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
    ['{Type: String, MinLength: 3}', { P: 'ab' }, /shorter than MinLength 3/],
    ['{Type: String, MaxLength: "3"}', { P: 'abcd' }, /longer than MaxLength 3/],
    ['{Type: Number, MinValue: 3}', { P: '2' }, /less than MinValue 3/],
    ['{Type: Number}', { P: 'two' }, /'two' is not a number/],
    ['{Type: String, NoEcho: true, MinLength: 9}', { P: 'secret' }, /Parameters\.P: the value is shorter/],
    ['{Type: "AWS::SSM::Parameter::Value<String>"}', {}, /not supported yet/],
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

test('a recipe in YAML becomes the request, coerced to what the API takes', () => {
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
        - ComponentArn: !Ref C
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
    components: [{ componentArn: 'arn:of/C', parameters: [{ name: 'greeting', value: ['hello'] }] }],
    blockDeviceMappings: [
      { deviceName: '/dev/xvda', ebs: { volumeSize: 8, deleteOnTermination: true, volumeType: 'gp3' } },
    ],
    tags: { team: '7', version: '1.0' },
  });
});

test("a distribution configuration in JSON, with CloudFormation's name for the launch permission and either case", () => {
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

test('resources come after what they need, else as written', () => {
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

describe('faults of resources, with their places', () => {
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
      /^4:5 Resources\.R\.Condition: Condition is not supported yet/m,
    ],
    [
      'later property',
      resource('Image', '      DeletionSettings: {ExecutionRole: x}\n'),
      /DeletionSettings of AWS::ImageBuilder::Image is not supported yet/,
    ],
    [
      'later type',
      'Resources:\n  R: {Type: AWS::ImageBuilder::Workflow}\n',
      /2:13 Resources\.R\.Type: AWS::ImageBuilder::Workflow is not supported yet/,
    ],
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
    ['type of another service', 'Resources:\n  R: {Type: AWS::IAM::Role}\n', /AWS::IAM::Role is not supported/],
    [
      'mappings',
      'Mappings: {a: {b: {c: d}}}\nResources: {}\n',
      /^1:1 Mappings: the section Mappings is not supported yet/,
    ],
    ['unknown section', 'Resource: {}\n', /did you mean 'Resources'\?/],
    ['no resources', 'Description: x\n', /the template has no Resources section/],
    ['alias', 'Resources:\n  A: &a {Type: x}\n  B: *a\n', /3:6 Resources\.B: YAML aliases/],
    ['null', 'Resources:\n  A: ~\n', /null is not allowed/],
    ['two documents', 'a: 1\n---\nb: 2\n', /a template is one YAML document/],
    ['empty', '', /1:1 the template is empty/],
    ['syntax', 'Resources: [1\n', /^2:1 Flow sequence/],
    [
      'unknown dependency',
      resource('Component', '      {Name: xxx, Version: 1.0.0, Platform: Linux, Data: x}\n', '    DependsOn: Othr\n'),
      /R\.DependsOn: no resource is called 'Othr'/,
    ],
  ];
  for (const [name, text, expected] of rows) test(name, () => assert.match(faultsOf(text).join('\n'), expected));
});

test('a cycle is named', () => {
  const component = (id: string, needs: string): string =>
    `  ${id}: {Type: AWS::ImageBuilder::Component, DependsOn: ${needs}, Properties: {Name: xxx, Version: 1.0.0, ` +
    'Platform: Linux, Data: x}}\n';
  assert.match(
    faultsOf(`Resources:\n${component('A', 'B')}${component('B', 'C')}${component('C', 'A')}`).join('\n'),
    /needs itself: A -> B -> C -> A/,
  );
});

test('what cdk adds to a template does not stand in the way', () => {
  const text = JSON.stringify({
    Parameters: {
      BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/hnb659fds/version' },
    },
    Conditions: { CDKMetadataAvailable: { a: 'b' } },
    Rules: { CheckBootstrapVersion: { Assertions: [] } },
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

test('nesting beyond sense is refused, not overrun', () => {
  assert.match(faultsOf(`Resources: ${'['.repeat(500)}${']'.repeat(500)}`).join('\n'), /nested more than 100 deep/);
});
