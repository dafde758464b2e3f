/** The record of stacks: outputs, exports and imports across stacks, in CloudFormation's words. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stack, StackExport } from '../../src/catalog/stacks.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const ask = <T>(method: string, path: string, body?: object): Promise<T> =>
  signedJson<T>(api.connectionOf('same'), { method, path, ...(body === undefined ? {} : { body }) });
const put = (name: string, body: object): Promise<Stack> =>
  ask<Stack>('POST', `/ingot/stacks/${name}`, {
    status: 'CREATE_COMPLETE',
    resources: [],
    outputs: [],
    imports: [],
    ...body,
  });
const exports = async (): Promise<readonly StackExport[]> =>
  (await ask<{ exports: readonly StackExport[] }>('GET', '/ingot/exports')).exports;
const output = (value: string) => ({ outputs: [{ name: 'Arn', value, exportName: 'base-arn' }] });

test('a stack exports a value, another imports it, and it stays as it is as long as that does', async () => {
  const made = await put('base', { ...output('one'), description: 'The base' });
  assert.match(made.stackId, new RegExp(`^arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/base/[0-9a-f-]{36}$`));
  await put('web', { imports: ['base-arn'] });
  assert.deepEqual(await exports(), [{ name: 'base-arn', value: 'one', stack: 'base', importedBy: ['web'] }]);

  await assert.rejects(put('base', output('two')), /Cannot update export base-arn as it is in use by web\./);
  await assert.rejects(put('base', {}), /Export base-arn cannot be deleted as it is in use by web\./);
  await assert.rejects(ask('DELETE', '/ingot/stacks/base'), /in use by web/);
  await assert.rejects(put('third', output('x')), /Export with name base-arn is already exported by stack base\./);
  await assert.rejects(put('third', { imports: ['nothing'] }), /No export named nothing found\./);
  // The record of a run that goes on changes no output.
  await put('base', { status: 'UPDATE_IN_PROGRESS', keepImports: true });
  assert.equal((await exports())[0]!.value, 'one');
  assert.equal((await ask<Stack>('GET', '/ingot/stacks/base')).status, 'UPDATE_IN_PROGRESS');

  const other = { method: 'GET', path: '/ingot/stacks/base' };
  await assert.rejects(signedJson(api.connectionOf('other'), other), { code: 'ResourceNotFoundException' });
  await put('web', { imports: [] });
  const again = await put('base', output('two'));
  assert.equal(again.stackId, made.stackId);
  await ask('DELETE', '/ingot/stacks/base');
  assert.deepEqual(await exports(), []);
});

test('a stack with resources is not forgotten, unless they are retained', async () => {
  const resource = (more: object) => [
    { logicalId: 'Tool', type: 'AWS::ImageBuilder::Component', physicalId: 'arn:aws:imagebuilder:x', ...more },
  ];
  await put('kept', { resources: resource({}) });
  await assert.rejects(ask('DELETE', '/ingot/stacks/kept'), /still has resources: Tool/);
  await put('kept', { resources: resource({ deletionPolicy: 'Retain' }) });
  await ask('DELETE', '/ingot/stacks/kept');
  await assert.rejects(ask('GET', '/ingot/stacks/kept'), { code: 'ResourceNotFoundException' });
});

test('what no stack can be', async () => {
  await assert.rejects(put('1st', {}), /begin with a letter/);
  await assert.rejects(put('a', { status: 'DONE' }), /CREATE_COMPLETE/);
  const many = Array.from({ length: 501 }, (_, index) => ({ logicalId: `A${index}`, type: 't', physicalId: 'p' }));
  await assert.rejects(put('a', { resources: many }), /at most 500/);
});
