/**
 * A program of the CDK with L1 and L2 constructs: synthesised by the real CDK, which npm brings into the test's own
 * folder, and deployed to a server.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, startApi, type TestApi } from '../api/server.ts';
import { deployTemplate } from '../harness/templates.ts';

const PROGRAM = `
import { App, CfnOutput, CfnParameter, Duration, Fn, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as l1 from 'aws-cdk-lib/aws-imagebuilder';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import * as l2 from '@aws-cdk/aws-imagebuilder-alpha';

const app = new App({ outdir: 'cdk.out' });

const first = new Stack(app, 'WithL2');
const component = new l2.Component(first, 'Component', {
  platform: l2.Platform.LINUX,
  data: l2.ComponentData.fromJsonObject({
    schemaVersion: l2.ComponentSchemaVersion.V1_0,
    phases: [{ name: 'build', steps: [{ name: 'install', action: 'ExecuteBash', inputs: { commands: ['id'] } }] }],
  }),
});
const asset = new l2.Component(first, 'Asset', {
  platform: l2.Platform.LINUX,
  data: l2.ComponentData.fromAsset(first, 'File', 'component.yml'),
});
const recipe = new l2.ImageRecipe(first, 'Recipe', {
  baseImage: l2.BaseImage.fromSsmParameterName('/golden/parent'),
  components: [{ component }, { component: asset }],
});
const infrastructure = new l2.InfrastructureConfiguration(first, 'Infra', {
  instanceTypes: [ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.SMALL)],
  notificationTopic: new sns.Topic(first, 'Topic'),
});
const distribution = new l2.DistributionConfiguration(first, 'Distribution');
distribution.addAmiDistributions({ amiName: 'cdk-{{ imagebuilder:buildDate }}' });
const pipeline = new l2.ImagePipeline(first, 'Pipeline', {
  recipe,
  infrastructureConfiguration: infrastructure,
  distributionConfiguration: distribution,
  schedule: { expression: events.Schedule.cron({ minute: '0', hour: '6', weekDay: 'MON' }) },
});
new l2.LifecyclePolicy(first, 'Policy', {
  resourceType: l2.LifecyclePolicyResourceType.AMI_IMAGE,
  details: [
    { action: { type: l2.LifecyclePolicyActionType.DELETE }, filter: { ageFilter: { age: Duration.days(30) } } },
  ],
  resourceSelection: { tags: { Environment: 'development' } },
});
new l2.Workflow(first, 'Workflow', {
  workflowType: l2.WorkflowType.TEST,
  data: l2.WorkflowData.fromInline(
    'schemaVersion: 1.0\\nsteps:\\n  - name: Launch\\n    action: LaunchInstance\\n    inputs: {waitFor: ssmAgent}\\n',
  ),
});
const image = new l2.Image(first, 'Image', { recipe, infrastructureConfiguration: infrastructure });
new ssm.StringParameter(first, 'Kept', { parameterName: '/cdk/golden', stringValue: image.imageId });
new CfnOutput(first, 'PipelineArn', { value: pipeline.imagePipelineArn, exportName: 'pipeline' });

const second = new Stack(app, 'WithL1');
const prefix = new CfnParameter(second, 'Prefix', { default: 'plain', allowedPattern: '[a-z]+' });
const role = new iam.Role(second, 'Role', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
const profile = new iam.CfnInstanceProfile(second, 'Profile', { roles: [role.roleName] });
const group = new logs.LogGroup(second, 'Logs', { logGroupName: '/aws/imagebuilder/cdk' });
const plain = new l1.CfnComponent(second, 'Plain', {
  name: prefix.valueAsString,
  version: '1.0.0',
  platform: 'Linux',
  data:
    'name: plain\\nschemaVersion: 1.0\\nphases:\\n  - name: build\\n    steps:\\n' +
    '      - {name: say, action: ExecuteBash, inputs: {commands: [id]}}\\n',
});
const plainRecipe = new l1.CfnImageRecipe(second, 'PlainRecipe', {
  name: 'plain',
  version: '1.0.x',
  parentImage: Fn.sub('arn:\${AWS::Partition}:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x'),
  components: [{ componentArn: plain.attrArn }],
});
const plainInfra = new l1.CfnInfrastructureConfiguration(second, 'PlainInfra', {
  name: 'plain',
  instanceProfileName: profile.ref,
});
new l1.CfnImagePipeline(second, 'PlainPipeline', {
  name: 'plain',
  imageRecipeArn: plainRecipe.attrArn,
  infrastructureConfigurationArn: plainInfra.attrArn,
  loggingConfiguration: { imageLogGroupName: group.logGroupName },
});
app.synth();
`;

let api: TestApi;
let folder: string;
before(async () => {
  api = await startApi();
  folder = await mkdtemp(join(tmpdir(), 'ingot-cdk-'));
});
after(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

/** Why the CDK is not available, or `undefined`. */
function install(): string | undefined {
  try {
    execFileSync(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', 'aws-cdk-lib', '@aws-cdk/aws-imagebuilder-alpha'],
      { cwd: folder, timeout: 600_000, stdio: 'pipe' },
    );
    return undefined;
  } catch (error) {
    return `npm does not bring the CDK: ${(error as Error).message.slice(0, 300)}`;
  }
}

test('what the CDK writes for L1 and L2 constructs is deployed', async (t) => {
  await writeFile(join(folder, 'package.json'), '{"name": "app", "private": true, "type": "module"}\n');
  const missing = install();
  if (missing !== undefined) return t.skip(missing);
  await writeFile(join(folder, 'app.js'), PROGRAM);
  await writeFile(
    join(folder, 'component.yml'),
    'name: asset\nschemaVersion: 1.0\nphases: [{name: build, steps: [{name: say, action: ExecuteBash, ' +
      'inputs: {commands: [id]}}]}]\n',
  );
  const parent = { type: 'String', value: 'debian-12-x86' };
  const path = '/ingot/parameters/%2Fgolden%2Fparent';
  await signedJson(api.connectionOf('same'), { method: 'POST', path, body: parent });
  execFileSync(process.execPath, ['app.js'], { cwd: folder, timeout: 300_000, stdio: 'pipe' });
  const out = join(folder, 'cdk.out');
  const templates = (await readdir(out)).filter((name) => name.endsWith('.template.json')).sort();
  assert.deepEqual(templates, ['WithL1.template.json', 'WithL2.template.json']);
  for (const name of templates) {
    const text = await readFile(join(out, name), 'utf8');
    const { what, outputs } = await deployTemplate(api.connectionOf('same'), ACCOUNT, out, text);
    t.diagnostic(`${name}: ${what.join(', ')}`);
    assert.ok(what.length >= 4 && what.every((line) => /(created|image)$/.test(line)), what.join());
    if (name.includes('L2')) assert.match(outputs['PipelineArn']!, /:image-pipeline\//);
    const again = await deployTemplate(api.connectionOf('same'), ACCOUNT, out, text);
    assert.ok(
      again.what.every((line) => /(unchanged|image)$/.test(line)),
      again.what.join(),
    );
  }
});
