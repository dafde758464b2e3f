/** Resources of all kinds: made, read, tagged and deleted in the order of the tutorial, for one account and Region. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteComponentCommand,
  DeleteDistributionConfigurationCommand,
  DeleteImageCommand,
  DeleteImagePipelineCommand,
  DeleteImageRecipeCommand,
  DeleteInfrastructureConfigurationCommand,
  GetComponentCommand,
  GetDistributionConfigurationCommand,
  GetImageCommand,
  GetImagePipelineCommand,
  GetImageRecipeCommand,
  GetInfrastructureConfigurationCommand,
  ListComponentsCommand,
  ListImagePipelineImagesCommand,
  ListTagsForResourceCommand,
  StartImagePipelineExecutionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-imagebuilder';
import { amazon, fails, own, makersOf } from './makers.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const { component, recipe, infrastructure, distribution, image, move, unique } = makersOf(() => api);

describe('the tutorial', () => {
  test('is created, read, built, cancelled and deleted in the documented order', async () => {
    const data = documentOf('echo hello');
    const created = await api.client.send(
      new CreateComponentCommand({
        name: 'My Example Component',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data,
        description: 'd',
        changeDescription: 'first',
        supportedOsVersions: ['Debian 12'],
        tags: { a: 'b' },
      }),
    );
    assert.equal(created.componentBuildVersionArn, own('component/my-example-component/1.0.0/1'));
    assert.deepEqual(created.latestVersionReferences, {
      latestVersionArn: own('component/my-example-component/x.x.x'),
      latestMajorVersionArn: own('component/my-example-component/1.x.x'),
      latestMinorVersionArn: own('component/my-example-component/1.0.x'),
      latestPatchVersionArn: own('component/my-example-component/1.0.0'),
    });
    const read = (
      await api.client.send(new GetComponentCommand({ componentBuildVersionArn: created.componentBuildVersionArn }))
    ).component!;
    assert.match(read.dateCreated!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(
      { ...read, dateCreated: '' },
      {
        arn: created.componentBuildVersionArn,
        name: 'My Example Component',
        version: '1.0.0',
        description: 'd',
        changeDescription: 'first',
        type: 'BUILD',
        platform: 'Linux',
        supportedOsVersions: ['Debian 12'],
        state: { status: 'ACTIVE' },
        owner: ACCOUNT,
        data,
        encrypted: true,
        dateCreated: '',
        tags: { a: 'b' },
      },
    );

    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({
        name: 'My Example Image',
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [
          { componentArn: created.componentBuildVersionArn },
          { componentArn: amazon('component/update-linux/x.x.x') },
        ],
        blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { volumeSize: 8, deleteOnTermination: false } }],
      }),
    );
    assert.equal(imageRecipeArn, own('image-recipe/my-example-image/1.0.0'));
    const { imageRecipe } = await api.client.send(new GetImageRecipeCommand({ imageRecipeArn }));
    assert.equal(imageRecipe!.parentImage, DEBIAN);
    // As it was given: with a filled-in default, Terraform would replace the recipe.
    assert.equal(imageRecipe!.workingDirectory, undefined);
    assert.equal(imageRecipe!.platform, 'Linux');
    assert.equal(imageRecipe!.type, 'AMI');
    assert.deepEqual(
      imageRecipe!.components!.map(({ componentArn }) => componentArn),
      [created.componentBuildVersionArn, amazon('component/update-linux/x.x.x')],
    );

    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({
        name: 'My Infra',
        instanceProfileName: 'EC2InstanceProfileForImageBuilder',
      }),
    );
    const { infrastructureConfiguration } = await api.client.send(
      new GetInfrastructureConfigurationCommand({ infrastructureConfigurationArn }),
    );
    assert.equal(infrastructureConfiguration!.terminateInstanceOnFailure, true);
    assert.equal(infrastructureConfiguration!.dateUpdated, undefined);

    const { distributionConfigurationArn } = await api.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'My Dist',
        distributions: [
          {
            region: REGION,
            amiDistributionConfiguration: { name: 'n {{ imagebuilder:buildDate }}', amiTags: { k: 'v' } },
          },
          { region: 'us-west-2', amiDistributionConfiguration: {} },
        ],
      }),
    );
    const { distributionConfiguration } = await api.client.send(
      new GetDistributionConfigurationCommand({ distributionConfigurationArn }),
    );
    assert.deepEqual(
      distributionConfiguration!.distributions!.map(({ region }) => region),
      [REGION, 'us-west-2'],
    );

    const { imagePipelineArn } = await api.client.send(
      new CreateImagePipelineCommand({
        name: 'My Pipeline',
        imageRecipeArn,
        infrastructureConfigurationArn,
        distributionConfigurationArn,
      }),
    );
    assert.equal(imagePipelineArn, own('image-pipeline/my-pipeline'));
    const { imagePipeline } = await api.client.send(new GetImagePipelineCommand({ imagePipelineArn }));
    assert.deepEqual(imagePipeline!.imageTestsConfiguration, { imageTestsEnabled: true, timeoutMinutes: 720 });
    assert.equal(imagePipeline!.status, 'ENABLED');
    assert.equal(imagePipeline!.enhancedImageMetadataEnabled, true);
    assert.equal(imagePipeline!.dateUpdated, imagePipeline!.dateCreated);
    for (const absent of ['dateLastRun', 'dateNextRun', 'schedule', 'imageScanningConfiguration'] as const)
      assert.equal(imagePipeline![absent], undefined, absent);

    const woken = api.woken();
    const { imageBuildVersionArn } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn, tags: { run: '1' } }),
    );
    assert.equal(imageBuildVersionArn, own('image/my-example-image/1.0.0/1'));
    assert.equal(api.woken(), woken + 1);
    const pending = (await api.client.send(new GetImageCommand({ imageBuildVersionArn }))).image!;
    assert.equal(pending.version, '1.0.0/1');
    assert.equal(pending.name, 'My Example Image');
    assert.deepEqual(pending.state, { status: 'PENDING' });
    assert.equal(pending.osVersion, 'Debian 12');
    assert.equal(pending.sourcePipelineArn, imagePipelineArn);
    assert.equal(pending.sourcePipelineName, 'My Pipeline');
    assert.equal(pending.imageRecipe!.arn, imageRecipeArn);
    assert.equal(pending.infrastructureConfiguration!.arn, infrastructureConfigurationArn);
    assert.equal(pending.distributionConfiguration!.arn, distributionConfigurationArn);
    assert.equal(pending.buildType, 'USER_INITIATED');
    assert.deepEqual(pending.tags, { run: '1' });

    await fails(
      api.client.send(new DeleteImageCommand({ imageBuildVersionArn })),
      'ResourceDependencyException',
      /PENDING/,
    );
    await move(imageBuildVersionArn!, 'CREATING', 'BUILDING', 'TESTING', 'DISTRIBUTING', 'INTEGRATING', 'AVAILABLE');
    const listed = await api.client.send(new ListImagePipelineImagesCommand({ imagePipelineArn }));
    assert.deepEqual(
      listed.imageSummaryList!.map(({ arn, state, owner }) => [arn, state!.status, owner]),
      [[imageBuildVersionArn, 'AVAILABLE', ACCOUNT]],
    );
    const ran = (await api.client.send(new GetImagePipelineCommand({ imagePipelineArn }))).imagePipeline!;
    assert.equal(ran.lastRunStatus, 'AVAILABLE');
    assert.equal(ran.dateLastRun, pending.dateCreated);

    await fails(
      api.client.send(new DeleteImageRecipeCommand({ imageRecipeArn })),
      'ResourceDependencyException',
      /has other resources depended on it.*image-pipeline\/my-pipeline/,
    );
    await fails(
      api.client.send(new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn })),
      'ResourceDependencyException',
      /my-pipeline/,
    );
    await fails(
      api.client.send(new DeleteDistributionConfigurationCommand({ distributionConfigurationArn })),
      'ResourceDependencyException',
      /my-pipeline/,
    );
    await fails(
      api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: created.componentBuildVersionArn })),
      'ResourceDependencyException',
      /image-recipe\/my-example-image\/1\.0\.0/,
    );

    await api.client.send(new DeleteImagePipelineCommand({ imagePipelineArn }));
    await api.client.send(new DeleteImageRecipeCommand({ imageRecipeArn }));
    await api.client.send(new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn }));
    await api.client.send(new DeleteDistributionConfigurationCommand({ distributionConfigurationArn }));
    await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: created.componentBuildVersionArn }));
    await api.client.send(new DeleteImageCommand({ imageBuildVersionArn }));
    for (const request of [
      api.client.send(new GetImagePipelineCommand({ imagePipelineArn })),
      api.client.send(new GetImageRecipeCommand({ imageRecipeArn })),
      api.client.send(new GetInfrastructureConfigurationCommand({ infrastructureConfigurationArn })),
      api.client.send(new GetDistributionConfigurationCommand({ distributionConfigurationArn })),
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: created.componentBuildVersionArn })),
      api.client.send(new GetImageCommand({ imageBuildVersionArn })),
    ])
      await fails(request, 'ResourceNotFoundException', /does not exist/);
  });
});

describe('dependents', () => {
  test('keep the build that they resolve to, and no other', async () => {
    const name = unique('needed');
    const [first, second] = [
      (await component(name)).componentBuildVersionArn!,
      (await component(name)).componentBuildVersionArn!,
    ];
    const { imageRecipeArn } = await recipe(unique('needs'), {
      components: [{ componentArn: own(`component/${name}/x.x.x`) }],
    });
    await fails(
      api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: second })),
      'ResourceDependencyException',
      /image-recipe\/needs/,
    );
    await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: first }));
    await api.client.send(new DeleteImageRecipeCommand({ imageRecipeArn }));
    await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: second }));
  });
});

describe('tags', () => {
  test('are merged, removed and listed on every kind of resource', async () => {
    const { imageRecipeArn } = await recipe(unique('tagged'));
    const infrastructureConfigurationArn = await infrastructure();
    const { imagePipelineArn } = await api.client.send(
      new CreateImagePipelineCommand({ name: unique('tagged'), imageRecipeArn, infrastructureConfigurationArn }),
    );
    for (const resourceArn of [
      (await component(unique('tagged'))).componentBuildVersionArn!,
      imageRecipeArn!,
      infrastructureConfigurationArn,
      await distribution(),
      imagePipelineArn!,
      await image(imageRecipeArn),
    ]) {
      const tags = async () => (await api.client.send(new ListTagsForResourceCommand({ resourceArn }))).tags;
      assert.deepEqual(await tags(), {});
      await api.client.send(new TagResourceCommand({ resourceArn, tags: { a: '1', b: '2' } }));
      await api.client.send(new TagResourceCommand({ resourceArn, tags: { b: '3', 'with space/and:more': 'ü' } }));
      await api.client.send(new UntagResourceCommand({ resourceArn, tagKeys: ['a', 'absent'] }));
      assert.deepEqual(await tags(), { b: '3', 'with space/and:more': 'ü' });
    }
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 'v']));
    await fails(
      api.client.send(new TagResourceCommand({ resourceArn: imageRecipeArn, tags: many })),
      'InvalidParameterException',
      /50/,
    );
    await fails(
      api.client.send(new ListTagsForResourceCommand({ resourceArn: own('image-recipe/none/1.0.0') })),
      'ResourceNotFoundException',
    );
  });
});

describe('accounts and Regions', () => {
  test('see nothing of one another', async () => {
    const { componentBuildVersionArn } = await component(unique('private'));
    for (const [client, refusal] of [
      [api.clientOf('other', REGION), 'AccessDeniedException'],
      [api.clientOf('same', 'us-east-1'), 'ResourceNotFoundException'],
    ] as const) {
      await fails(client.send(new GetComponentCommand({ componentBuildVersionArn })), refusal);
      await fails(client.send(new DeleteComponentCommand({ componentBuildVersionArn })), refusal);
      await fails(
        client.send(new TagResourceCommand({ resourceArn: componentBuildVersionArn, tags: { a: 'b' } })),
        refusal,
      );
      assert.deepEqual((await client.send(new ListComponentsCommand({}))).componentVersionList, []);
    }
  });
});

describe('what is not supported yet', () => {
  test('is refused when it is asked for, not in the build', async () => {
    const { imageRecipeArn } = await recipe(unique('encrypted'), {
      blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: true, kmsKeyId: 'alias/nobody' } }],
    });
    const infrastructureConfigurationArn = await infrastructure();
    await fails(
      api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn })),
      'InvalidRequestException',
      /blockDeviceMappings\[0\]\.ebs\.kmsKeyId: the key 'alias\/nobody' does not exist/,
    );
    await fails(
      recipe(unique('r'), { additionalInstanceConfiguration: { userDataOverride: '#!/bin/sh' } }),
      'InvalidParameterValueException',
      /userDataOverride/,
    );
  });
});
