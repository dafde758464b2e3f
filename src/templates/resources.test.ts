/** Resources: requests, order, faults, conditions, resources of other services. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveOutputs, resolveResource, type ResourceAttributes } from './template.ts';
import { planOf, requestOf, faultsOf } from '../../test/harness/template-plans.ts';

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
      resource('ImageRecipe', '      AmiWatermarks: [a]\n'),
      /5:23 .*AmiWatermarks\[0\]: has 1 characters, at least 3 expected/,
    ],
    [
      'a newer member of another',
      resource('Image', '      ImageScanningConfiguration: {ScanResultCondition: {MaximumSeverityLabel: NONE}}\n'),
      /'NONE' is not one of INFORMATIONAL, LOW, MEDIUM, HIGH/,
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

test("what the CDK writes for a workflow's failure is the API's value", () => {
  const workflow = 'arn:aws:imagebuilder:us-east-1:123456789012:workflow/test/w/1.0.0/1';
  const plan = planOf(`
Resources:
  Image:
    Type: AWS::ImageBuilder::Image
    Properties:
      InfrastructureConfigurationArn: arn:aws:imagebuilder:us-east-1:123456789012:infrastructure-configuration/i
      Workflows: [{WorkflowArn: '${workflow}', OnFailure: Abort}]
`);
  const { workflows } = resolveResource(plan, plan.resources[0]!, new Map()) as { workflows: object };
  assert.deepEqual(workflows, [{ workflowArn: workflow, onFailure: 'ABORT' }]);
});
