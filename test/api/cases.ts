/**
 * A request for each operation that succeeds, and what its answer must hold: for the conformance suite, through the SDK
 * and through the AWS CLI.
 */
import * as sdk from '@aws-sdk/client-imagebuilder';
import type { OperationName } from '../../src/api/model.ts';
import { insertAmi } from '../../src/catalog/amis.ts';
import { insertImportTask } from '../../src/catalog/import-tasks.ts';
import { insertStepExecution, insertWorkflowExecution, saveImagePackages } from '../../src/catalog/executions.ts';
import { beginLayer, completeLayer } from '../../src/catalog/layers.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { beginWaiting } from '../../src/catalog/waiting-steps.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import {
  newAmiId,
  newImportTaskId,
  newLayerId,
  newStepExecutionId,
  newWorkflowExecutionId,
} from '../../src/platform/ids.ts';

/** Where cases find, or make, what they name. */
export interface Fixture {
  readonly region: string;
  readonly account: string;
  readonly catalog: Catalog;
  send(operation: OperationName, input: object): Promise<Record<string, string>>;
}

/** One operation's success. */
export interface Case {
  /** Makes what the request names, and the request, without its client token. Each call makes another. */
  input(fixture: Fixture): Promise<object> | object;
  /** Members that the answer has, besides `requestId` and `clientToken`. */
  readonly answer: readonly string[];
  /** The one error that the operation answers to a request without fault. */
  readonly error?: string;
}

const DOCUMENT =
  'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Run\n        action: ExecuteBash\n      ' +
  '  inputs:\n          commands:\n            - "true"\n';
const WORKFLOW =
  'schemaVersion: 1.0\nsteps:\n  - name: Launch\n    action: LaunchInstance\n    inputs:\n      waitFor: ssmAgent\n';
const TEMPLATE = 'FROM {{{ imagebuilder:parentImage }}}';
const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '210987654321' }, Action: 'imagebuilder:Get*', Resource: '*' }],
});

let serial = 0;
const unique = (): string => `conformance-${++serial}`;
const tags = { team: 'web' };

const newComponent = () => ({
  name: unique(),
  semanticVersion: '1.0.0',
  platform: 'Linux',
  data: DOCUMENT,
  description: 'd',
  changeDescription: 'c',
  supportedOsVersions: ['Debian 12'],
  tags,
});
const newWorkflow = () => ({
  name: unique(),
  semanticVersion: '1.0.0',
  type: 'BUILD',
  data: WORKFLOW,
  description: 'd',
  tags,
});
const newRecipe = ({ region }: Fixture) => ({
  name: unique(),
  semanticVersion: '1.0.0',
  parentImage: `arn:aws:imagebuilder:${region}:aws:image/debian-12-x86/x.x.x`,
  tags,
});
const newContainerRecipe = () => ({
  name: unique(),
  semanticVersion: '1.0.0',
  containerType: 'DOCKER',
  parentImage: 'debian:12',
  dockerfileTemplateData: TEMPLATE,
  targetRepository: { service: 'ECR', repositoryName: 'web' },
  tags,
});
const newInfrastructure = () => ({
  name: unique(),
  instanceProfileName: 'profile',
  instanceTypes: ['t3.micro'],
  resourceTags: tags,
  tags,
});
const newDistribution = ({ region }: Fixture) => ({
  name: unique(),
  distributions: [{ region, amiDistributionConfiguration: { name: 'x {{ imagebuilder:buildDate }}' } }],
  tags,
});
const RULES = {
  executionRole: 'arn:aws:iam::123456789012:role/lifecycle',
  resourceType: 'AMI_IMAGE',
  resourceSelection: { tagMap: tags },
  policyDetails: [
    {
      action: { type: 'DELETE', includeResources: { amis: true, snapshots: true } },
      filter: { type: 'AGE', value: 6, unit: 'MONTHS', retainAtLeast: 1 },
    },
  ],
};
const newPolicy = () => ({ name: unique(), ...RULES, tags });

const componentOf = async (f: Fixture) =>
  (await f.send('CreateComponent', newComponent()))['componentBuildVersionArn']!;
const workflowOf = async (f: Fixture) => (await f.send('CreateWorkflow', newWorkflow()))['workflowBuildVersionArn']!;
const recipeOf = async (f: Fixture) => (await f.send('CreateImageRecipe', newRecipe(f)))['imageRecipeArn']!;
const containerRecipeOf = async (f: Fixture) =>
  (await f.send('CreateContainerRecipe', newContainerRecipe()))['containerRecipeArn']!;
const infrastructureOf = async (f: Fixture) =>
  (await f.send('CreateInfrastructureConfiguration', newInfrastructure()))['infrastructureConfigurationArn']!;
const distributionOf = async (f: Fixture) =>
  (await f.send('CreateDistributionConfiguration', newDistribution(f)))['distributionConfigurationArn']!;
const policyOf = async (f: Fixture) => (await f.send('CreateLifecyclePolicy', newPolicy()))['lifecyclePolicyArn']!;
const buildOf = async (f: Fixture) => ({
  imageRecipeArn: await recipeOf(f),
  infrastructureConfigurationArn: await infrastructureOf(f),
  distributionConfigurationArn: await distributionOf(f),
});
const pipelineOf = async (f: Fixture) =>
  (
    await f.send('CreateImagePipeline', {
      name: unique(),
      ...(await buildOf(f)),
      schedule: { scheduleExpression: 'rate(1 day)' },
      tags,
    })
  )['imagePipelineArn']!;
/** An image without a worker: the server's own is kept from it. */
const imageOf = async (f: Fixture) =>
  (await f.send('CreateImage', { ...(await buildOf(f)), tags }))['imageBuildVersionArn']!;

async function importTaskOf(f: Fixture): Promise<string> {
  const id = newImportTaskId();
  await insertImportTask(f.catalog.db, {
    id,
    account: f.account,
    region: f.region,
    source: '/nowhere/disk.qcow2',
    sha256: null,
    trusted: 0,
    image_arn: null,
    created: new Date().toISOString(),
  });
  return id;
}

async function endedImage(
  f: Fixture,
  status: 'AVAILABLE' | 'FAILED',
): Promise<{ readonly arn: string; readonly ami: string }> {
  const arn = await imageOf(f);
  const ami = newAmiId();
  await f.catalog.transaction(async (trx) => {
    const layer = newLayerId();
    await beginLayer(trx, { id: layer, parentId: null, origin: 'made', path: `layers/${layer}.qcow2` });
    await completeLayer(trx, layer, layer, {}, '');
    await insertAmi(trx, {
      id: ami,
      region: f.region,
      account: f.account,
      name: ami,
      description: null,
      image_arn: arn,
      layer_id: layer,
      file: `layers/${layer}.qcow2`,
      state: status === 'FAILED' ? 'failed' : 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: 'Debian 12',
      architecture: 'x86_64',
      created: new Date().toISOString(),
    });
    for (const to of ['CREATING', 'BUILDING'] as const) await transitionImage(trx, arn, to);
    const outputResources = {
      amis: [
        { region: f.region, image: ami, name: ami, accountId: f.account, state: { status: 'AVAILABLE' as const } },
      ],
    };
    await transitionImage(
      trx,
      arn,
      status,
      status === 'FAILED' ? { reason: 'because' } : { patch: { outputResources } },
    );
    await saveImagePackages(trx, arn, [{ name: 'bash', version: '5.2' }]);
  });
  return { arn, ami };
}

/** An image whose workflow waits at a step. */
async function waitingImage(
  f: Fixture,
): Promise<{ readonly arn: string; readonly workflow: string; readonly step: string }> {
  const arn = await imageOf(f);
  const [workflow, step, now] = [newWorkflowExecutionId(), newStepExecutionId(), new Date().toISOString()];
  await f.catalog.transaction(async (trx) => {
    await transitionImage(trx, arn, 'CREATING');
    await insertWorkflowExecution(trx, {
      id: workflow,
      image_arn: arn,
      workflow_arn: `arn:aws:imagebuilder:${f.region}:aws:workflow/test/test-image/1.0.0/1`,
      type: 'TEST',
      status: 'RUNNING',
      message: 'm',
      parallel_group: 'g',
      position: 0,
      total_steps: 1,
      start_time: now,
      end_time: null,
    });
    await insertStepExecution(trx, {
      id: step,
      workflow_execution_id: workflow,
      image_arn: arn,
      position: 0,
      name: 'Wait',
      action: 'WaitForAction',
      description: 'd',
      status: 'RUNNING',
      rollback_status: 'SKIPPED',
      message: 'm',
      inputs: '{}',
      outputs: '{}',
      on_failure: 'ABORT',
      timeout_seconds: 60,
      start_time: now,
      end_time: now,
    });
    await beginWaiting(trx, { step_id: step, image_arn: arn, account: f.account, region: f.region, since: now });
  });
  return { arn, workflow, step };
}

async function executionOf(f: Fixture): Promise<{ readonly id: string; readonly image: string }> {
  const { arn } = await endedImage(f, 'AVAILABLE');
  const { lifecycleExecutionId } = await f.send('StartResourceStateUpdate', {
    resourceArn: arn,
    state: { status: 'DEPRECATED' },
    updateAt: new Date(Date.now() + 86_400_000),
  });
  return { id: lifecycleExecutionId!, image: arn };
}

const none: Case['answer'] = [];
const nothing = (): object => ({});

/** Every operation. */
export const CASES: Readonly<Record<OperationName, Case>> = {
  CreateComponent: { input: newComponent, answer: ['componentBuildVersionArn', 'latestVersionReferences'] },
  GetComponent: {
    input: async (f) => ({ componentBuildVersionArn: await componentOf(f) }),
    answer: ['component', 'latestVersionReferences'],
  },
  ListComponents: { input: async (f) => (await componentOf(f), {}), answer: ['componentVersionList'] },
  ListComponentBuildVersions: {
    input: async (f) => ({ componentVersionArn: (await componentOf(f)).replace(/\/1$/, '') }),
    answer: ['componentSummaryList'],
  },
  DeleteComponent: {
    input: async (f) => ({ componentBuildVersionArn: await componentOf(f) }),
    answer: ['componentBuildVersionArn'],
  },
  PutComponentPolicy: {
    input: async (f) => ({ componentArn: await componentOf(f), policy: POLICY }),
    answer: ['componentArn'],
  },
  GetComponentPolicy: {
    input: async (f) => {
      const componentArn = await componentOf(f);
      await f.send('PutComponentPolicy', { componentArn, policy: POLICY });
      return { componentArn };
    },
    answer: ['policy'],
  },
  ImportComponent: {
    input: () => ({
      name: unique(),
      semanticVersion: '1.0.0',
      platform: 'Linux',
      type: 'TEST',
      format: 'SHELL',
      data: 'echo "hello"',
    }),
    answer: ['componentBuildVersionArn'],
  },

  CreateImageRecipe: { input: newRecipe, answer: ['imageRecipeArn', 'latestVersionReferences'] },
  GetImageRecipe: {
    input: async (f) => ({ imageRecipeArn: await recipeOf(f) }),
    answer: ['imageRecipe', 'latestVersionReferences'],
  },
  ListImageRecipes: { input: async (f) => (await recipeOf(f), {}), answer: ['imageRecipeSummaryList'] },
  DeleteImageRecipe: { input: async (f) => ({ imageRecipeArn: await recipeOf(f) }), answer: ['imageRecipeArn'] },
  PutImageRecipePolicy: {
    input: async (f) => ({ imageRecipeArn: await recipeOf(f), policy: POLICY }),
    answer: ['imageRecipeArn'],
  },
  GetImageRecipePolicy: {
    input: async (f) => {
      const imageRecipeArn = await recipeOf(f);
      await f.send('PutImageRecipePolicy', { imageRecipeArn, policy: POLICY });
      return { imageRecipeArn };
    },
    answer: ['policy'],
  },

  CreateContainerRecipe: { input: newContainerRecipe, answer: ['containerRecipeArn', 'latestVersionReferences'] },
  GetContainerRecipe: {
    input: async (f) => ({ containerRecipeArn: await containerRecipeOf(f) }),
    answer: ['containerRecipe', 'latestVersionReferences'],
  },
  ListContainerRecipes: {
    input: async (f) => (await containerRecipeOf(f), {}),
    answer: ['containerRecipeSummaryList'],
  },
  DeleteContainerRecipe: {
    input: async (f) => ({ containerRecipeArn: await containerRecipeOf(f) }),
    answer: ['containerRecipeArn'],
  },
  PutContainerRecipePolicy: {
    input: async (f) => ({ containerRecipeArn: await containerRecipeOf(f), policy: POLICY }),
    answer: ['containerRecipeArn'],
  },
  GetContainerRecipePolicy: {
    input: async (f) => {
      const containerRecipeArn = await containerRecipeOf(f);
      await f.send('PutContainerRecipePolicy', { containerRecipeArn, policy: POLICY });
      return { containerRecipeArn };
    },
    answer: ['policy'],
  },

  CreateInfrastructureConfiguration: { input: newInfrastructure, answer: ['infrastructureConfigurationArn'] },
  GetInfrastructureConfiguration: {
    input: async (f) => ({ infrastructureConfigurationArn: await infrastructureOf(f) }),
    answer: ['infrastructureConfiguration'],
  },
  ListInfrastructureConfigurations: {
    input: async (f) => (await infrastructureOf(f), {}),
    answer: ['infrastructureConfigurationSummaryList'],
  },
  UpdateInfrastructureConfiguration: {
    input: async (f) => ({ infrastructureConfigurationArn: await infrastructureOf(f), instanceProfileName: 'other' }),
    answer: ['infrastructureConfigurationArn'],
  },
  DeleteInfrastructureConfiguration: {
    input: async (f) => ({ infrastructureConfigurationArn: await infrastructureOf(f) }),
    answer: ['infrastructureConfigurationArn'],
  },

  CreateDistributionConfiguration: { input: newDistribution, answer: ['distributionConfigurationArn'] },
  GetDistributionConfiguration: {
    input: async (f) => ({ distributionConfigurationArn: await distributionOf(f) }),
    answer: ['distributionConfiguration'],
  },
  ListDistributionConfigurations: {
    input: async (f) => (await distributionOf(f), {}),
    answer: ['distributionConfigurationSummaryList'],
  },
  UpdateDistributionConfiguration: {
    input: async (f) => ({
      distributionConfigurationArn: await distributionOf(f),
      distributions: newDistribution(f).distributions,
    }),
    answer: ['distributionConfigurationArn'],
  },
  DeleteDistributionConfiguration: {
    input: async (f) => ({ distributionConfigurationArn: await distributionOf(f) }),
    answer: ['distributionConfigurationArn'],
  },

  CreateImagePipeline: {
    input: async (f) => ({ name: unique(), ...(await buildOf(f)), tags }),
    answer: ['imagePipelineArn'],
  },
  GetImagePipeline: { input: async (f) => ({ imagePipelineArn: await pipelineOf(f) }), answer: ['imagePipeline'] },
  ListImagePipelines: { input: async (f) => (await pipelineOf(f), {}), answer: ['imagePipelineList'] },
  UpdateImagePipeline: {
    input: async (f) => ({ imagePipelineArn: await pipelineOf(f), ...(await buildOf(f)) }),
    answer: ['imagePipelineArn'],
  },
  DeleteImagePipeline: {
    input: async (f) => ({ imagePipelineArn: await pipelineOf(f) }),
    answer: ['imagePipelineArn'],
  },
  StartImagePipelineExecution: {
    input: async (f) => ({ imagePipelineArn: await pipelineOf(f) }),
    answer: ['imageBuildVersionArn'],
  },
  ListImagePipelineImages: {
    input: async (f) => {
      const imagePipelineArn = await pipelineOf(f);
      await f.send('StartImagePipelineExecution', { imagePipelineArn });
      return { imagePipelineArn };
    },
    answer: ['imageSummaryList'],
  },

  CreateImage: {
    input: async (f) => ({ ...(await buildOf(f)), tags }),
    answer: ['imageBuildVersionArn', 'latestVersionReferences'],
  },
  GetImage: {
    input: async (f) => ({ imageBuildVersionArn: (await endedImage(f, 'AVAILABLE')).arn }),
    answer: ['image', 'latestVersionReferences'],
  },
  ListImages: { input: async (f) => (await endedImage(f, 'AVAILABLE'), {}), answer: ['imageVersionList'] },
  ListImageBuildVersions: {
    input: async (f) => ({ imageVersionArn: (await endedImage(f, 'AVAILABLE')).arn.replace(/\/1$/, '') }),
    answer: ['imageSummaryList'],
  },
  ListImagePackages: {
    input: async (f) => ({ imageBuildVersionArn: (await endedImage(f, 'AVAILABLE')).arn }),
    answer: ['imagePackageList'],
  },
  CancelImageCreation: {
    input: async (f) => ({ imageBuildVersionArn: (await waitingImage(f)).arn }),
    answer: ['imageBuildVersionArn'],
  },
  DeleteImage: {
    input: async (f) => ({ imageBuildVersionArn: (await endedImage(f, 'AVAILABLE')).arn }),
    answer: ['imageBuildVersionArn'],
  },
  PutImagePolicy: {
    input: async (f) => ({ imageArn: (await endedImage(f, 'AVAILABLE')).arn, policy: POLICY }),
    answer: ['imageArn'],
  },
  GetImagePolicy: {
    input: async (f) => {
      const imageArn = (await endedImage(f, 'AVAILABLE')).arn;
      await f.send('PutImagePolicy', { imageArn, policy: POLICY });
      return { imageArn };
    },
    answer: ['policy'],
  },
  RetryImage: {
    input: async (f) => ({ imageBuildVersionArn: (await endedImage(f, 'FAILED')).arn }),
    answer: ['imageBuildVersionArn'],
  },
  DistributeImage: {
    input: async (f) => ({
      sourceImage: (await endedImage(f, 'AVAILABLE')).ami,
      distributionConfigurationArn: await distributionOf(f),
      executionRole: 'role',
    }),
    answer: ['imageBuildVersionArn'],
  },
  ImportDiskImage: {
    input: async (f) => ({
      name: unique(),
      semanticVersion: '1.0.0',
      platform: 'Windows',
      osVersion: 'Windows 11',
      infrastructureConfigurationArn: await infrastructureOf(f),
      uri: 's3://b/k.iso',
    }),
    answer: none,
    error: 'ClientException',
  },
  ImportVmImage: {
    input: async (f) => ({
      name: unique(),
      semanticVersion: '1.0.0',
      platform: 'Linux',
      vmImportTaskId: await importTaskOf(f),
    }),
    answer: ['imageArn'],
  },
  ListImageScanFindings: { input: nothing, answer: ['findings'] },
  ListImageScanFindingAggregations: { input: nothing, answer: ['aggregationType', 'responses'] },
  GetMarketplaceResource: {
    input: async (f) => ({ resourceType: 'COMPONENT_DATA', resourceArn: await componentOf(f) }),
    answer: none,
    error: 'InvalidRequestException',
  },

  CreateWorkflow: { input: newWorkflow, answer: ['workflowBuildVersionArn', 'latestVersionReferences'] },
  GetWorkflow: {
    input: async (f) => ({ workflowBuildVersionArn: await workflowOf(f) }),
    answer: ['workflow', 'latestVersionReferences'],
  },
  ListWorkflows: { input: async (f) => (await workflowOf(f), {}), answer: ['workflowVersionList'] },
  ListWorkflowBuildVersions: {
    input: async (f) => ({ workflowVersionArn: (await workflowOf(f)).replace(/\/1$/, '') }),
    answer: ['workflowSummaryList'],
  },
  DeleteWorkflow: {
    input: async (f) => ({ workflowBuildVersionArn: await workflowOf(f) }),
    answer: ['workflowBuildVersionArn'],
  },
  ListWorkflowExecutions: {
    input: async (f) => ({ imageBuildVersionArn: (await waitingImage(f)).arn }),
    answer: ['workflowExecutions', 'imageBuildVersionArn'],
  },
  GetWorkflowExecution: {
    input: async (f) => ({ workflowExecutionId: (await waitingImage(f)).workflow }),
    answer: [
      'workflowBuildVersionArn',
      'imageBuildVersionArn',
      'type',
      'status',
      'message',
      'totalStepCount',
      'totalStepsSucceeded',
      'startTime',
      'parallelGroup',
    ],
  },
  ListWorkflowStepExecutions: {
    input: async (f) => ({ workflowExecutionId: (await waitingImage(f)).workflow }),
    answer: ['steps', 'workflowBuildVersionArn', 'workflowExecutionId', 'imageBuildVersionArn'],
  },
  GetWorkflowStepExecution: {
    input: async (f) => ({ stepExecutionId: (await waitingImage(f)).step }),
    answer: [
      'name',
      'action',
      'description',
      'status',
      'rollbackStatus',
      'message',
      'inputs',
      'outputs',
      'startTime',
      'endTime',
      'onFailure',
      'timeoutSeconds',
    ],
  },
  ListWaitingWorkflowSteps: { input: async (f) => (await waitingImage(f), {}), answer: ['steps'] },
  SendWorkflowStepAction: {
    input: async (f) => {
      const { arn, step } = await waitingImage(f);
      return { stepExecutionId: step, imageBuildVersionArn: arn, action: 'RESUME' };
    },
    answer: ['stepExecutionId', 'imageBuildVersionArn'],
  },

  CreateLifecyclePolicy: { input: newPolicy, answer: ['lifecyclePolicyArn'] },
  GetLifecyclePolicy: { input: async (f) => ({ lifecyclePolicyArn: await policyOf(f) }), answer: ['lifecyclePolicy'] },
  ListLifecyclePolicies: { input: async (f) => (await policyOf(f), {}), answer: ['lifecyclePolicySummaryList'] },
  UpdateLifecyclePolicy: {
    input: async (f) => ({ lifecyclePolicyArn: await policyOf(f), ...RULES }),
    answer: ['lifecyclePolicyArn'],
  },
  DeleteLifecyclePolicy: {
    input: async (f) => ({ lifecyclePolicyArn: await policyOf(f) }),
    answer: ['lifecyclePolicyArn'],
  },
  StartResourceStateUpdate: {
    input: async (f) => ({
      resourceArn: (await endedImage(f, 'AVAILABLE')).arn,
      state: { status: 'DEPRECATED' },
      updateAt: new Date(Date.now() + 86_400_000),
    }),
    answer: ['lifecycleExecutionId', 'resourceArn'],
  },
  GetLifecycleExecution: {
    input: async (f) => ({ lifecycleExecutionId: (await executionOf(f)).id }),
    answer: ['lifecycleExecution'],
  },
  ListLifecycleExecutions: {
    input: async (f) => ({ resourceArn: (await executionOf(f)).image }),
    answer: ['lifecycleExecutions'],
  },
  ListLifecycleExecutionResources: {
    input: async (f) => ({ lifecycleExecutionId: (await executionOf(f)).id }),
    answer: ['lifecycleExecutionId', 'lifecycleExecutionState', 'resources'],
  },
  CancelLifecycleExecution: {
    input: async (f) => ({ lifecycleExecutionId: (await executionOf(f)).id }),
    answer: ['lifecycleExecutionId'],
  },

  ListTagsForResource: { input: async (f) => ({ resourceArn: await componentOf(f) }), answer: ['tags'] },
  TagResource: { input: async (f) => ({ resourceArn: await componentOf(f), tags: { more: 'x' } }), answer: none },
  UntagResource: { input: async (f) => ({ resourceArn: await componentOf(f), tagKeys: ['team'] }), answer: none },
};

/** The SDK's command for an operation. */
export function commandOf(operation: OperationName, input: object): sdk.GetImageCommand {
  const Command = (sdk as unknown as Record<string, new (input: object) => sdk.GetImageCommand>)[
    `${operation}Command`
  ]!;
  return new Command(input);
}
