import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CancelImageCreationCommand,
  CreateComponentCommand,
  CreateContainerRecipeCommand,
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
  GetWorkflowExecutionCommand,
  GetWorkflowStepExecutionCommand,
  ListComponentBuildVersionsCommand,
  ListComponentsCommand,
  ListDistributionConfigurationsCommand,
  ListImageBuildVersionsCommand,
  ListImagePackagesCommand,
  ListImagePipelineImagesCommand,
  ListImagePipelinesCommand,
  ListImageRecipesCommand,
  ListImagesCommand,
  ListInfrastructureConfigurationsCommand,
  ListTagsForResourceCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowStepExecutionsCommand,
  StartImagePipelineExecutionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDistributionConfigurationCommand,
  UpdateImagePipelineCommand,
  UpdateInfrastructureConfigurationCommand,
  type CreateComponentCommandInput,
  type CreateImageRecipeCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { insertAmi } from '../../src/catalog/amis.ts';
import { insertStepExecution, insertWorkflowExecution, saveImagePackages } from '../../src/catalog/executions.ts';
import { IllegalMoveError, transitionImage } from '../../src/catalog/images.ts';
import { storeOf } from '../../src/distribution/stores.ts';
import type { ImageStatus } from '../../src/resources/statuses.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
const amazon = (tail: string): string => `arn:aws:imagebuilder:${REGION}:aws:${tail}`;
let serial = 0;
const unique = (name: string): string => `${name}-${++serial}`;

function component(name: string, more: Partial<CreateComponentCommandInput> = {}) {
  return api.client.send(
    new CreateComponentCommand({
      name,
      semanticVersion: '1.0.0',
      platform: 'Linux',
      data: documentOf(`echo ${++serial}`),
      ...more,
    }),
  );
}
function recipe(name: string, more: Partial<CreateImageRecipeCommandInput> = {}) {
  return api.client.send(
    new CreateImageRecipeCommand({
      name,
      semanticVersion: '1.0.0',
      parentImage: DEBIAN,
      components: [{ componentArn: amazon('component/hello-world-linux/x.x.x') }],
      ...more,
    }),
  );
}
async function infrastructure(name = unique('infra')): Promise<string> {
  return (await api.client.send(new CreateInfrastructureConfigurationCommand({ name, instanceProfileName: 'profile' })))
    .infrastructureConfigurationArn!;
}
async function distribution(name = unique('dist')): Promise<string> {
  const distributions = [{ region: REGION, amiDistributionConfiguration: { name: 'x-{{ imagebuilder:buildDate }}' } }];
  return (await api.client.send(new CreateDistributionConfigurationCommand({ name, distributions })))
    .distributionConfigurationArn!;
}
async function image(recipeArn?: string): Promise<string> {
  const imageRecipeArn = recipeArn ?? (await recipe(unique('image-of'))).imageRecipeArn!;
  return (
    await api.client.send(
      new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn: await infrastructure() }),
    )
  ).imageBuildVersionArn!;
}
async function move(arn: string, ...statuses: ImageStatus[]): Promise<void> {
  for (const to of statuses) await api.catalog.transaction((trx) => transitionImage(trx, arn, to));
}
const fails = (request: Promise<unknown>, name: string, message: RegExp = /./) =>
  assert.rejects(request, (error: Error) => {
    assert.equal(error.name, name, error.message);
    assert.match(error.message, message);
    return true;
  });

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
    // As it was given: a default that is told would make Terraform replace the recipe.
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
      assert.equal(basename(storeOf('/data', region).directory), region);
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

describe('components', () => {
  test('of the same version get the next build, unless nothing changed', async () => {
    const name = unique('builds');
    const data = documentOf('echo same');
    await component(name, { data });
    await fails(
      component(name, { data }),
      'ResourceAlreadyExistsException',
      new RegExp(`component/${name}/1\\.0\\.0/1`),
    );
    assert.equal((await component(name)).componentBuildVersionArn, own(`component/${name}/1.0.0/2`));
    // Names that differ in case and separators are one name.
    assert.equal(
      (await component(name.toUpperCase().replaceAll('-', '_'), { data })).componentBuildVersionArn,
      own(`component/${name}/1.0.0/3`),
    );
    const { componentSummaryList } = await api.client.send(
      new ListComponentBuildVersionsCommand({ componentVersionArn: own(`component/${name}/1.0.0`) }),
    );
    assert.deepEqual(
      componentSummaryList!.map(({ arn }) => arn),
      [1, 2, 3].map((build) => own(`component/${name}/1.0.0/${build}`)),
    );
  });

  test('are found by version and by wildcard, as numbers', async () => {
    const name = unique('wild');
    for (const semanticVersion of ['1.9.0', '1.10.0', '1.10.1', '2.0.0']) await component(name, { semanticVersion });
    await component(name, { semanticVersion: '1.10.1' });
    for (const [version, expected] of [
      ['x.x.x', '2.0.0/1'],
      ['1.x.x', '1.10.1/2'],
      ['1.9.x', '1.9.0/1'],
      ['1.10.1', '1.10.1/2'],
      ['1.10.1/1', '1.10.1/1'],
    ]) {
      const { component: found } = await api.client.send(
        new GetComponentCommand({ componentBuildVersionArn: own(`component/${name}/${version}`) }),
      );
      assert.equal(found!.arn, own(`component/${name}/${expected}`));
    }
    for (const version of ['3.x.x', '1.8.x', '1.10.1/3']) {
      await fails(
        api.client.send(new GetComponentCommand({ componentBuildVersionArn: own(`component/${name}/${version}`) })),
        'ResourceNotFoundException',
      );
    }
  });

  test('of Amazon are there', async () => {
    const { component: found } = await api.client.send(
      new GetComponentCommand({ componentBuildVersionArn: amazon('component/update-linux/x.x.x') }),
    );
    assert.match(found!.arn!, /:aws:component\/update-linux\/\d+\.\d+\.\d+\/1$/);
    assert.equal(found!.owner, 'Amazon');
    assert.match(found!.data!, /UpdateOS/);
    const { componentVersionList } = await api.client.send(
      new ListComponentsCommand({ owner: 'Amazon', filters: [{ name: 'type', values: ['TEST'] }] }),
    );
    assert.deepEqual(
      componentVersionList!.map(({ name }) => name),
      ['simple-boot-test-linux'],
    );
    const { componentSummaryList } = await api.client.send(
      new ListComponentBuildVersionsCommand({ componentVersionArn: found!.arn!.replace(/\/1$/, '') }),
    );
    assert.deepEqual(
      componentSummaryList!.map(({ arn }) => arn),
      [found!.arn],
    );
    await fails(
      api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: found!.arn })),
      'ForbiddenException',
    );
  });

  test('with faults are refused with all of them and their places', async () => {
    const data =
      'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: A\n        action: Nonsense\n       ' +
      ' inputs: {}\n      - name: A\n        action: ExecuteBash\n        maxAttempts: x\n        inputs:\n        ' +
      '  commands:\n            - "true"\n';
    await fails(
      component(unique('bad'), { data }),
      'InvalidParameterValueException',
      /'data' is not valid[\s\S]*^6:17: error unknown-action: [\s\S]*^10:22: error wrong-type: /m,
    );
  });

  test('take exactly one of data and uri, and no wildcard version', async () => {
    await fails(component(unique('both'), { uri: 's3://b/k.yaml' }), 'InvalidParameterCombinationException');
    await fails(
      api.client.send(
        new CreateComponentCommand({ name: unique('none'), semanticVersion: '1.0.0', platform: 'Linux' }),
      ),
      'InvalidParameterCombinationException',
    );
    await fails(
      api.client.send(
        new CreateComponentCommand({
          name: unique('uri'),
          semanticVersion: '1.0.0',
          platform: 'Linux',
          uri: 's3://bucket/k.yaml',
        }),
      ),
      'InvalidParameterValueException',
      /has no credentials to read s3:\/\/bucket\/k\.yaml/,
    );
    for (const semanticVersion of ['1.0.x', '1.0', '1073741824.0.0'])
      await fails(component(unique('version'), { semanticVersion }), 'InvalidVersionNumberException');
  });

  test('are not made by a dry run', async () => {
    const name = unique('dry');
    await fails(
      component(name, { dryRun: true }),
      'DryRunOperationException',
      /^Request would have succeeded, but dryRun flag is set\.$/,
    );
    await fails(
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: own(`component/${name}/1.0.0`) })),
      'ResourceNotFoundException',
    );
  });

  test('are listed by version, by name, by page', async () => {
    const lister = await startApi();
    try {
      for (let index = 0; index < 30; index++) {
        await lister.client.send(
          new CreateComponentCommand({
            name: `c${String(index % 6).padStart(2, '0')}x`,
            semanticVersion: `1.${Math.floor(index / 6)}.0`,
            platform: 'Linux',
            data: documentOf(`echo ${index}`),
          }),
        );
      }
      const seen: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await lister.client.send(
          new ListComponentsCommand({ maxResults: 7, ...(nextToken === undefined ? {} : { nextToken }) }),
        );
        seen.push(...page.componentVersionList!.map(({ arn }) => arn!));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      assert.equal(seen.length, 30);
      assert.equal(new Set(seen).size, 30);
      assert.equal((await lister.client.send(new ListComponentsCommand({}))).componentVersionList!.length, 25);
      const byName = await lister.client.send(new ListComponentsCommand({ byName: true }));
      assert.deepEqual(
        byName.componentVersionList!.map(({ arn }) => arn),
        [0, 1, 2, 3, 4, 5].map((index) => own(`component/c0${index}x/x.x.x`)),
      );
      const none = await lister.client.send(
        new ListComponentsCommand({
          filters: [
            { name: 'name', values: ['c00x'] },
            { name: 'name', values: ['c01x'] },
          ],
        }),
      );
      assert.deepEqual(none.componentVersionList, []);
      const filtered = await lister.client.send(
        new ListComponentsCommand({
          filters: [
            { name: 'name', values: ['c00x', 'c01x'] },
            { name: 'platform', values: ['Linux'] },
          ],
        }),
      );
      assert.equal(filtered.componentVersionList!.length, 10);
      await fails(
        lister.client.send(new ListComponentsCommand({ filters: [{ name: 'colour', values: ['red'] }] })),
        'InvalidParameterValueException',
        /colour/,
      );
      await fails(
        lister.client.send(new ListComponentsCommand({ nextToken: 'nonsense' })),
        'InvalidPaginationTokenException',
      );
    } finally {
      await lister.close();
    }
  });
});

describe('client tokens', () => {
  test('replay the first answer, and refuse another request', async () => {
    const name = unique('token');
    const input = {
      name,
      semanticVersion: '1.0.0',
      platform: 'Linux' as const,
      data: documentOf('echo token'),
      clientToken: 'token-1',
    };
    const first = await api.client.send(new CreateComponentCommand(input));
    const again = await api.client.send(new CreateComponentCommand(input));
    assert.equal(again.componentBuildVersionArn, first.componentBuildVersionArn);
    assert.equal(again.clientToken, 'token-1');
    await fails(
      api.client.send(new CreateComponentCommand({ ...input, description: 'other' })),
      'IdempotentParameterMismatchException',
    );
    assert.equal(
      (
        await api.client.send(
          new ListComponentBuildVersionsCommand({ componentVersionArn: own(`component/${name}/1.0.0`) }),
        )
      ).componentSummaryList!.length,
      1,
    );
  });

  test('are remembered across a restart', async () => {
    const name = unique('remembered');
    const input = {
      name,
      semanticVersion: '1.0.0',
      platform: 'Linux' as const,
      data: documentOf('echo token'),
      clientToken: 'token-restart',
    };
    const first = await api.client.send(new CreateComponentCommand(input));
    await api.restart();
    const again = await api.client.send(new CreateComponentCommand(input));
    assert.deepEqual(
      [again.componentBuildVersionArn, again.latestVersionReferences],
      [first.componentBuildVersionArn, first.latestVersionReferences],
    );
    await fails(
      api.client.send(new CreateComponentCommand({ ...input, name: 'other' })),
      'IdempotentParameterMismatchException',
    );
  });

  test('start one image only', async () => {
    const { imageRecipeArn } = await recipe(unique('once'));
    const input = { imageRecipeArn, infrastructureConfigurationArn: await infrastructure(), clientToken: 'image-once' };
    const arns = await Promise.all(
      [1, 2, 3].map(async () => (await api.client.send(new CreateImageCommand(input))).imageBuildVersionArn),
    );
    assert.equal(new Set(arns).size, 1);
  });
});

describe('image recipes', () => {
  test('count their versions up', async () => {
    const name = unique('count');
    for (const [semanticVersion, expected] of [
      ['1.0.x', '1.0.0'],
      ['1.0.x', '1.0.1'],
      ['1.x.0', '1.1.0'],
      ['1.x.x', '1.2.0'],
      ['x.x.x', '2.0.0'],
      ['1.0.x', '1.0.2'],
    ] as const) {
      assert.equal((await recipe(name, { semanticVersion })).imageRecipeArn, own(`image-recipe/${name}/${expected}`));
    }
    await fails(
      recipe(name, { semanticVersion: '1.0.2' }),
      'ResourceAlreadyExistsException',
      new RegExp(`^The following resource 'ImageRecipe' already exists: '${own(`image-recipe/${name}/1.0.2`)}'\\.$`),
    );
    for (const semanticVersion of ['1.x.8', 'x.1.x'])
      await fails(recipe(name, { semanticVersion }), 'InvalidVersionNumberException');
    assert.equal(
      (await api.client.send(new GetImageRecipeCommand({ imageRecipeArn: own(`image-recipe/${name}/1.0.x`) })))
        .imageRecipe!.version,
      '1.0.2',
    );
    const { imageRecipeSummaryList } = await api.client.send(
      new ListImageRecipesCommand({ filters: [{ name: 'name', values: [name] }] }),
    );
    assert.deepEqual(
      imageRecipeSummaryList!.map(({ arn }) => arn!.split('/').at(-1)),
      ['1.0.0', '1.0.1', '1.0.2', '1.1.0', '1.2.0', '2.0.0'],
    );
  });

  test('refuse a parent image that is not there, and say what is', async () => {
    for (const parentImage of [
      'ami-0123456789abcdef0',
      amazon('image/debian-99-x86/x.x.x'),
      own('image/nothing/x.x.x'),
      'nonsense',
      'arn:aws:ec2:eu-west-1::image/ami-1',
      DEBIAN.replace(REGION, 'us-east-1'),
    ]) {
      await fails(
        recipe(unique('orphan'), { parentImage }),
        'InvalidParameterValueException',
        /'parentImage' is not valid.*aws:image\/debian-12-x86\/x\.x\.x/,
      );
    }
    await fails(
      recipe(unique('ssm'), { parentImage: 'ssm:/a/b' }),
      'InvalidParameterValueException',
      /parameter '\/a\/b' has no value here/,
    );
  });

  test("take an AMI and an image of one's own as parents", async () => {
    const ami: Parameters<typeof insertAmi>[1] = {
      id: 'ami-0aaaaaaaaaaaaaaaa',
      region: REGION,
      account: ACCOUNT,
      name: 'n',
      description: null,
      image_arn: own('image/x/1.0.0/1'),
      layer_id: null,
      file: 'f',
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: 'Debian 12',
      architecture: 'x86_64',
      created: '2026-01-01T00:00:00.000Z',
    };
    await insertAmi(api.catalog.db, ami);
    await recipe(unique('of-ami'), { parentImage: 'ami-0aaaaaaaaaaaaaaaa' });
    await fails(
      api.clientOf('other', REGION).send(
        new CreateImageRecipeCommand({
          name: unique('thief'),
          semanticVersion: '1.0.0',
          parentImage: 'ami-0aaaaaaaaaaaaaaaa',
        }),
      ),
      'InvalidParameterValueException',
    );

    const parent = await image();
    const anyBuild = parent.replace(/\/[^/]+\/\d+$/, '/x.x.x');
    await fails(recipe(unique('too-early'), { parentImage: anyBuild }), 'InvalidParameterValueException');
    await fails(recipe(unique('too-early'), { parentImage: parent }), 'InvalidParameterValueException', /PENDING/);
    await move(parent, 'CREATING', 'BUILDING', 'AVAILABLE');
    const { imageRecipeArn } = await recipe(unique('child'), { parentImage: anyBuild });
    await insertAmi(api.catalog.db, { ...ami, id: 'ami-0bbbbbbbbbbbbbbbb', image_arn: parent, state: 'deregistered' });
    await fails(
      recipe(unique('too-late'), { parentImage: anyBuild }),
      'InvalidParameterValueException',
      /was deregistered/,
    );
    await fails(
      api.client.send(new DeleteImageCommand({ imageBuildVersionArn: parent })),
      'ResourceDependencyException',
      /image-recipe\/child/,
    );
    await api.client.send(new DeleteImageRecipeCommand({ imageRecipeArn }));
    await api.client.send(new DeleteImageCommand({ imageBuildVersionArn: parent }));
  });

  test('check their components', async () => {
    const name = unique('greeter');
    await component(name, {
      data: documentOf('echo {{ Greeting }}', 'parameters:\n  - Greeting:\n      type: string\n'),
    });
    const componentArn = own(`component/${name}/1.x.x`);
    await fails(recipe(unique('r'), { components: [{ componentArn }] }), 'InvalidParameterValueException', /Greeting/);
    await recipe(unique('r'), { components: [{ componentArn, parameters: [{ name: 'Greeting', value: ['hello'] }] }] });
    await fails(
      recipe(unique('r'), {
        components: [1, 2].map(() => ({ componentArn, parameters: [{ name: 'Greeting', value: ['hello'] }] })),
      }),
      'InvalidParameterValueException',
      /once/,
    );
    await fails(
      recipe(unique('r'), {
        components: [{ componentArn: own('component/missing/1.0.0') }, { componentArn: own('component/absent/1.0.0') }],
      }),
      'InvalidParameterValueException',
      /missing[\s\S]*absent/,
    );
    await fails(
      recipe(unique('r'), { parentImage: amazon('image/windows-11/x.x.x') }),
      'InvalidParameterValueException',
      /for Linux, but the parent image is Windows/,
    );
    const many = [];
    for (let index = 0; index < 21; index++)
      many.push({ componentArn: (await component(unique('many'))).componentBuildVersionArn! });
    await fails(recipe(unique('r'), { components: many }), 'ServiceQuotaExceededException');
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

describe('images', () => {
  test('are numbered, and no number comes twice', async () => {
    const { imageRecipeArn } = await recipe(unique('numbered'));
    const [first, second] = [await image(imageRecipeArn), await image(imageRecipeArn)];
    assert.match(second, /\/1\.0\.0\/2$/);
    await move(second, 'FAILED');
    await api.client.send(new DeleteImageCommand({ imageBuildVersionArn: second }));
    assert.match(await image(imageRecipeArn), /\/1\.0\.0\/3$/);
    const { imageSummaryList } = await api.client.send(
      new ListImageBuildVersionsCommand({ imageVersionArn: first.replace(/\/1$/, '') }),
    );
    assert.deepEqual(
      imageSummaryList!.map(({ version }) => version),
      ['1.0.0/3', '1.0.0/1'],
    );
    const { imageVersionList } = await api.client.send(
      new ListImagesCommand({ filters: [{ name: 'name', values: [first.split('/')[1]!] }] }),
    );
    assert.deepEqual(
      imageVersionList!.map(({ arn, version }) => [arn, version]),
      [[first.replace(/\/1$/, ''), '1.0.0']],
    );
  });

  test('started at once get different numbers', async () => {
    const { imageRecipeArn } = await recipe(unique('race'));
    const infrastructureConfigurationArn = await infrastructure();
    const arns = await Promise.all(
      Array.from(
        { length: 8 },
        async () =>
          (await api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn })))
            .imageBuildVersionArn!,
      ),
    );
    assert.deepEqual(arns.map((arn) => Number(arn.split('/').at(-1))).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('are read by wildcard: the latest available build, else the latest', async () => {
    const { imageRecipeArn } = await recipe(unique('read'));
    const first = await image(imageRecipeArn);
    const wildcard = first.replace('/1.0.0/1', '/x.x.x');
    const get = async () =>
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: wildcard }))).image!.version;
    assert.equal(await get(), '1.0.0/1');
    await move(first, 'CREATING', 'AVAILABLE');
    await image(imageRecipeArn);
    assert.equal(await get(), '1.0.0/1');
  });

  test('of Amazon are there', async () => {
    const { image: found } = await api.client.send(new GetImageCommand({ imageBuildVersionArn: DEBIAN }));
    assert.equal(found!.osVersion, 'Debian 12');
    assert.equal(found!.imageSource, 'AMAZON_MANAGED');
    const { imageVersionList } = await api.client.send(new ListImagesCommand({ owner: 'Amazon' }));
    assert.deepEqual(
      imageVersionList!.map(({ name }) => name),
      ['debian-12-x86', 'windows-11'],
    );
    await fails(
      api.client.send(new GetImageCommand({ imageBuildVersionArn: amazon('image/none/x.x.x') })),
      'ResourceNotFoundException',
    );
  });

  test('that nobody works on are cancelled at once, others asked to be', async () => {
    const waiting = await image();
    await api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: waiting }));
    assert.equal(
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: waiting }))).image!.state!.status,
      'CANCELLED',
    );
    await fails(
      api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: waiting })),
      'InvalidRequestException',
      /CANCELLED/,
    );

    const building = await image();
    await move(building, 'CREATING', 'BUILDING');
    await api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: building }));
    assert.equal(
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: building }))).image!.state!.status,
      'BUILDING',
    );
    const row = await api.catalog.db
      .selectFrom('images')
      .select('cancel_requested')
      .where('arn', '=', building)
      .executeTakeFirstOrThrow();
    assert.equal(row.cancel_requested, 1);
    await fails(
      api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: own('image/none/1.0.0/1') })),
      'ResourceNotFoundException',
    );
  });

  test('write an event with every change, and move only as they may', async () => {
    const arn = await image();
    await move(arn, 'CREATING', 'BUILDING');
    await api.catalog.transaction((trx) =>
      transitionImage(trx, arn, 'FAILED', { reason: 'because', patch: { osVersion: 'Debian 12.1' } }),
    );
    await assert.rejects(move(arn, 'AVAILABLE'), IllegalMoveError);
    const events = await api.catalog.db
      .selectFrom('outbox')
      .selectAll()
      .where('resource', '=', arn)
      .orderBy('seq')
      .execute();
    assert.deepEqual(
      events.map(({ previous_status, status }) => [previous_status, status]),
      [
        [null, 'PENDING'],
        ['PENDING', 'CREATING'],
        ['CREATING', 'BUILDING'],
        ['BUILDING', 'FAILED'],
      ],
    );
    assert.deepEqual(JSON.parse(events.at(-1)!.payload), {
      'previous-state': { status: 'BUILDING' },
      state: { status: 'FAILED', reason: 'because' },
    });
    const failed = (await api.client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
    assert.deepEqual(failed.state, { status: 'FAILED', reason: 'because' });
    assert.equal(failed.osVersion, 'Debian 12.1');
  });

  test('show their workflow executions, steps and packages', async () => {
    const arn = await image();
    const [wf, step] = ['wf-12345678-1234-1234-1234-123456789012', 'step-12345678-1234-1234-1234-123456789012'];
    await insertWorkflowExecution(api.catalog.db, {
      id: wf,
      image_arn: arn,
      workflow_arn: amazon('workflow/build/build-image/1.0.0/1'),
      type: 'BUILD',
      status: 'COMPLETED',
      message: null,
      parallel_group: null,
      position: 0,
      total_steps: 2,
      start_time: '2026-01-01T00:00:00.000Z',
      end_time: null,
    });
    for (const [position, status] of ['COMPLETED', 'SKIPPED'].entries()) {
      await insertStepExecution(api.catalog.db, {
        id: position === 0 ? step : step.replace('step-1', 'step-2'),
        workflow_execution_id: wf,
        image_arn: arn,
        position,
        name: `Step${position}`,
        action: 'LaunchInstance',
        description: null,
        status,
        rollback_status: null,
        message: null,
        inputs: '{}',
        outputs: null,
        on_failure: 'Abort',
        timeout_seconds: 60,
        start_time: null,
        end_time: null,
      });
    }
    await saveImagePackages(
      api.catalog.db,
      arn,
      Array.from({ length: 30 }, (_, index) => ({ name: `p${String(index).padStart(2, '0')}`, version: '1' })),
    );

    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: arn }),
    );
    assert.deepEqual(
      workflowExecutions!.map(({ workflowExecutionId, totalStepCount, totalStepsSucceeded, totalStepsSkipped }) => [
        workflowExecutionId,
        totalStepCount,
        totalStepsSucceeded,
        totalStepsSkipped,
      ]),
      [[wf, 2, 1, 1]],
    );
    assert.equal(
      (await api.client.send(new GetWorkflowExecutionCommand({ workflowExecutionId: wf }))).imageBuildVersionArn,
      arn,
    );
    const { steps } = await api.client.send(new ListWorkflowStepExecutionsCommand({ workflowExecutionId: wf }));
    assert.deepEqual(
      steps!.map(({ name, status }) => [name, status]),
      [
        ['Step0', 'COMPLETED'],
        ['Step1', 'SKIPPED'],
      ],
    );
    const read = await api.client.send(new GetWorkflowStepExecutionCommand({ stepExecutionId: step }));
    assert.equal(read.onFailure, 'Abort');
    assert.equal(read.timeoutSeconds, 60);
    const packages = await api.client.send(new ListImagePackagesCommand({ imageBuildVersionArn: arn }));
    assert.equal(packages.imagePackageList!.length, 25);
    const rest = await api.client.send(
      new ListImagePackagesCommand({ imageBuildVersionArn: arn, nextToken: packages.nextToken }),
    );
    assert.deepEqual(
      rest.imagePackageList!.map(({ packageName }) => packageName),
      ['p25', 'p26', 'p27', 'p28', 'p29'],
    );
    await fails(
      api.clientOf('other', REGION).send(new GetWorkflowExecutionCommand({ workflowExecutionId: wf })),
      'ResourceNotFoundException',
    );
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
      blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: true } }],
    });
    const infrastructureConfigurationArn = await infrastructure();
    await fails(
      api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn })),
      'InvalidRequestException',
      /encrypted/,
    );
    const { containerRecipeArn } = await api.client.send(
      new CreateContainerRecipeCommand({
        name: 'container',
        semanticVersion: '1.0.0',
        containerType: 'DOCKER',
        parentImage: 'debian:12',
        dockerfileTemplateData: 'FROM {{{ imagebuilder:parentImage }}}',
        targetRepository: { service: 'ECR', repositoryName: 'c' },
      }),
    );
    await fails(
      api.client.send(new CreateImageCommand({ containerRecipeArn, infrastructureConfigurationArn })),
      'InvalidParameterValueException',
      /not supported/,
    );
    await fails(
      recipe(unique('r'), { additionalInstanceConfiguration: { userDataOverride: '#!/bin/sh' } }),
      'InvalidParameterValueException',
      /userDataOverride/,
    );
  });
});
