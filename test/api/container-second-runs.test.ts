/** RetryImage and DistributeImage of container images, with a real push into a registry that is not always willing. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateContainerRecipeCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateInfrastructureConfigurationCommand,
  DistributeImageCommand,
  GetImageCommand,
  ListWorkflowExecutionsCommand,
  RetryImageCommand,
} from '@aws-sdk/client-imagebuilder';
import { containerOutput, saveContainerOutput } from '../../src/catalog/container-outputs.ts';
import { insertWorkflowExecution } from '../../src/catalog/executions.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { takeLayout, type StoredManifest } from '../../src/images/container-blobs.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { newWorkflowExecutionId } from '../../src/platform/ids.ts';
import { collectGarbage } from '../../src/storage/garbage.ts';
import { runImage } from '../../src/workflows/stages/run-image.ts';
import { writeLayout } from '../harness/oci-layout.ts';
import { REGION, startApi, type TestApi } from './server.ts';

/** A registry that keeps what it is sent, as far as skopeo asks for it. */
class FakeRegistry {
  readonly kept = new Map<string, string>();
  /** What a manifest is answered with; 201 takes it. */
  status = 201;
  readonly sent: string[] = [];
  readonly #server: Server = createServer((asked, answer) => {
    const url = new URL(asked.url!, 'http://x');
    asked.resume();
    asked.once('end', () => {
      const digest = url.searchParams.get('digest');
      const name = url.pathname.replace(/^\/v2\//, '');
      if (asked.method === 'POST') {
        answer.writeHead(202, { location: `${url.pathname}1`, range: '0-0' }).end();
      } else if (asked.method === 'PATCH') {
        answer.writeHead(202, { location: url.pathname, range: '0-1' }).end();
      } else if (asked.method === 'PUT' && digest !== null) {
        this.sent.push('blob');
        this.kept.set(digest, '');
        answer.writeHead(201, { location: url.pathname }).end();
      } else if (asked.method === 'PUT') {
        this.sent.push(name);
        if (this.status === 201) this.kept.set(name, '');
        answer.writeHead(this.status).end('{"errors": [{"code": "DENIED", "message": "not today"}]}');
      } else {
        const there = name === '' || this.kept.has(name) || this.kept.has(name.split('/').at(-1)!);
        answer.writeHead(there ? 200 : 404, there ? { 'content-length': '0' } : {}).end();
      }
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe('container images, a second time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-second-'));
  const registry = new FakeRegistry();
  let api: TestApi;
  let host: string;
  let infrastructure: string;
  let taken: StoredManifest;
  let recipes = 0;

  before(async () => {
    api = await startApi();
    host = await registry.listen();
    writeFileSync(
      join(api.catalog.dataDirectory, 'config.yaml'),
      JSON.stringify({ registries: { [host]: { plain: true } } }),
    );
    infrastructure = (
      await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }))
    ).infrastructureConfigurationArn!;
    writeLayout(join(folder, 'layout'));
    taken = await takeLayout(api.catalog.dataDirectory, join(folder, 'layout'));
  });
  after(async () => {
    registry.close();
    await api.close();
    rmSync(folder, { recursive: true });
  });

  const image = async (imageBuildVersionArn: string) =>
    (await api.client.send(new GetImageCommand({ imageBuildVersionArn }))).image!;
  const work = (arn: string) =>
    runImage({
      catalog: api.catalog,
      dataDirectory: api.catalog.dataDirectory,
      arn,
      signal: new AbortController().signal,
      over: new AbortController().signal,
    });
  const retry = (imageBuildVersionArn: string) => api.client.send(new RetryImageCommand({ imageBuildVersionArn }));

  /** A failed container image with what a build stage makes. */
  async function failed(last: 'BUILD' | 'DISTRIBUTION'): Promise<{ readonly arn: string; readonly layerId: string }> {
    const { containerRecipeArn } = await api.client.send(
      new CreateContainerRecipeCommand({
        name: `web-${++recipes}`,
        semanticVersion: '1.0.0',
        containerType: 'DOCKER',
        parentImage: 'debian:12',
        dockerfileTemplateData: 'FROM {{{ imagebuilder:parentImage }}}\n',
        targetRepository: { service: 'ECR', repositoryName: `${host}/team/web` },
      }),
    );
    const { imageBuildVersionArn: arn } = await api.client.send(
      new CreateImageCommand({
        containerRecipeArn,
        infrastructureConfigurationArn: infrastructure,
        imageTestsConfiguration: { imageTestsEnabled: false },
      }),
    );
    const layers = new LayerStore(api.catalog, api.catalog.dataDirectory);
    const open = await layers.announce(null);
    mkdirSync(dirname(open.path), { recursive: true });
    writeFileSync(open.path, '');
    const layer = await layers.seal(open, open.id, {}, { label: 'component' });
    await saveContainerOutput(api.catalog.db, {
      image_arn: arn!,
      layer_id: layer.id,
      output_key: `key of ${arn}`,
      digest: taken.digest,
      media_type: taken.mediaType,
      size: taken.size,
      blobs: JSON.stringify([taken.digest, taken.config.digest, ...taken.layers.map(({ digest }) => digest)]),
      created: new Date().toISOString(),
    });
    for (const [position, type] of (last === 'BUILD' ? ['BUILD'] : ['BUILD', last]).entries())
      await insertWorkflowExecution(api.catalog.db, {
        id: newWorkflowExecutionId(),
        image_arn: arn!,
        workflow_arn: `arn:aws:imagebuilder:${REGION}:aws:workflow/build/build-container/1.0.0/1`,
        type: type as 'BUILD',
        status: 'COMPLETED',
        message: null,
        parallel_group: null,
        position,
        total_steps: 1,
        outputs: JSON.stringify({ InstanceId: 'i-00000000000000000' }),
        start_time: null,
        end_time: null,
      });
    for (const to of ['CREATING', 'BUILDING', 'FAILED'] as const)
      await api.catalog.transaction((trx) =>
        transitionImage(trx, arn!, to, to === 'FAILED' ? { reason: 'because' } : {}),
      );
    return { arn: arn!, layerId: layer.id };
  }

  test('RetryImage pushes what was built, fails again without losing it, and sends only what is missing', async () => {
    const { arn } = await failed('BUILD');
    registry.status = 403;
    assert.equal((await retry(arn)).imageBuildVersionArn, arn);
    await work(arn);
    const refused = await image(arn);
    assert.equal(refused.state!.status, 'FAILED');
    assert.match(refused.state!.reason!, /team\/web:1\.0\.0-1 could not be pushed: .*not today/);
    assert.deepEqual(registry.sent.filter((each) => each === 'blob').length, 2);

    registry.status = 201;
    registry.sent.length = 0;
    await retry(arn);
    await work(arn);
    const done = await image(arn);
    assert.deepEqual(done.state, { status: 'AVAILABLE' });
    assert.deepEqual(done.outputResources, {
      containers: [{ region: REGION, imageUris: [`${host}/team/web:1.0.0-1`] }],
    });
    assert.deepEqual(registry.sent, ['team/web/manifests/1.0.0-1']);
    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: arn }),
    );
    assert.deepEqual(
      workflowExecutions!.map(({ type, retried }) => [type, retried]),
      [
        ['BUILD', undefined],
        ['DISTRIBUTION', true],
        ['DISTRIBUTION', undefined],
      ],
    );
  });

  test('what failed images have made stays for a retry, and goes when it is old', async () => {
    const { arn, layerId } = await failed('DISTRIBUTION');
    const layers = new LayerStore(api.catalog, api.catalog.dataDirectory);
    await collectGarbage(api.catalog, '2026-01-01T00:00:00.000Z');
    await layers.discardUnreferenced(new Date(Date.now() + 1000).toISOString());
    assert.equal((await layers.get(layerId)).id, layerId);
    await collectGarbage(api.catalog, new Date(Date.now() + 1000).toISOString());
    assert.equal(await containerOutput(api.catalog.db, arn), undefined);
    await assert.rejects(layers.get(layerId), /no layer/);
    await assert.rejects(retry(arn), {
      name: 'InvalidRequestException',
      message: /cannot be retried.*Start the build again/,
    });
  });

  test('a retry of the distribution needs no storage of the build; one of the tests does', async () => {
    const { arn, layerId } = await failed('DISTRIBUTION');
    const tested = await failed('BUILD');
    const layers = new LayerStore(api.catalog, api.catalog.dataDirectory);
    for (const id of [layerId, tested.layerId]) await layers.discard(await layers.get(id));
    await assert.rejects(retry(tested.arn), { name: 'InvalidRequestException', message: /cannot be retried/ });
    await retry(arn);
    await work(arn);
    assert.deepEqual((await image(arn)).state, { status: 'AVAILABLE' });
  });

  test('DistributeImage makes an image of its own in the repositories of a configuration', async () => {
    const { arn: source } = await failed('DISTRIBUTION');
    await retry(source);
    await work(source);
    const { distributionConfigurationArn } = await api.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'both',
        distributions: [
          {
            region: REGION,
            containerDistributionConfiguration: {
              containerTags: ['latest', 'b{{ imagebuilder:buildVersion }}'],
              targetRepository: { service: 'ECR', repositoryName: `${host}/team/here` },
            },
          },
          {
            region: 'us-west-2',
            containerDistributionConfiguration: {
              containerTags: ['west'],
              targetRepository: { service: 'ECR', repositoryName: `${host}/team/west` },
            },
          },
        ],
      }),
    );
    registry.status = 403;
    const { imageBuildVersionArn: arn } = await api.client.send(
      new DistributeImageCommand({
        sourceImage: source.replace(/\/1$/, ''),
        distributionConfigurationArn,
        executionRole: 'role',
        tags: { a: 'b' },
      }),
    );
    assert.equal(arn, source.replace(/1$/, '2'));
    await work(arn!);
    assert.match((await image(arn!)).state!.reason!, /team\/here:latest could not be pushed/);
    registry.status = 201;
    await retry(arn!);
    await work(arn!);
    const done = await image(arn!);
    assert.deepEqual([done.state, done.type, done.tags], [{ status: 'AVAILABLE' }, 'DOCKER', { a: 'b' }]);
    assert.deepEqual(done.outputResources!.containers, [
      { region: REGION, imageUris: [`${host}/team/here:latest`, `${host}/team/here:b2`] },
      { region: 'us-west-2', imageUris: [`${host}/team/west:west`] },
    ]);
  });

  test('DistributeImage of a container image that is not AVAILABLE is refused', async () => {
    const { arn } = await failed('BUILD');
    const { distributionConfigurationArn } = await api.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'home',
        distributions: [{ region: REGION, amiDistributionConfiguration: {} }],
      }),
    );
    await assert.rejects(
      api.client.send(
        new DistributeImageCommand({ sourceImage: arn, distributionConfigurationArn, executionRole: 'role' }),
      ),
      { name: 'ResourceNotFoundException' },
    );
  });
});
