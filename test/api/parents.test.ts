import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateImageRecipeCommand,
  StartImagePipelineExecutionCommand,
  UpdateImagePipelineCommand,
} from '@aws-sdk/client-imagebuilder';
import { component, endImage, follow, own, pipeline, recipe, runs } from './scheduled.ts';
import { startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const FOLLOW = { tags: { 'ingot:on-parent': 'build' } };

async function build(imagePipelineArn: string, to: 'AVAILABLE' | 'FAILED' = 'AVAILABLE'): Promise<string> {
  const { imageBuildVersionArn = '' } = await api.client.send(
    new StartImagePipelineExecutionCommand({ imagePipelineArn }),
  );
  await endImage(api, imageBuildVersionArn, to);
  return imageBuildVersionArn;
}

const started = async (arn: string) => (await runs(api, arn)).filter(({ outcome }) => outcome === 'started');
/** Ends the latest image of a pipeline. */
const end = async (arn: string, to: 'AVAILABLE' | 'FAILED') =>
  endImage(api, (await started(arn)).at(-1)!.image_arn!, to);

describe('a pipeline that follows its parents', () => {
  test('starts down the tree, each once after its parent, in a diamond too', async () => {
    await component(api, 'tree', '1.0.0');
    const base = await pipeline(api, 'tree-base', await recipe(api, 'tree-base', [own('component/tree/1.0.0/1')]));
    await build(base);
    // web is on base, shop on web; both have the component, and so has a second way to it.
    const web = await pipeline(
      api,
      'tree-web',
      await recipe(api, 'tree-web', [own('component/tree/x.x.x')], own('image/tree-base/x.x.x')),
      FOLLOW,
    );
    await build(web);
    const shop = await pipeline(
      api,
      'tree-shop',
      await recipe(api, 'tree-shop', [own('component/tree/x.x.x')], own('image/tree-web/x.x.x')),
      FOLLOW,
    );
    await build(shop);
    assert.equal(await follow(api), 0);

    // A new base: web, and then shop.
    const newBase = await build(base);
    assert.equal(await follow(api), 1);
    assert.equal(await follow(api), 0);
    const [, second] = await started(web);
    assert.equal(second!.cause, 'parent');
    assert.equal(second!.by, own('image/tree-base/x.x.x'));
    assert.ok(second!.because.includes(newBase), second!.because);
    assert.equal((await started(shop)).length, 1);
    await end(web, 'AVAILABLE');
    assert.equal(await follow(api), 1);
    await end(shop, 'AVAILABLE');
    assert.equal(await follow(api), 0);
    assert.deepEqual([(await started(web)).length, (await started(shop)).length], [2, 2]);

    // A new component reaches shop by two ways: once, after web.
    await component(api, 'tree', '1.1.0');
    assert.equal(await follow(api), 1);
    assert.equal(await follow(api), 0);
    await end(web, 'AVAILABLE');
    assert.equal(await follow(api), 1);
    await end(shop, 'AVAILABLE');
    assert.equal(await follow(api), 0);
    assert.deepEqual([(await started(web)).length, (await started(shop)).length], [3, 3]);
    assert.match((await started(shop)).at(-1)!.because, /component\/tree\/x\.x\.x was .*image\/tree-web\/x\.x\.x was /);

    // A rebuild that failed is not tried without end, but with the parent's next; what is on it goes on without it.
    await build(base);
    assert.equal(await follow(api), 1);
    await end(web, 'FAILED');
    assert.equal(await follow(api), 0);
    await build(base);
    assert.equal(await follow(api), 1);
    assert.equal((await started(web)).length, 5);
    assert.equal((await started(shop)).length, 3);
  });

  test('that was never built starts with the next change, and others not at all', async () => {
    await component(api, 'new', '1.0.0');
    const made = await recipe(api, 'new', [own('component/new/x.x.x')]);
    const arn = await pipeline(api, 'new', made, FOLLOW);
    const untagged = await pipeline(api, 'new-untagged', made);
    const disabled = await pipeline(api, 'new-disabled', made, { ...FOLLOW, status: 'DISABLED' });
    assert.equal(await follow(api), 0);
    await component(api, 'new', '1.0.1');
    await Promise.all([follow(api), follow(api)]);
    assert.deepEqual(
      [(await started(arn)).length, (await started(untagged)).length, (await started(disabled)).length],
      [1, 0, 0],
    );
  });

  test('waits for the end of a maintenance window', async () => {
    await component(api, 'window', '1.0.0');
    const arn = await pipeline(api, 'window', await recipe(api, 'window', [own('component/window/x.x.x')]), FOLLOW);
    await follow(api);
    await component(api, 'window', '1.0.1');
    await follow(api, [{ begins: 'cron(* * * * ? *)', lasts: '5m' }]);
    assert.equal((await runs(api, arn)).at(-1)!.outcome, 'put off');
    await follow(api);
    const found = await runs(api, arn);
    assert.deepEqual(
      found.map(({ outcome }) => outcome),
      ['skipped', 'started'],
    );
  });

  test('cannot be built on itself, however far up', async () => {
    await component(api, 'circle', '1.0.0');
    const parts = [own('component/circle/1.0.0/1')];
    const a = await pipeline(api, 'circle-a', await recipe(api, 'circle-a', parts), FOLLOW);
    await build(a);
    const made = await recipe(api, 'circle-b', parts, own('image/circle-a/x.x.x'));
    const b = await pipeline(api, 'circle-b', made, FOLLOW);
    await build(b);
    // A recipe's next version is on what is built on it.
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({
        name: 'circle-a',
        semanticVersion: '1.0.1',
        parentImage: own('image/circle-b/x.x.x'),
        components: [{ componentArn: parts[0] }],
      }),
    );
    await assert.rejects(
      api.client.send(
        new UpdateImagePipelineCommand({
          imagePipelineArn: a,
          imageRecipeArn,
          infrastructureConfigurationArn: made.infrastructure,
        }),
      ),
      /'imageRecipeArn' is not valid.*the image circle-a is built on circle-b is built on circle-a\./,
    );
  });
});
