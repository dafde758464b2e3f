/** Deploys `examples/cloudformation` without building images: the second template imports what the first exports. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { deployTemplate } from '../harness/templates.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

const FOLDER = fileURLToPath(new URL('../../examples/cloudformation', import.meta.url));

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

test('a stack exports, another imports it and uses every function', async () => {
  const deploy = async (name: string, exports: ReadonlyMap<string, string>) =>
    deployTemplate(api.connectionOf('same'), ACCOUNT, FOLDER, await readFile(`${FOLDER}/${name}`, 'utf8'), exports);
  const base = await deploy('base.yaml', new Map());
  assert.deepEqual(base.what, ['Greeting created', 'Infrastructure created', 'ParentParameter created']);
  const place = `arn:aws:imagebuilder:${REGION}:${ACCOUNT}`;
  assert.equal(base.outputs['Greeting'], `${place}:component/deploying-greeting/1.x.x`);

  const exports = new Map([
    ['base-greeting', base.outputs['Greeting']!],
    ['base-infrastructure', base.outputs['Infrastructure']!],
  ]);
  const web = await deploy('web.yaml', exports);
  assert.deepEqual(web.what, [
    'Installnginx created',
    'Installcurl created',
    'Recipe created',
    'TestDistribution created',
    'Image image',
    'ImageParameter created',
  ]);
  assert.equal(web.outputs['Distribution'], `${place}:distribution-configuration/deploying-test`);
  await assert.rejects(deploy('web.yaml', new Map()), /no stack exports 'base-infrastructure'/);
});
