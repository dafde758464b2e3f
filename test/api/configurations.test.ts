/** Configurations of infrastructure and distribution, and the pipelines that name them. */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateDistributionConfigurationCommand,
  CreateImagePipelineCommand,
  CreateInfrastructureConfigurationCommand,
  GetDistributionConfigurationCommand,
  GetImagePipelineCommand,
  GetInfrastructureConfigurationCommand,
  ListDistributionConfigurationsCommand,
  ListImagePipelineImagesCommand,
  ListImagePipelinesCommand,
  ListInfrastructureConfigurationsCommand,
  StartImagePipelineExecutionCommand,
  UpdateDistributionConfigurationCommand,
  UpdateImagePipelineCommand,
  UpdateInfrastructureConfigurationCommand,
} from '@aws-sdk/client-imagebuilder';
import { storeOf } from '../../src/distribution/stores.ts';
import { amazon, fails, own, makersOf } from './makers.ts';
import { REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const { recipe, infrastructure, distribution, unique } = makersOf(() => api);

describe('Regions of a distribution configuration', () => {
  const create = (region: string) =>
    api.client.send(
      new CreateDistributionConfigurationCommand({
        name: unique('regions'),
        distributions: [{ region, amiDistributionConfiguration: {} }],
      }),
    );

  test('are named as anywhere else: every one that is accepted has a store', async () => {
    for (const region of ['us-gov-west-1', 'local-dev-1', 'lab', 'dc2']) {
      await create(region);
      assert.equal(basename((await storeOf('/data', region)).directory), region);
    }
  });

  test('are refused at create, by their path', async () => {
    for (const region of ['../us-east-1', 'US-EAST-1', 'us_east_1', 'us-east-1/', 'a'.repeat(65)])
      await fails(
        create(region),
        'InvalidParameterValueException',
        /distributions\[0\]\.region.*invalid Region name '.*': expected lower-case letters/,
      );
  });
});

describe('configurations', () => {
  test('are replaced by an update, and exist once', async () => {
    const name = unique('Infra');
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({
        name,
        instanceProfileName: 'p',
        description: 'd',
        instanceTypes: ['t3.micro'],
        resourceTags: { 'ingot:driver': 'qemu' },
        terminateInstanceOnFailure: false,
        tags: { t: '1' },
      }),
    );
    await fails(
      api.client.send(
        new CreateInfrastructureConfigurationCommand({ name: name.toUpperCase(), instanceProfileName: 'p' }),
      ),
      'ResourceAlreadyExistsException',
    );
    await api.client.send(
      new UpdateInfrastructureConfigurationCommand({ infrastructureConfigurationArn, instanceProfileName: 'q' }),
    );
    const { infrastructureConfiguration } = await api.client.send(
      new GetInfrastructureConfigurationCommand({ infrastructureConfigurationArn }),
    );
    const { dateCreated, dateUpdated, ...rest } = infrastructureConfiguration!;
    assert.ok(dateUpdated! >= dateCreated!);
    assert.deepEqual(rest, {
      arn: infrastructureConfigurationArn,
      name,
      instanceProfileName: 'q',
      terminateInstanceOnFailure: true,
      tags: { t: '1' },
    });
    const { infrastructureConfigurationSummaryList } = await api.client.send(
      new ListInfrastructureConfigurationsCommand({ filters: [{ name: 'name', values: [name] }] }),
    );
    assert.deepEqual(
      infrastructureConfigurationSummaryList!.map((each) => each.instanceProfileName),
      ['q'],
    );
  });

  test('of infrastructure are checked', async () => {
    const create = (more: object) =>
      api.client.send(
        new CreateInfrastructureConfigurationCommand({ name: unique('infra'), instanceProfileName: 'p', ...more }),
      );
    await fails(create({ subnetId: 'subnet-1' }), 'InvalidParameterCombinationException', /securityGroupIds/);
    await fails(create({ resourceTags: { CreatedBy: 'me' } }), 'InvalidParameterValueException', /CreatedBy/);
    await fails(create({ placement: { hostId: 'h-1', tenancy: 'default' } }), 'InvalidParameterCombinationException');
  });

  test('of distribution are checked and replaced', async () => {
    const create = (distributions: object[]) =>
      api.client.send(
        new CreateDistributionConfigurationCommand({ name: unique('dist'), distributions: distributions as never }),
      );
    await fails(
      create([{ region: REGION }]),
      'InvalidParameterValueException',
      /'distributions\[0\]' is not valid\. One or more outputs should be provided for each region in a distribution configuration\.$/,
    );
    await fails(
      create([
        { region: REGION, amiDistributionConfiguration: {} },
        { region: REGION, amiDistributionConfiguration: {} },
      ]),
      'InvalidParameterValueException',
      /distributions\[1\]\.region/,
    );
    await fails(
      create([{ region: REGION, amiDistributionConfiguration: { name: 'fixed-name' } }]),
      'InvalidParameterValueException',
      /buildDate/,
    );
    await fails(
      create([{ region: 'the moon', amiDistributionConfiguration: {} }]),
      'InvalidParameterValueException',
      /the moon/,
    );

    const arn = await distribution();
    await api.client.send(
      new UpdateDistributionConfigurationCommand({
        distributionConfigurationArn: arn,
        distributions: [{ region: 'us-west-2', amiDistributionConfiguration: {} }],
      }),
    );
    const { distributionConfiguration } = await api.client.send(
      new GetDistributionConfigurationCommand({ distributionConfigurationArn: arn }),
    );
    assert.deepEqual(distributionConfiguration!.distributions, [
      { region: 'us-west-2', amiDistributionConfiguration: {} },
    ]);
    const { distributionConfigurationSummaryList } = await api.client.send(
      new ListDistributionConfigurationsCommand({
        filters: [{ name: 'name', values: [distributionConfiguration!.name!] }],
      }),
    );
    assert.deepEqual(
      distributionConfigurationSummaryList!.map(({ regions }) => regions),
      [['us-west-2']],
    );
  });
});

describe('image pipelines', () => {
  test('are checked, replaced by an update, and listed', async () => {
    const name = unique('pipe');
    const { imageRecipeArn } = await recipe(unique('piped'));
    const infrastructureConfigurationArn = await infrastructure();
    const create = (more: object) =>
      api.client.send(
        new CreateImagePipelineCommand({ name, imageRecipeArn, infrastructureConfigurationArn, ...more }),
      );
    await fails(
      create({ imageRecipeArn: own('image-recipe/none/1.0.0') }),
      'InvalidParameterValueException',
      /imageRecipeArn.*does not exist/,
    );
    await fails(
      create({ infrastructureConfigurationArn: own('infrastructure-configuration/none') }),
      'InvalidParameterValueException',
    );
    await fails(
      create({ distributionConfigurationArn: own('distribution-configuration/none') }),
      'InvalidParameterValueException',
    );
    await fails(create({ imageRecipeArn: undefined }), 'InvalidParameterCombinationException');
    await fails(
      create({ workflows: [{ workflowArn: amazon('workflow/build/build-image/x.x.x') }] }),
      'InvalidParameterCombinationException',
      /^An execution role is required to provide workflows$/,
    );
    await fails(
      create({ executionRole: 'r', workflows: [{ workflowArn: amazon('workflow/build/none/x.x.x') }] }),
      'InvalidParameterValueException',
      /workflows\[0\]/,
    );
    await fails(
      create({ loggingConfiguration: { imageLogGroupName: '/mine' } }),
      'InvalidParameterCombinationException',
      /executionRole/,
    );
    for (const scheduleExpression of ['sometimes', 'cron(0 0 * *)', 'rate(1 days)', 'rate(2 day)'])
      await fails(create({ schedule: { scheduleExpression } }), 'InvalidParameterValueException', /scheduleExpression/);

    const { imagePipelineArn } = await create({
      schedule: { scheduleExpression: 'cron(0 0 * * ? *)' },
      description: 'd',
      executionRole: 'r',
      workflows: [{ workflowArn: amazon('workflow/build/build-image/x.x.x') }],
      imageTestsConfiguration: { imageTestsEnabled: false },
      tags: { t: '1' },
    });
    await fails(create({}), 'ResourceAlreadyExistsException', /ImagePipeline/);
    const before = (await api.client.send(new GetImagePipelineCommand({ imagePipelineArn }))).imagePipeline!;
    assert.deepEqual(before.schedule, {
      scheduleExpression: 'cron(0 0 * * ? *)',
      pipelineExecutionStartCondition: 'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE',
    });
    assert.deepEqual(before.imageTestsConfiguration, { imageTestsEnabled: false, timeoutMinutes: 720 });

    await api.client.send(
      new UpdateImagePipelineCommand({
        imagePipelineArn,
        imageRecipeArn,
        infrastructureConfigurationArn,
        status: 'DISABLED',
      }),
    );
    const { imagePipelineList } = await api.client.send(
      new ListImagePipelinesCommand({ filters: [{ name: 'imageRecipeArn', values: [imageRecipeArn!] }] }),
    );
    assert.equal(imagePipelineList!.length, 1);
    const [updated] = imagePipelineList!;
    assert.equal(updated!.status, 'DISABLED');
    assert.deepEqual(updated!.tags, { t: '1' });
    for (const dropped of ['schedule', 'description', 'workflows', 'executionRole'] as const)
      assert.equal(updated![dropped], undefined, dropped);
    // A disabled pipeline can be run by hand.
    await api.client.send(new StartImagePipelineExecutionCommand({ imagePipelineArn }));
    await fails(
      api.client.send(new StartImagePipelineExecutionCommand({ imagePipelineArn: own('image-pipeline/none') })),
      'ResourceNotFoundException',
    );
    await fails(
      api.client.send(new ListImagePipelineImagesCommand({ imagePipelineArn: own('image-pipeline/none') })),
      'ResourceNotFoundException',
    );
  });
});
