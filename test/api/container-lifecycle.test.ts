/** What lifecycle policies and state updates do with container images and what repositories have of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateContainerRecipeCommand,
  CreateImageCommand,
  CreateInfrastructureConfigurationCommand,
  CreateLifecyclePolicyCommand,
  GetImageCommand,
  ListLifecycleExecutionResourcesCommand,
  StartResourceStateUpdateCommand,
} from '@aws-sdk/client-imagebuilder';
import { saveContainerCopy } from '../../src/catalog/container-outputs.ts';
import { findRepository, imagesOfRepository, recordPush } from '../../src/catalog/repositories.ts';
import { namedImages } from '../../src/images/names/names.ts';
import { runDueExecutions } from '../../src/pipelines/lifecycle/executions.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ensureRepository } from '../harness/repositories.ts';
import { makeAvailable } from './disks.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

const ROLE = `arn:aws:iam::${ACCOUNT}:role/lifecycle`;
const PLACE = { account: ACCOUNT, region: REGION };
let api: TestApi;
let infrastructureConfigurationArn: string;

before(async () => {
  api = await startApi({}, namedImages);
  ({ infrastructureConfigurationArn = '' } = await api.client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'containers', instanceProfileName: 'builds' }),
  ));
});
after(() => api.close());

/** Available images of one recipe, the oldest first, each with tags in the repository of its name. */
async function builds(name: string, made: readonly { readonly digest: string; readonly tags: readonly string[] }[]) {
  await ensureRepository(api.connectionOf('same'), name);
  const { id } = (await findRepository(api.catalog.db, PLACE, name))!;
  const { containerRecipeArn } = await api.client.send(
    new CreateContainerRecipeCommand({
      name,
      semanticVersion: '1.0.0',
      containerType: 'DOCKER',
      parentImage: 'debian:12',
      dockerfileTemplateData: 'FROM {{{ imagebuilder:parentImage }}}\n',
      targetRepository: { service: 'ECR', repositoryName: name },
    }),
  );
  const arns: string[] = [];
  for (const [index, { digest, tags }] of made.entries()) {
    const { imageBuildVersionArn: arn = '' } = await api.client.send(
      new CreateImageCommand({ containerRecipeArn, infrastructureConfigurationArn }),
    );
    await makeAvailable(api, arn, [], []);
    const created = new Date(Date.now() - (made.length - index) * 86_400_000).toISOString();
    await api.catalog.db.updateTable('images').set({ date_created: created }).where('arn', '=', arn).execute();
    for (const tag of tags) await copy(arn, id, name, digest, tag);
    arns.push(arn);
  }
  return { id, arns };
}

async function copy(arn: string, id: string, name: string, digest: string, tag: string): Promise<void> {
  await recordPush(api.catalog.db, id, { digest, media_type: 'm', artifact_type: null, size: 1, children: '[]' }, tag);
  const uri = `/${ACCOUNT}/${REGION}/${name}:${tag}`;
  await saveContainerCopy(api.catalog.db, { image_arn: arn, region: REGION, uri, digest, created: '2026' });
}

const inRepository = async (id: string): Promise<readonly string[]> =>
  (await imagesOfRepository(api.catalog.db, id)).map(({ digest, tags }) => `${digest} ${tags.join(' ')}`);

const statusOf = async (imageBuildVersionArn: string) =>
  (await api.client.send(new GetImageCommand({ imageBuildVersionArn }))).image!.state!.status;

const resources = async (lifecycleExecutionId: string, parentResourceId: string) =>
  (
    await api.client.send(new ListLifecycleExecutionResourcesCommand({ lifecycleExecutionId, parentResourceId }))
  ).resources!.map(({ resourceId, state }) => `${resourceId} ${state!.status} ${state!.reason ?? ''}`.trim());

describe('container images in lifecycle policies', () => {
  test('a policy deletes the tags of old images, and no tag that a newer image has', async () => {
    const { id, arns } = await builds('aged', [
      { digest: 'sha256:a', tags: ['latest', '1'] },
      { digest: 'sha256:b', tags: ['latest', '2'] },
      { digest: 'sha256:b', tags: ['latest', '3'] },
    ]);
    const { lifecyclePolicyArn } = await api.client.send(
      new CreateLifecyclePolicyCommand({
        name: 'aged',
        executionRole: ROLE,
        resourceType: 'CONTAINER_IMAGE',
        policyDetails: [
          {
            action: { type: 'DELETE', includeResources: { containers: true } },
            filter: { type: 'COUNT', value: 1 },
          },
        ],
        resourceSelection: { recipes: [{ name: 'aged', semanticVersion: 'x.x.x' }] },
      }),
    );
    const { lifecycleExecutionId } = await signedJson<{ lifecycleExecutionId: string }>(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/lifecycle-policies/${encodeURIComponent(lifecyclePolicyArn!)}/run`,
    });
    await runDueExecutions(api.catalog, () => false);

    assert.deepEqual(await inRepository(id), ['sha256:b 3 latest']);
    assert.deepEqual(await Promise.all(arns.map(statusOf)), ['DELETED', 'DELETED', 'AVAILABLE']);
    const host = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/aged`;
    assert.deepEqual(await resources(lifecycleExecutionId, arns[1]!), [
      `${host}:2@sha256:b SUCCESS`,
      `${host}:latest@sha256:b SKIPPED ${arns[2]} has the same image under this name.`,
    ]);
    assert.deepEqual(await resources(lifecycleExecutionId, arns[0]!), [
      `${host}:1@sha256:a SUCCESS`,
      `${host}:latest@sha256:a SUCCESS`,
    ]);
  });

  test('a state update deletes one image; what is in another registry stays and is named', async () => {
    const { id, arns } = await builds('one', [{ digest: 'sha256:c', tags: ['1'] }]);
    const [resourceArn = ''] = arns;
    const uri = 'registry.example.com/team/one:1';
    const elsewhere = { image_arn: resourceArn, region: REGION, uri, digest: 'sha256:c', created: '2026' };
    await saveContainerCopy(api.catalog.db, elsewhere);
    const update = (status: 'DELETED' | 'DEPRECATED', includeResources: object) =>
      api.client.send(
        new StartResourceStateUpdateCommand({
          resourceArn,
          state: { status },
          executionRole: ROLE,
          includeResources,
        }),
      );
    await assert.rejects(update('DELETED', { amis: true }), { message: /container image: it has no amis/ });
    await assert.rejects(update('DEPRECATED', { containers: true }), { message: /can only be deleted/ });
    const { lifecycleExecutionId = '' } = await update('DELETED', { containers: true });
    await runDueExecutions(api.catalog, () => false);

    assert.deepEqual(await inRepository(id), []);
    assert.equal(await statusOf(resourceArn), 'DELETED');
    assert.deepEqual(await resources(lifecycleExecutionId, resourceArn), [
      `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/one:1@sha256:c SUCCESS`,
      `${uri}@sha256:c SKIPPED It is in a registry of config.yaml, from which Ingot deletes nothing.`,
    ]);
  });
});
