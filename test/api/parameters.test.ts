/** Parameters that templates keep, and the deploying of every type of resource, against a real server. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StoredParameter } from '../../src/catalog/parameters.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { deployTemplate } from '../harness/templates.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let folder: string;
before(async () => {
  api = await startApi();
  folder = await mkdtemp(join(tmpdir(), 'ingot-deploy-'));
});
after(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

const ask = <T>(method: string, path: string, body?: object): Promise<T> =>
  signedJson<T>(api.connectionOf('same'), { method, path, ...(body === undefined ? {} : { body }) });

const deploy = (text: string): ReturnType<typeof deployTemplate> =>
  deployTemplate(api.connectionOf('same'), ACCOUNT, folder, text);

test('a parameter of a template is kept, and found by templates and by ssm: parents', async () => {
  const template = (value: string): string => `
Resources:
  Kept: {Type: AWS::SSM::Parameter, Properties: {Name: /golden/image, Type: String, Value: ${value}}}
  Made: {Type: AWS::SSM::Parameter, Properties: {Type: StringList, Value: 'a,b'}}
Outputs:
  Name: {Value: !Ref Kept}
  Value: {Value: !GetAtt Kept.Value}
  Made: {Value: !Ref Made}
`;
  const first = await deploy(template('debian-12-x86'));
  assert.deepEqual(first.what, ['Kept created', 'Made created']);
  assert.equal(first.outputs['Name'], '/golden/image');
  assert.equal(first.outputs['Value'], 'debian-12-x86');
  assert.match(first.outputs['Made']!, /^deploying-Made-[A-Z0-9]{12}$/);
  assert.deepEqual((await deploy(template('debian-12-x86'))).what, ['Kept unchanged', 'Made unchanged']);

  const { outputs } = await deploy(`
Parameters:
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /golden/image}
  List: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: ${first.outputs['Made']!}}
Resources:
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties: {Name: of-a-parameter, Version: 1.0.0, ParentImage: !Ref Image}
Outputs:
  Recipe: {Value: !Ref Recipe}
  Second: {Value: !Select [1, !Ref List]}
  Plain: {Value: '{{resolve:ssm:/golden/image}}'}
`);
  assert.equal(outputs['Recipe'], `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image-recipe/of-a-parameter/1.0.0`);
  assert.equal(outputs['Second'], 'b');

  assert.deepEqual((await deploy(template('nothing-that-is'))).what, ['Kept updated', 'Made unchanged']);
  const { parameters } = await ask<{ parameters: readonly StoredParameter[] }>('GET', '/ingot/parameters');
  assert.deepEqual(
    parameters.map(({ name, value, version }) => [name, value, version]),
    [
      ['/golden/image', 'nothing-that-is', 2],
      [first.outputs['Made'], 'a,b', 1],
    ],
  );
  await assert.rejects(
    deploy(
      'Resources: {R: {Type: AWS::ImageBuilder::ImageRecipe, Properties: {Name: other, Version: 1.0.0, ' +
        'ParentImage: "ssm:/golden/image"}}}',
    ),
    /Unknown managed image 'nothing-that-is'/,
  );
  await ask('DELETE', '/ingot/parameters/%2Fgolden%2Fimage');
  await assert.rejects(ask('DELETE', '/ingot/parameters/%2Fgolden%2Fimage'), { code: 'ResourceNotFoundException' });
});

test('parameters that cannot be kept say why', async () => {
  const secret = 'Resources: {S: {Type: AWS::SSM::Parameter, Properties: {Name: s, Type: SecureString, Value: x}}}';
  await assert.rejects(deploy(secret), /^CommandFailed: Resources\.S \(line 1\): a SecureString is a secret/);
  const path = '/ingot/parameters/a%20name';
  await assert.rejects(ask('POST', path, { type: 'String', value: 'x' }), /at most 1011 letters/);
  await assert.rejects(ask('POST', '/ingot/parameters/n', { type: 'String', value: 'x'.repeat(4097) }), /value/);
});

function component(name: string, content: string): string {
  return (
    `{Type: AWS::ImageBuilder::Component, Properties: {Name: ${name}, Version: 1.0.0, Platform: Linux, ` +
    `${content}}}`
  );
}

test('every type of Image Builder is deployed, twice the same', async () => {
  const document =
    'name: d\nschemaVersion: 1.0\nphases: [{name: build, steps: [{name: say, action: ExecuteBash, ' +
    'inputs: {commands: [id]}}]}]\n';
  await writeFile(join(folder, 'component.yaml'), document);
  await writeFile(join(folder, 'asset.0123.yml'), document);
  const files = {
    '0123': {
      source: { path: 'asset.0123.yml', packaging: 'file' },
      destinations: { here: { bucketName: 'cdk-hnb659fds-assets-x', objectKey: '0123.yml' } },
    },
  };
  await writeFile(join(folder, 'web.assets.json'), JSON.stringify({ version: '1', files }));
  const template = `
Resources:
  Inline: ${component('inline', `Data: ${JSON.stringify(document)}`)}
  Path: ${component('by-path', 'Uri: component.yaml')}
  File: ${component('by-file', "Uri: 'file:component.yaml'")}
  Asset:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: by-asset
      Version: 1.0.0
      Platform: Linux
      Uri: !Sub 's3://cdk-hnb659fds-assets-\${AWS::AccountId}-\${AWS::Region}/0123.yml'
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: recipe
      Version: 1.0.0
      ParentImage: !Sub 'arn:\${AWS::Partition}:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x'
      Components:
        - ComponentArn: !Ref Inline
        - ComponentArn: !GetAtt Path.LatestVersion.Major
        - ComponentArn: !GetAtt Asset.Arn
  Container:
    Type: AWS::ImageBuilder::ContainerRecipe
    Properties:
      Name: container
      Version: 1.0.0
      ContainerType: DOCKER
      ParentImage: debian:12
      PlatformOverride: Linux
      TargetRepository: {Service: ECR, RepositoryName: !Ref Repository}
      DockerfileTemplateData: |
        FROM {{{ imagebuilder:parentImage }}}
        {{{ imagebuilder:environments }}}
        {{{ imagebuilder:components }}}
      Components: [{ComponentArn: !Ref Inline}]
  Repository: {Type: AWS::ECR::Repository}
  Role: {Type: AWS::IAM::Role}
  Infra: {Type: AWS::ImageBuilder::InfrastructureConfiguration, Properties: {Name: infra, InstanceProfileName: builder}}
  Distribution:
    Type: AWS::ImageBuilder::DistributionConfiguration
    Properties:
      Name: dist
      Distributions:
        - Region: !Ref AWS::Region
          AmiDistributionConfiguration: {Name: 'x {{ imagebuilder:buildDate }}'}
  Workflow:
    Type: AWS::ImageBuilder::Workflow
    Properties:
      Name: flow
      Version: 1.0.0
      Type: TEST
      Data: |
        name: flow
        schemaVersion: 1.0
        steps: [{name: Launch, action: LaunchInstance, inputs: {waitFor: ssmAgent}}]
  Policy:
    Type: AWS::ImageBuilder::LifecyclePolicy
    Properties:
      Name: policy
      ExecutionRole: !GetAtt Role.Arn
      ResourceType: AMI_IMAGE
      PolicyDetails: [{Action: {Type: DELETE, IncludeResources: {Amis: true}}, Filter: {Type: COUNT, Value: 3}}]
      ResourceSelection: {Recipes: [{Name: recipe, SemanticVersion: 1.0.0}]}
  Pipeline:
    Type: AWS::ImageBuilder::ImagePipeline
    Properties:
      Name: pipe
      ImageRecipeArn: !GetAtt Recipe.Arn
      InfrastructureConfigurationArn: !Ref Infra
      DistributionConfigurationArn: !Ref Distribution
Outputs:
  Major: {Value: !GetAtt Workflow.LatestVersion.Major}
  Deployment: {Value: !GetAtt Pipeline.DeploymentId}
  Container: {Value: !Ref Container}
`;
  const { what, outputs } = await deploy(template);
  assert.ok(what.every((line) => line.endsWith(' created')) && what.length === 12, what.join());
  assert.equal(outputs['Major'], `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:workflow/test/flow/1.x.x`);
  assert.match(outputs['Deployment']!, /^[0-9a-f-]{36}$/);
  assert.equal(outputs['Container'], `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:container-recipe/container/1.0.0`);
  const again = await deploy(template);
  assert.ok(
    again.what.every((line) => line.endsWith(' unchanged')),
    again.what.join(),
  );

  const missing =
    'Resources: {C: {Type: AWS::ImageBuilder::Component, Properties: {Name: ccc, Version: 1.0.0, ' +
    'Platform: Linux, Uri: nowhere.yaml}}}';
  await assert.rejects(
    deploy(missing),
    /Resources\.C \(line 1\): cannot read the file 'nowhere\.yaml': .* does not exist/,
  );
});

test('members that are newer than the SDK reach the server, and changes of them are seen', async () => {
  const template = (watermark: string, severity: string): string => `
Resources:
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: marked
      Version: 1.0.x
      ParentImage: !Sub 'arn:\${AWS::Partition}:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x'
      AmiWatermarks: [${watermark}]
  Infra:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties:
      Name: warm
      InstanceProfileName: builder
      TerminateInstanceOnCompletion: ${severity === 'LOW'}
      ParentInstance: {AutoScalingGroup: {Name: pool, CapacityWaitTimeoutSeconds: 60}}
  Pipeline:
    Type: AWS::ImageBuilder::ImagePipeline
    Properties:
      Name: gated
      ImageRecipeArn: !Ref Recipe
      InfrastructureConfigurationArn: !Ref Infra
      ImageScanningConfiguration:
        ImageScanningEnabled: true
        ImageScanningTypes: [TEST_INSTANCE_CVE]
        ScanResultCondition: {MaximumSeverityLabel: ${severity}, FixAvailable: false}
`;
  const stored = async (operation: string, member: string, arn: string): Promise<Record<string, unknown>> => {
    const query = { [`${member}Arn`]: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${arn}` };
    const request = { method: 'GET', path: `/${operation}`, query };
    return (await signedJson<Record<string, Record<string, unknown>>>(api.connectionOf('same'), request))[member]!;
  };
  assert.deepEqual((await deploy(template('team one', 'LOW'))).what, [
    'Recipe created',
    'Infra created',
    'Pipeline created',
  ]);
  const recipe = await stored('GetImageRecipe', 'imageRecipe', 'image-recipe/marked/1.0.0');
  assert.deepEqual(recipe['amiWatermarks'], ['team one']);
  const infrastructure = await stored(
    'GetInfrastructureConfiguration',
    'infrastructureConfiguration',
    'infrastructure-configuration/warm',
  );
  assert.deepEqual(infrastructure['parentInstance'], {
    autoScalingGroup: { name: 'pool', capacityWaitTimeoutSeconds: 60 },
  });
  assert.equal(infrastructure['terminateInstanceOnCompletion'], true);
  const pipeline = await stored('GetImagePipeline', 'imagePipeline', 'image-pipeline/gated');
  assert.deepEqual(pipeline['imageScanningConfiguration'], {
    imageScanningEnabled: true,
    imageScanningTypes: ['TEST_INSTANCE_CVE'],
    scanResultCondition: { maximumSeverityLabel: 'LOW', fixAvailable: false },
  });

  const same = await deploy(template('team one', 'LOW'));
  assert.deepEqual(same.what, ['Recipe unchanged', 'Infra unchanged', 'Pipeline unchanged']);
  const other = await deploy(template('team two', 'HIGH'));
  assert.deepEqual(other.what, ['Recipe created', 'Infra updated', 'Pipeline updated']);
  const changed = await stored('GetImageRecipe', 'imageRecipe', 'image-recipe/marked/1.0.1');
  assert.deepEqual(changed['amiWatermarks'], ['team two']);
});
