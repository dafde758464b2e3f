/**
 * Published templates, and templates that `cdk synth` wrote. They are not part of the project: their directory is
 * `INGOT_CORPUS`, or `../shared/corpus` beside the project's own. This tests the language; only a server knows whether
 * a parent image or a document is valid.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';
import {
  parseTemplate,
  planTemplate,
  resolveOutputs,
  resolveResource,
  TemplateError,
  type ResourceAttributes,
  type ResourceType,
} from './template.ts';

const CORPUS = process.env['INGOT_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const FOLDER = join(CORPUS, 'cloudformation');
const skip = existsSync(FOLDER) ? false : `no templates in ${FOLDER}: set INGOT_CORPUS to the corpus's folder`;

const ACCOUNT = '123456789012';
const PSEUDO = { region: 'us-east-1', accountId: ACCOUNT, partition: 'aws', stackName: 'real' };
const PLACE = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}`;

/** The value of Ref for each resource type. */
const ANSWERS: Readonly<Record<ResourceType, string>> = {
  'AWS::ImageBuilder::Component': `${PLACE}:component/c/1.0.0/1`,
  'AWS::ImageBuilder::ImageRecipe': `${PLACE}:image-recipe/r/1.0.0`,
  'AWS::ImageBuilder::ContainerRecipe': `${PLACE}:container-recipe/r/1.0.0`,
  'AWS::ImageBuilder::InfrastructureConfiguration': `${PLACE}:infrastructure-configuration/i`,
  'AWS::ImageBuilder::DistributionConfiguration': `${PLACE}:distribution-configuration/d`,
  'AWS::ImageBuilder::Workflow': `${PLACE}:workflow/build/w/1.0.0/1`,
  'AWS::ImageBuilder::ImagePipeline': `${PLACE}:image-pipeline/p`,
  'AWS::ImageBuilder::Image': `${PLACE}:image/i/1.0.0/1`,
  'AWS::ImageBuilder::LifecyclePolicy': `${PLACE}:lifecycle-policy/l`,
  'AWS::SSM::Parameter': '/a/parameter',
  'AWS::ECR::Repository': 'team/web',
  'AWS::CloudFormation::Stack': 'arn:aws:cloudformation:us-east-1:123456789012:stack/s/1',
};

/** Exports of stacks that templates of the corpus import. */
function exportValue(name: string): string {
  if (name.endsWith('RoleArn')) return `arn:aws:iam::${ACCOUNT}:role/executor`;
  if (name.endsWith('InfrastructureConfigurationArn')) return ANSWERS['AWS::ImageBuilder::InfrastructureConfiguration'];
  if (name.endsWith('WorkflowArn')) return ANSWERS['AWS::ImageBuilder::Workflow'];
  if (name.endsWith('ComponentArn')) return ANSWERS['AWS::ImageBuilder::Component'];
  return ANSWERS['AWS::ImageBuilder::Image'];
}

interface Taken {
  readonly made: number;
  readonly notMade: number;
  readonly outputs: number;
}

/** Plans a template and resolves each request and output in order. */
function take(text: string, supplied: boolean): Taken {
  const template = parseTemplate(text);
  const given = new Map<string, string>();
  for (const { name, default: value, allowedValues } of template.parameters.values())
    if (supplied && value === undefined) given.set(name, allowedValues?.[0] ?? 'given');
  const plan = planTemplate(template, given, PSEUDO, supplied ? { exportValue } : {});
  const known = new Map<string, ResourceAttributes>();
  for (const resource of plan.resources) {
    assert.notDeepEqual(resolveResource(plan, resource, known), {});
    const ref = ANSWERS[resource.type];
    const attributes = new Proxy({}, { get: () => ref });
    known.set(resource.logicalId, { ref, attributes });
  }
  return { made: plan.resources.length, notMade: plan.notMade.length, outputs: resolveOutputs(plan, known).length };
}

/** Values that only their authors have: parameters, and stacks that are deployed first. */
const SUPPLIED: Readonly<Record<string, readonly string[]>> = {
  'T04-attestable-base.yaml': ['Parameters.SubnetId', 'Parameters.SecurityGroupId', 'Parameters.KeyPair'],
  'T05-attestable-pipeline.yaml': ['Parameters.BaseStackName'],
  'T11-win-dotnet.yml': ['Parameters.DotnetS3SourceZipFile', 'Resources.Recipe.Properties.ParentImage'],
};

test('real templates are accepted as they are, or with the values that they require', { skip }, (t: TestContext) => {
  const files = readdirSync(FOLDER).sort();
  const supplied: string[] = [];
  for (const file of files) {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    try {
      const taken = take(text, false);
      assert.ok(taken.made > 0, file);
    } catch (error) {
      assert.ok(error instanceof TemplateError, `${file}: ${(error as Error).stack}`);
      assert.deepEqual(
        error.faults.map(({ path }) => path),
        SUPPLIED[file] ?? [],
        `${file}: ${error.message}`,
      );
      supplied.push(file);
      assert.ok(take(text, true).made > 0, file);
    }
  }
  t.diagnostic(
    `${files.length - supplied.length} of ${files.length} taken unchanged, ${supplied.length} with values supplied`,
  );
  assert.deepEqual(
    supplied,
    Object.keys(SUPPLIED).filter((file) => files.includes(file)),
  );
});
