import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteComponentCommand,
  ListComponentsCommand,
  ListImageBuildVersionsCommand,
  ListImagePipelineImagesCommand,
  ListImagePipelinesCommand,
  ListImageScanFindingAggregationsCommand,
  ListImageScanFindingsCommand,
  ListImagesCommand,
  type Filter,
} from '@aws-sdk/client-imagebuilder';
import { updateImageRecord } from '../../src/catalog/images.ts';
import { DEBIAN, documentOf, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
  const { client } = api;
  const component = (name: string, semanticVersion: string, more: object) =>
    client.send(
      new CreateComponentCommand({
        name,
        semanticVersion,
        platform: 'Linux',
        data: documentOf(`echo ${name}`),
        ...more,
      }),
    );
  await component('alpha', '1.0.0', { description: 'the first', supportedOsVersions: ['Debian 12', 'Ubuntu'] });
  await component('alpha', '1.2.0', { description: 'the second' });
  await component('beta', '2.0.0', { description: 'the first', supportedOsVersions: ['Debian 13'] });
  const { infrastructureConfigurationArn } = await client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }),
  );
  for (const semanticVersion of ['1.0.0', '1.1.0', '2.0.0']) {
    const { imageRecipeArn } = await client.send(
      new CreateImageRecipeCommand({ name: 'web', semanticVersion, parentImage: DEBIAN }),
    );
    await client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn }));
    if (semanticVersion === '1.0.0')
      await client.send(
        new CreateImagePipelineCommand({
          name: 'web',
          imageRecipeArn,
          infrastructureConfigurationArn,
          description: 'nightly',
        }),
      );
  }
  const [{ arn }] = (
    await client.send(new ListImageBuildVersionsCommand({ filters: [{ name: 'version', values: ['2.0.0'] }] }))
  ).imageSummaryList as [{ arn: string }];
  await updateImageRecord(api.catalog.db, arn, { osVersion: 'Debian 12.1' });
});
after(() => api.close());

const filter = (name: string, ...values: string[]): Filter => ({ name, values });

describe('filters', () => {
  const COMPONENTS: readonly (readonly [filters: Filter[], versions: readonly string[]])[] = [
    [[filter('description', 'the first')], ['alpha 1.0.0', 'beta 2.0.0']],
    [[filter('supportedOsVersion', 'Debian 12', 'Debian 13')], ['alpha 1.0.0', 'beta 2.0.0']],
    [[filter('supportedOsVersion', 'debian 12')], []],
    [[filter('version', '1.x.x')], ['alpha 1.0.0', 'alpha 1.2.0']],
    [[filter('version', '1.0.0', '2.x.x'), filter('name', 'beta')], ['beta 2.0.0']],
    [[filter('status', 'DEPRECATED')], []],
    [
      [filter('status', 'ACTIVE'), filter('type', 'BUILD'), filter('platform', 'Linux')],
      ['alpha 1.0.0', 'alpha 1.2.0', 'beta 2.0.0'],
    ],
    [[filter('productCodes', 'abc')], []],
  ];
  for (const [filters, versions] of COMPONENTS) {
    test(`of components: ${JSON.stringify(filters)}`, async () => {
      const { componentVersionList } = await api.client.send(new ListComponentsCommand({ filters }));
      assert.deepEqual(
        componentVersionList!.map(({ name, version }) => `${name} ${version}`),
        versions,
      );
    });
  }

  test('of managed components are the same', async () => {
    for (const [filters, count] of [
      [[filter('supportedOsVersion', 'Debian')], 5],
      [[filter('supportedOsVersion', 'Debian'), filter('version', '9.x.x')], 0],
      [[filter('name', 'update-linux')], 1],
    ] as const) {
      const { componentVersionList } = await api.client.send(
        new ListComponentsCommand({ owner: 'Amazon', filters: [...filters] }),
      );
      assert.ok(
        count === 5 ? componentVersionList!.length > 1 : componentVersionList!.length === count,
        JSON.stringify(filters),
      );
    }
  });

  const IMAGES: readonly (readonly [filters: Filter[], versions: readonly string[]])[] = [
    [[filter('osVersion', 'Debian 12')], ['1.0.0', '1.1.0']],
    [[filter('osVersion', 'Debian 12.1')], ['2.0.0']],
    [
      [filter('type', 'AMI'), filter('version', '1.x.x')],
      ['1.0.0', '1.1.0'],
    ],
    [[filter('type', 'DOCKER')], []],
    [[filter('platform', 'Windows')], []],
    [[filter('name', 'WEB')], []],
  ];
  for (const [filters, versions] of IMAGES) {
    test(`of images: ${JSON.stringify(filters)}`, async () => {
      assert.deepEqual(
        (await api.client.send(new ListImagesCommand({ filters }))).imageVersionList!.map(({ version }) => version),
        versions,
      );
      const builds = (await api.client.send(new ListImageBuildVersionsCommand({ filters }))).imageSummaryList!;
      assert.deepEqual(
        builds.map(({ version }) => version).sort(),
        versions.map((version) => `${version}/1`),
      );
    });
  }

  test('of pipelines and their images', async () => {
    const of = async (...values: string[]) =>
      (await api.client.send(new ListImagePipelinesCommand({ filters: [filter('description', ...values)] })))
        .imagePipelineList!;
    const [pipeline] = await of('nightly');
    assert.deepEqual(await of('daily'), []);
    assert.deepEqual(
      (
        await api.client.send(
          new ListImagePipelineImagesCommand({
            imagePipelineArn: pipeline!.arn,
            filters: [filter('version', '1.0.0')],
          }),
        )
      ).imageSummaryList,
      [],
    );
  });

  test('of findings of scans are checked, though there are none', async () => {
    assert.deepEqual(
      (await api.client.send(new ListImageScanFindingsCommand({ filters: [filter('severity', 'HIGH')] }))).findings,
      [],
    );
    await assert.rejects(api.client.send(new ListImageScanFindingsCommand({ filters: [filter('colour', 'red')] })), {
      name: 'InvalidParameterValueException',
      message: /'filters\[0\]\.name'.*vulnerabilityId/,
    });
    const { aggregationType, responses } = await api.client.send(
      new ListImageScanFindingAggregationsCommand({ filter: filter('imagePipelineArn', 'x') }),
    );
    assert.deepEqual([aggregationType, responses], ['imagePipelineArn', []]);
    await assert.rejects(
      api.client.send(new ListImageScanFindingAggregationsCommand({ filter: filter('severity', 'HIGH') })),
      { name: 'InvalidParameterValueException', message: /'filter\.name'/ },
    );
  });

  test('by name and by version exclude each other', async () => {
    for (const command of [
      new ListComponentsCommand({ byName: true, filters: [filter('version', '1.0.0')] }),
      new ListImagesCommand({ byName: true, filters: [filter('version', '1.0.0')] }),
    ]) {
      await assert.rejects(api.client.send(command as ListComponentsCommand), {
        name: 'InvalidParameterCombinationException',
      });
    }
  });
});

describe('pages', () => {
  test('lose and repeat nothing when items come and go in between', async () => {
    const seen: string[] = [];
    let nextToken: string | undefined;
    for (let page = 0; page < 2 || nextToken !== undefined; page++) {
      const answer = await api.client.send(new ListComponentsCommand({ maxResults: 1, nextToken }));
      seen.push(...answer.componentVersionList!.map(({ name, version }) => `${name} ${version}`));
      nextToken = answer.nextToken;
      if (page !== 0) continue;
      // Before what was shown, and after it.
      for (const name of ['aaaa', 'bbbb'])
        await api.client.send(
          new CreateComponentCommand({ name, semanticVersion: '1.0.0', platform: 'Linux', data: documentOf('true') }),
        );
      const [{ arn }] = answer.componentVersionList as [{ arn: string }];
      await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: `${arn}/1` }));
    }
    assert.deepEqual(seen, ['alpha 1.0.0', 'alpha 1.2.0', 'bbbb 1.0.0', 'beta 2.0.0']);
  });

  test('go on after a restart, and not on another server', async () => {
    const first = await api.client.send(new ListComponentsCommand({ maxResults: 2 }));
    const next = new ListComponentsCommand({ maxResults: 2, nextToken: first.nextToken });
    const other = await startApi();
    try {
      await assert.rejects(other.client.send(next), { name: 'InvalidPaginationTokenException' });
    } finally {
      await other.close();
    }
    await api.restart();
    const second = await api.client.send(next);
    assert.deepEqual(
      second.componentVersionList!.map(({ name }) => name),
      ['bbbb', 'beta'],
    );
  });
});
