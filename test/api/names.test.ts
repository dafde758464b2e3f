/** What people's own files have as versions, names and parameters, sent as their clients send it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateContainerRecipeCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  DeleteComponentCommand,
  GetComponentCommand,
  GetContainerRecipeCommand,
  GetImageCommand,
  GetImagePipelineCommand,
  GetImageRecipeCommand,
  GetWorkflowCommand,
  ListComponentBuildVersionsCommand,
  ListComponentsCommand,
  ListImageRecipesCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  type InstanceBlockDeviceMapping,
} from '@aws-sdk/client-imagebuilder';
import { namedImages } from '../../src/images/names/names.ts';
import { DEFAULT_NAMES } from '../../src/platform/config/names.ts';
import { ACCOUNT, addUser, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
/** An account that the files of another author name. */
const AUTHOR = '111122223333';
const OTHER = '210987654321';
before(async () => {
  api = await startApi(
    { names: { ...DEFAULT_NAMES, accounts: { [AUTHOR]: ACCOUNT, '444455556666': OTHER } } },
    namedImages,
  );
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

describe("files with their author's account", () => {
  const theirs = (tail: string, account = AUTHOR): string => `arn:aws:imagebuilder:${REGION}:${account}:${tail}`;
  const web = new CreateComponentCommand({
    name: 'web',
    semanticVersion: '1.0.0',
    platform: 'Linux',
    data: documentOf('true'),
  });

  test('mean the account that the operator has mapped it to, wherever an ARN stands', async () => {
    const { componentBuildVersionArn } = await api.client.send(web);
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({
        name: 'web',
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn: theirs('component/web/x.x.x') }],
      }),
    );
    const { imageRecipe } = await api.client.send(
      new GetImageRecipeCommand({ imageRecipeArn: theirs('image-recipe/web/1.0.0') }),
    );
    assert.equal(imageRecipe?.arn, imageRecipeArn);
    assert.equal(imageRecipe?.components?.[0]?.componentArn, own('component/web/x.x.x'));
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }),
    );
    const { imageBuildVersionArn } = await api.client.send(
      new CreateImageCommand({
        imageRecipeArn: theirs('image-recipe/web/x.x.x'),
        infrastructureConfigurationArn: infrastructureConfigurationArn!.replace(ACCOUNT, AUTHOR),
        executionRole: `arn:aws:iam::${AUTHOR}:role/builder`,
      }),
    );
    const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn }));
    assert.equal(image?.executionRole, `arn:aws:iam::${ACCOUNT}:role/builder`);
    assert.deepEqual(
      (await api.client.send(new ListTagsForResourceCommand({ resourceArn: theirs('component/web/1.0.0/1') }))).tags,
      {},
    );
    const runs =
      'schemaVersion: 1.0\nphases: [{name: build, steps: [{name: A, action: ExecuteDocument, inputs: {document: ';
    await api.client.send(
      new CreateComponentCommand({
        name: 'runs',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: `${runs}'${theirs('component/web/1.0.0/1')}'}}]}]\n`,
      }),
    );
    assert.ok(componentBuildVersionArn);
  });

  test('without a mapping are refused with the account of the caller and the line that maps it', async () => {
    const unknown = '999988887777';
    for (const work of [
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: theirs('component/web/1.0.0', unknown) })),
      api.client.send(
        new CreateImageRecipeCommand({
          name: 'foreign',
          semanticVersion: '1.0.0',
          parentImage: DEBIAN,
          components: [{ componentArn: theirs('component/none/1.0.0', unknown) }],
        }),
      ),
    ])
      await assert.rejects(work, {
        name: 'AccessDeniedException',
        message: new RegExp(
          `The ARN is of account ${unknown}, and you are in account ${ACCOUNT} of this server.*` +
            `accounts: \\{'${unknown}': '${ACCOUNT}'\\}`,
        ),
      });
  });

  test('open nothing: a mapping to an account that the caller has nothing from is refused as that account is', async () => {
    const other = api.clientOf('other', REGION);
    await other.send(web);
    for (const account of [OTHER, '444455556666'])
      await assert.rejects(
        api.client.send(new GetComponentCommand({ componentBuildVersionArn: theirs('component/web/1.0.0', account) })),
        { name: 'AccessDeniedException' },
      );
    // The other account's caller who names the author gets what naming the first account gives: nothing.
    await assert.rejects(
      other.send(new GetComponentCommand({ componentBuildVersionArn: theirs('component/web/1.0.0') })),
      { name: 'AccessDeniedException' },
    );
  });

  test("open nothing: a policy's deny on the account's resource holds under the author's account", async () => {
    const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/denied`, [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: own('component/web/1.0.0/1') },
    ]);
    for (const account of [ACCOUNT, AUTHOR])
      await assert.rejects(
        api
          .clientWith(key)
          .send(new GetComponentCommand({ componentBuildVersionArn: theirs('component/web/x.x.x', account) })),
        { name: 'AccessDeniedException', message: /explicit deny/ },
      );
  });
});

describe('a version of AWS that is not here', () => {
  const amazon = (tail: string): string => `arn:aws:imagebuilder:${REGION}:aws:component/${tail}`;
  for (const pinned of ['update-linux/1.0.2', 'update-linux/1.0.2/1', 'reboot-linux/1.0.1/1'])
    test(`${pinned} means what is here`, async () => {
      const { component } = await api.client.send(
        new GetComponentCommand({ componentBuildVersionArn: amazon(pinned) }),
      );
      assert.equal(component?.arn, amazon(`${pinned.split('/')[0]}/1.0.0/1`));
      const name = pinned.replaceAll(/[/.]/g, '-');
      const { imageRecipeArn } = await api.client.send(
        new CreateImageRecipeCommand({
          name,
          semanticVersion: '1.0.0',
          parentImage: DEBIAN,
          components: [{ componentArn: amazon(pinned) }],
        }),
      );
      const { imageRecipe } = await api.client.send(new GetImageRecipeCommand({ imageRecipeArn }));
      assert.equal(imageRecipe?.components?.[0]?.componentArn, amazon(pinned), 'as it was given');
    });

  test('and a deny on what is here holds for it', async () => {
    const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/no-updates`, [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: amazon('update-linux/1.0.0/1') },
    ]);
    await assert.rejects(
      api.clientWith(key).send(new GetComponentCommand({ componentBuildVersionArn: amazon('update-linux/1.0.2/1') })),
      { name: 'AccessDeniedException' },
    );
  });
});

test('a container recipe takes a managed container image, and gives its name back as it was given', async () => {
  const recipe = (parentImage: string, semanticVersion = '1.0.0') =>
    api.client.send(
      new CreateContainerRecipeCommand({
        name: 'managed-parent',
        semanticVersion,
        containerType: 'DOCKER',
        parentImage,
        dockerfileTemplateData:
          'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n',
        targetRepository: { service: 'ECR', repositoryName: 'x' },
        components: [{ componentArn: `arn:aws:imagebuilder:${REGION}:aws:component/update-linux/x.x.x` }],
      }),
    );
  const parent = `arn:aws:imagebuilder:${REGION}:aws:image/amazon-linux-x86-2/x.x.x`;
  const { containerRecipeArn } = await recipe(parent);
  const { containerRecipe } = await api.client.send(new GetContainerRecipeCommand({ containerRecipeArn }));
  assert.deepEqual([containerRecipe?.parentImage, containerRecipe?.platform], [parent, 'Linux']);
  for (const wrong of [DEBIAN, parent.replace('amazon-linux-x86-2', 'no-such-image')])
    await assert.rejects(recipe(wrong, '1.0.1'), {
      name: 'InvalidParameterValueException',
      message: /container image .* does not exist, or is not AVAILABLE/,
    });
});

test('an image has its outputs from the start, and a schedule of five fields is accepted as given', async () => {
  const { imageRecipeArn } = await api.client.send(
    new CreateImageRecipeCommand({ name: 'begun', semanticVersion: '1.0.0', parentImage: DEBIAN }),
  );
  const { infrastructureConfigurationArn } = await api.client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'begun', instanceProfileName: 'p' }),
  );
  const { imageBuildVersionArn } = await api.client.send(
    new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn }),
  );
  const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn }));
  assert.deepEqual(image?.outputResources, { amis: [] });
  const { imagePipelineArn } = await api.client.send(
    new CreateImagePipelineCommand({
      name: 'weekly',
      imageRecipeArn,
      infrastructureConfigurationArn,
      schedule: { scheduleExpression: 'cron(0 0 * * SUN)' },
    }),
  );
  const { imagePipeline } = await api.client.send(new GetImagePipelineCommand({ imagePipelineArn }));
  assert.equal(imagePipeline?.schedule?.scheduleExpression, 'cron(0 0 * * SUN)');
});

test('block device mappings of a recipe that contradict each other are refused', async () => {
  const recipe = (blockDeviceMappings: InstanceBlockDeviceMapping[]) =>
    api.client.send(
      new CreateImageRecipeCommand({
        name: 'mapped',
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        blockDeviceMappings,
      }),
    );
  await assert.rejects(
    recipe([
      { deviceName: '/dev/xvda', ebs: { volumeSize: 10 } },
      { deviceName: '/dev/xvda', ebs: { volumeSize: 20 } },
    ]),
    {
      name: 'InvalidParameterValueException',
      message: /'blockDeviceMappings\[1\]\.deviceName'.*blockDeviceMappings\[0\] maps '\/dev\/xvda' already/,
    },
  );
  await assert.rejects(recipe([{ deviceName: '/dev/xvda', ebs: { encrypted: false, kmsKeyId: 'alias/k' } }]), {
    message: /'blockDeviceMappings\[0\]\.ebs\.kmsKeyId'/,
  });
  await recipe([
    { deviceName: '/dev/xvda', ebs: { volumeSize: 10 } },
    { deviceName: '/dev/xvdb', ebs: { volumeSize: 10 } },
  ]);
});
