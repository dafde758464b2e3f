import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateContainerRecipeCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteContainerRecipeCommand,
  GetContainerRecipeCommand,
  GetImageCommand,
  GetContainerRecipePolicyCommand,
  ListContainerRecipesCommand,
  PutContainerRecipePolicyCommand,
  StartImagePipelineExecutionCommand,
  type CreateContainerRecipeCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { namedImages } from '../../src/images/names/names.ts';
import { ensureRepository } from '../harness/repositories.ts';
import { ACCOUNT, DEBIAN, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi({}, namedImages);
  await ensureRepository(api.connectionOf('same'), 'web');
});
after(() => api.close());

const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
const TEMPLATE =
  'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n';
const HELLO = `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x`;

function create(name: string, more: Partial<CreateContainerRecipeCommandInput> = {}) {
  return api.client.send(
    new CreateContainerRecipeCommand({
      name,
      semanticVersion: '1.0.0',
      containerType: 'DOCKER',
      parentImage: 'debian:12',
      dockerfileTemplateData: TEMPLATE,
      targetRepository: { service: 'ECR', repositoryName: 'web' },
      components: [{ componentArn: HELLO }],
      ...more,
    }),
  );
}

describe('container recipes', () => {
  test('are created, read, counted up, listed and deleted', async () => {
    const created = await create('My Container', {
      description: 'd',
      instanceConfiguration: { image: DEBIAN },
      kmsKeyId: 'k',
      tags: { a: 'b' },
    });
    assert.equal(created.containerRecipeArn, own('container-recipe/my-container/1.0.0'));
    assert.equal(created.latestVersionReferences!.latestVersionArn, own('container-recipe/my-container/x.x.x'));
    const { containerRecipe } = await api.client.send(
      new GetContainerRecipeCommand({ containerRecipeArn: own('container-recipe/my-container/1.x.x') }),
    );
    assert.deepEqual(
      { ...containerRecipe, dateCreated: '' },
      {
        arn: created.containerRecipeArn,
        containerType: 'DOCKER',
        name: 'My Container',
        description: 'd',
        platform: 'Linux',
        owner: ACCOUNT,
        version: '1.0.0',
        components: [{ componentArn: HELLO }],
        instanceConfiguration: { image: DEBIAN },
        dockerfileTemplateData: TEMPLATE,
        kmsKeyId: 'k',
        encrypted: true,
        parentImage: 'debian:12',
        dateCreated: '',
        tags: { a: 'b' },
        targetRepository: { service: 'ECR', repositoryName: 'web' },
      },
    );
    await assert.rejects(create('my_container'), {
      name: 'ResourceAlreadyExistsException',
      message: `The following resource 'ContainerRecipe' already exists: '${created.containerRecipeArn}'.`,
    });
    assert.equal(
      (await create('my-container', { semanticVersion: '1.0.x' })).containerRecipeArn,
      own('container-recipe/my-container/1.0.1'),
    );
    await create('windows', {
      parentImage: 'mcr.microsoft.com/windows/nanoserver:ltsc2022',
      platformOverride: 'Windows',
      components: undefined,
    });
    const listed = await api.client.send(
      new ListContainerRecipesCommand({
        filters: [
          { name: 'platform', values: ['Windows'] },
          { name: 'containerType', values: ['DOCKER'] },
        ],
      }),
    );
    assert.deepEqual(
      listed.containerRecipeSummaryList!.map(({ arn }) => arn),
      [own('container-recipe/windows/1.0.0')],
    );
    const policy = JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' } });
    await api.client.send(
      new PutContainerRecipePolicyCommand({ containerRecipeArn: created.containerRecipeArn, policy }),
    );
    assert.equal(
      (await api.client.send(new GetContainerRecipePolicyCommand({ containerRecipeArn: created.containerRecipeArn })))
        .policy,
      policy,
    );
    await api.client.send(new DeleteContainerRecipeCommand({ containerRecipeArn: created.containerRecipeArn }));
    await assert.rejects(
      api.client.send(new GetContainerRecipeCommand({ containerRecipeArn: created.containerRecipeArn })),
      { name: 'ResourceNotFoundException' },
    );
  });

  const FAULTS: readonly (readonly [
    more: Partial<CreateContainerRecipeCommandInput>,
    name: string,
    message: RegExp,
  ])[] = [
    [
      { dockerfileTemplateData: 'FROM debian' },
      'InvalidParameterValueException',
      /'dockerfileTemplateData'.*parentImage/,
    ],
    [{ dockerfileTemplateData: undefined }, 'InvalidParameterCombinationException', /exactly one/],
    [
      { dockerfileTemplateData: undefined, dockerfileTemplateUri: 's3://bucket/k' },
      'InvalidParameterValueException',
      /has no credentials to read/,
    ],
    [{ parentImage: 'ami-0123456789abcdef0' }, 'InvalidParameterValueException', /'parentImage'/],
    [{ parentImage: DEBIAN }, 'InvalidParameterValueException', /The container image .* does not exist/],
    [{ parentImage: DEBIAN, platformOverride: 'Linux' }, 'InvalidParameterCombinationException', /platformOverride/],
    [{ platformOverride: 'macOS' }, 'InvalidParameterValueException', /Linux or Windows/],
    [{ platformOverride: 'Windows' }, 'InvalidParameterValueException', /for Linux, but the parent image is Windows/],
    [
      { instanceConfiguration: { image: 'a-disk' } },
      'InvalidParameterValueException',
      /'instanceConfiguration\.image' is not valid.*is neither an AMI id/,
    ],
    [
      { components: [{ componentArn: own('component/absent/1.0.0') }] },
      'InvalidParameterValueException',
      /does not exist/,
    ],
    [{ semanticVersion: '1.x.1' }, 'InvalidVersionNumberException', /x in place/],
    [
      { targetRepository: { service: 'GHCR' as 'ECR', repositoryName: 'web' } },
      'InvalidParameterValueException',
      /targetRepository\.service/,
    ],
  ];
  for (const [more, name, message] of FAULTS)
    test(`are refused with ${JSON.stringify(more)}`, () => assert.rejects(create('faulty', more), { name, message }));

  for (const name of ['amazon-linux-x86-2', 'ubuntu-24-x86-24-04', 'debian-12', 'debian-12-slim'])
    test(`a managed name is accepted as the parent and returned as given: ${name}`, async () => {
      const parentImage = `arn:aws:imagebuilder:${REGION}:aws:image/${name}/x.x.x`;
      const { containerRecipeArn } = await create(`managed-${name}`, { parentImage });
      const { containerRecipe } = await api.client.send(new GetContainerRecipeCommand({ containerRecipeArn }));
      assert.equal(containerRecipe!.parentImage, parentImage);
      assert.equal(containerRecipe!.platform, 'Linux');
    });

  for (const image of ['ami-0123456789abcdef0', 'ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended'])
    test(`the image of an instance on AWS is accepted: ${image}`, async () => {
      const { containerRecipeArn } = await create(`host-${image.slice(0, 3)}`, { instanceConfiguration: { image } });
      const { containerRecipe } = await api.client.send(new GetContainerRecipeCommand({ containerRecipeArn }));
      assert.equal(containerRecipe?.instanceConfiguration?.image, image);
    });

  test('faults of a template are told with their line and column', async () => {
    await assert.rejects(create('faulty', { dockerfileTemplateData: TEMPLATE.replace(/\n/, '\n  RUNN true\n') }), {
      name: 'InvalidParameterValueException',
      message: /dockerfileTemplateData.*Line 2, column 3: 'RUNN' is not a Dockerfile instruction/s,
    });
  });

  test('an image is made from a recipe with a managed name', async () => {
    const { containerRecipeArn } = await create('orphan', {
      parentImage: `arn:aws:imagebuilder:${REGION}:aws:image/amazon-linux-x86-2/x.x.x`,
    });
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'orphan', instanceProfileName: 'p' }),
    );
    const { imageBuildVersionArn } = await api.client.send(
      new CreateImageCommand({ containerRecipeArn, infrastructureConfigurationArn }),
    );
    const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn }));
    assert.equal(image!.type, 'DOCKER');
  });

  test('can be named by a pipeline, which holds them and builds a container image', async () => {
    const containerRecipeArn = (await create('piped')).containerRecipeArn!;
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'piped', instanceProfileName: 'p' }),
    );
    const { imagePipelineArn } = await api.client.send(
      new CreateImagePipelineCommand({ name: 'piped', containerRecipeArn, infrastructureConfigurationArn }),
    );
    await assert.rejects(api.client.send(new DeleteContainerRecipeCommand({ containerRecipeArn })), {
      name: 'ResourceDependencyException',
      message: /image-pipeline\/piped/,
    });
    const { imageBuildVersionArn } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn }),
    );
    const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn }));
    assert.equal(image!.type, 'DOCKER');
    assert.equal(image!.containerRecipe!.arn, containerRecipeArn);
    assert.equal(image!.imageRecipe, undefined);
    assert.deepEqual(image!.outputResources, { containers: [] });
  });
});
