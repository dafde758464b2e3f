/** Short names, looked up by the API's own lists. */
import assert from 'node:assert/strict';
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
} from '@aws-sdk/client-imagebuilder';
import { after, before, describe, test } from 'node:test';
import { namesOf } from '../../src/commands/completion/names.ts';
import { NAMED_TYPES, resolveName, type Wanted } from '../../src/commands/short-names.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

const MINE = `arn:aws:imagebuilder:${REGION}:${ACCOUNT}`;
const IMAGE: Wanted = { types: ['image'], what: 'image' };
const ANY: Wanted = { types: NAMED_TYPES, what: 'resource' };

let api: TestApi;

/** What a name means. */
function meaning(text: string, wanted: Wanted): Promise<string> {
  return resolveName(async () => api.connectionOf('same'), text, wanted);
}

before(async () => {
  api = await startApi();
  const { client } = api;
  const component = await client.send(
    new CreateComponentCommand({
      name: 'Web Server',
      semanticVersion: '1.0.0',
      platform: 'Linux',
      data: documentOf('true'),
    }),
  );
  const infrastructure = await client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'ingot' }),
  );
  for (const version of ['1.9.0', '1.10.0']) {
    const recipe = await client.send(
      new CreateImageRecipeCommand({
        name: 'web',
        semanticVersion: version,
        parentImage: DEBIAN,
        components: [{ componentArn: component.componentBuildVersionArn! }],
      }),
    );
    for (let build = 0; build < 2; build++)
      await client.send(
        new CreateImageCommand({
          imageRecipeArn: recipe.imageRecipeArn!,
          infrastructureConfigurationArn: infrastructure.infrastructureConfigurationArn!,
        }),
      );
    if (version === '1.9.0')
      await client.send(
        new CreateImagePipelineCommand({
          name: 'nightly',
          imageRecipeArn: recipe.imageRecipeArn!,
          infrastructureConfigurationArn: infrastructure.infrastructureConfigurationArn!,
        }),
      );
  }
});

after(() => api.close());

describe('short names', () => {
  for (const [text, wanted, expected] of [
    ['web', IMAGE, 'image/web/1.10.0/2'],
    ['web/1.9.0', IMAGE, 'image/web/1.9.0/2'],
    ['web/1.9.x', IMAGE, 'image/web/1.9.0/2'],
    ['web/1.9.0/1', IMAGE, 'image/web/1.9.0/1'],
    ['image/web', ANY, 'image/web/1.10.0/2'],
    ['web server', ANY, 'component/web-server/1.0.0/1'],
    ['image-recipe/web', ANY, 'image-recipe/web/1.10.0'],
    ['infrastructure-configuration/web', ANY, 'infrastructure-configuration/web'],
    ['nightly', { types: ['image-pipeline'], what: 'pipeline' }, 'image-pipeline/nightly'],
  ] as const)
    test(text, async () => assert.equal(await meaning(text, wanted), `${MINE}:${expected}`));

  test('of what comes with the service', async () =>
    assert.match(await meaning('update-linux', ANY), /:aws:component\/update-linux\/\d+\.\d+\.\d+\/\d+$/));

  test('an ARN is as it is', async () => assert.equal(await meaning('arn:x', ANY), 'arn:x'));
});

describe('a name that means nothing, or too much, is refused with what there is', () => {
  for (const [text, wanted, message] of [
    ['wbe', IMAGE, "no image 'wbe'; did you mean 'web'?"],
    ['database', IMAGE, "no image 'database'; there are web"],
    ['web/2.0.0', IMAGE, "no image 'web/2.0.0': there are web/1.10.0 and web/1.9.0"],
    ['web/1.9.0/7', IMAGE, 'web/1.9.0/7 has no build 7; `ingot images web` lists its builds'],
    [
      'nightly/1.0.0',
      { types: ['image-pipeline'], what: 'pipeline' },
      "no pipeline 'nightly/1.0.0': pipelines have no version",
    ],
    [
      'web',
      ANY,
      "'web' is the name of several resources: say which, image/web, image-recipe/web or " +
        'infrastructure-configuration/web',
    ],
    ['component/web', IMAGE, /^invalid image 'component\/web': expected an ARN or NAME/],
    ['web/one', IMAGE, /^invalid image 'web\/one': expected an ARN or NAME/],
  ] as const)
    test(`${text}: ${wanted.what}`, () => assert.rejects(meaning(text, wanted), { message }));

  test('no available build', () =>
    assert.rejects(
      meaning('web', {
        ...IMAGE,
        builds: ({ state }) => state?.status === 'AVAILABLE',
        buildWord: 'AVAILABLE',
      }),
      { message: 'web has no AVAILABLE build; `ingot images web` lists its builds' },
    ));
});

test('completion is given the names of each kind, once', async () => {
  const connection = api.connectionOf('same');
  assert.deepEqual(await namesOf(['image', 'image-pipeline'], connection), ['nightly', 'web']);
  assert.deepEqual(await namesOf(['component'], connection), ['web-server']);
  assert.deepEqual(await namesOf(['stack'], connection), []);
  assert.deepEqual(await namesOf(['image'], api.connectionOf('other')), []);
  assert.deepEqual(await namesOf(['image'], { ...connection, port: 1 }), []);
});
