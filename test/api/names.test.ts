/** What people's own files have as versions, names and parameters, sent as their clients send it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateContainerRecipeCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  DeleteComponentCommand,
  GetComponentCommand,
  GetImageRecipeCommand,
  GetWorkflowCommand,
  ListComponentBuildVersionsCommand,
  ListComponentsCommand,
  ListImageRecipesCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-imagebuilder';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;

describe('a version with leading zeros', () => {
  const dated = (command: string, semanticVersion = '2024.01.05') =>
    api.client.send(
      new CreateComponentCommand({
        name: 'dated',
        semanticVersion,
        platform: 'Linux',
        data: documentOf(command),
        tags: { a: 'b' },
      }),
    );

  test('of a component is one version in every operation, and is answered as it was written', async () => {
    assert.equal((await dated('true')).componentBuildVersionArn, own('component/dated/2024.1.5/1'));
    await assert.rejects(dated('true', '2024.1.5'), { name: 'ResourceAlreadyExistsException' });
    const build = own('component/dated/2024.01.05/1');
    const version = own('component/dated/2024.01.05');
    for (const componentBuildVersionArn of [build, version, own('component/dated/2024.01.x')])
      assert.equal(
        (await api.client.send(new GetComponentCommand({ componentBuildVersionArn }))).component?.version,
        '2024.01.05',
      );
    assert.deepEqual((await api.client.send(new ListTagsForResourceCommand({ resourceArn: build }))).tags, { a: 'b' });
    await api.client.send(new TagResourceCommand({ resourceArn: build, tags: { c: 'd' } }));
    await api.client.send(new UntagResourceCommand({ resourceArn: build, tagKeys: ['a'] }));
    assert.deepEqual((await api.client.send(new ListTagsForResourceCommand({ resourceArn: build }))).tags, { c: 'd' });
    for (const values of [['2024.01.05'], ['2024.1.5'], ['2024.01.x']]) {
      const filters = [{ name: 'version', values }];
      const { componentVersionList: [listed] = [] } = await api.client.send(new ListComponentsCommand({ filters }));
      assert.deepEqual([listed?.arn, listed?.version], [own('component/dated/2024.1.5'), '2024.01.05']);
    }
    const { componentSummaryList = [] } = await api.client.send(
      new ListComponentBuildVersionsCommand({ componentVersionArn: version }),
    );
    assert.deepEqual(
      componentSummaryList.map((each) => [each.arn, each.version]),
      [[own('component/dated/2024.1.5/1'), '2024.01.05']],
    );
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({
        name: 'dated',
        semanticVersion: '2024.01.05',
        parentImage: DEBIAN,
        components: [{ componentArn: build }],
      }),
    );
    assert.equal(imageRecipeArn, own('image-recipe/dated/2024.1.5'));
    const written = own('image-recipe/dated/2024.01.05');
    assert.equal(
      (await api.client.send(new GetImageRecipeCommand({ imageRecipeArn: written }))).imageRecipe?.version,
      '2024.01.05',
    );
    await assert.rejects(api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: build })), {
      name: 'ResourceDependencyException',
    });
    assert.equal((await api.client.send(new ListImageRecipesCommand({}))).imageRecipeSummaryList?.length, 1);
    await dated('false', '2024.001.5');
    await api.client.send(
      new DeleteComponentCommand({ componentBuildVersionArn: own('component/dated/2024.01.05/2') }),
    );
    await assert.rejects(
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: own('component/dated/2024.1.5/2') })),
      { name: 'ResourceNotFoundException' },
    );
  });

  test('of a workflow as well', async () => {
    const { workflowBuildVersionArn } = await api.client.send(
      new CreateWorkflowCommand({
        name: 'dated',
        semanticVersion: '2024.01.05',
        type: 'TEST',
        data: 'schemaVersion: 1.0\nname: dated\nsteps: [{name: Wait, action: WaitForAction}]\n',
      }),
    );
    assert.equal(workflowBuildVersionArn, own('workflow/test/dated/2024.1.5/1'));
    const got = await api.client.send(
      new GetWorkflowCommand({ workflowBuildVersionArn: own('workflow/test/dated/2024.01.05/1') }),
    );
    assert.equal(got.workflow?.version, '2024.01.05');
  });

  test('that counts up is a number', async () => {
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({ name: 'counted', semanticVersion: '2024.01.x', parentImage: DEBIAN }),
    );
    const { imageRecipe } = await api.client.send(new GetImageRecipeCommand({ imageRecipeArn }));
    assert.equal(imageRecipe?.version, '2024.1.0');
  });
});

test('1.0.x of a component or workflow is refused, whatever there is', async () => {
  const create = (semanticVersion: string) =>
    api.client.send(
      new CreateComponentCommand({ name: 'pinned', semanticVersion, platform: 'Linux', data: documentOf('true') }),
    );
  const refused = {
    name: 'InvalidVersionNumberException',
    message: /'semanticVersion' must match pattern \^\[0-9\]\+/,
  };
  await assert.rejects(create('1.0.x'), refused);
  await create('1.0.0');
  await assert.rejects(create('1.0.x'), refused);
});

describe('parameters that are not declared', () => {
  const sentence = (kind: string, path: string) => ({
    name: 'InvalidParameterCombinationException',
    message: new RegExp(
      `^The value supplied for parameter '${path}' is not valid\\. The following parameters are not defined in ` +
        `the provided ${kind}: Greetings\\. Did you mean 'Greeting'\\?$`,
    ),
  });

  test('of a component in a recipe of either kind', async () => {
    const { componentBuildVersionArn: componentArn } = await api.client.send(
      new CreateComponentCommand({
        name: 'greeter',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: documentOf('echo {{ Greeting }}', 'parameters:\n  - Greeting:\n      type: string\n      default: hi\n'),
      }),
    );
    const components = [{ componentArn, parameters: [{ name: 'Greetings', value: ['hello'] }] }];
    const image = new CreateImageRecipeCommand({
      name: 'greets',
      semanticVersion: '1.0.0',
      parentImage: DEBIAN,
      components,
    });
    await assert.rejects(api.client.send(image), sentence('component', 'components\\[0\\]\\.parameters'));
    const container = new CreateContainerRecipeCommand({
      name: 'greets',
      semanticVersion: '1.0.0',
      containerType: 'DOCKER',
      parentImage: 'debian:12',
      dockerfileTemplateData:
        'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n',
      targetRepository: { service: 'ECR', repositoryName: 'x' },
      components,
    });
    await assert.rejects(api.client.send(container), sentence('component', 'components\\[0\\]\\.parameters'));
  });

  test('of a workflow of an image', async () => {
    const { workflowBuildVersionArn: workflowArn } = await api.client.send(
      new CreateWorkflowCommand({
        name: 'greeter',
        semanticVersion: '1.0.0',
        type: 'TEST',
        data:
          'schemaVersion: 1.0\nname: greeter\nparameters: [{name: Greeting, type: string, default: hi}]\n' +
          'steps: [{name: Wait, action: WaitForAction}]\n',
      }),
    );
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({ name: 'greeted', semanticVersion: '1.0.0', parentImage: DEBIAN }),
    );
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'greeted', instanceProfileName: 'p' }),
    );
    const workflows = [{ workflowArn, parameters: [{ name: 'Greetings', value: ['hello'] }] }];
    await assert.rejects(
      api.client.send(
        new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn, executionRole: 'r', workflows }),
      ),
      sentence('workflow', 'workflows\\[0\\]\\.parameters'),
    );
  });
});

test('names of steps and loops that AWS refuses are refused, in its sentence', async () => {
  const create = (data: string) =>
    api.client.send(new CreateComponentCommand({ name: 'named', semanticVersion: '1.0.0', platform: 'Linux', data }));
  const allowed =
    'Allowed characters are combinations of numbers \\[0-9\\], english letters \\[a-z,A-Z\\] ' +
    'and special characters \\[-_\\]';
  for (const name of ['Loading ssh keys', 'Größe', 'a.b', 'a/b'])
    await assert.rejects(create(documentOf('true').replace('name: Run', `name: ${name}`)), {
      name: 'InvalidParameterValueException',
      message: new RegExp(`5:15.*Invalid step name '${name}' in phase 'build'\\. ${allowed}`),
    });
  await assert.rejects(create(documentOf('true').replace('name: Run', `name: ${'n'.repeat(130)}`)), {
    message: /Invalid step name .* It has 130 characters; at most 128 are allowed/,
  });
  await assert.rejects(
    create(documentOf('true').replace('name: Run', 'name: Run\n        loop: {name: my loop, forEach: [a]}')),
    { message: new RegExp(`Invalid loop name 'my loop'\\. ${allowed}`) },
  );
  await create(documentOf('true').replace('name: Run', `name: ${'1-_Aa'.padEnd(128, 'z')}`));
});
