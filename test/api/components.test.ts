/** Components, and the client tokens of their creation. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageCommand,
  DeleteComponentCommand,
  GetComponentCommand,
  ListComponentBuildVersionsCommand,
  ListComponentsCommand,
} from '@aws-sdk/client-imagebuilder';
import { amazon, fails, own, makersOf } from './makers.ts';
import { documentOf, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const { component, recipe, infrastructure, unique } = makersOf(() => api);

describe('components', () => {
  test('of the same version get the next build, unless nothing changed', async () => {
    const name = unique('builds');
    const data = documentOf('echo same');
    await component(name, { data });
    await fails(
      component(name, { data }),
      'ResourceAlreadyExistsException',
      new RegExp(`component/${name}/1\\.0\\.0/1`),
    );
    assert.equal((await component(name)).componentBuildVersionArn, own(`component/${name}/1.0.0/2`));
    // Names that differ in case and separators are one name.
    assert.equal(
      (await component(name.toUpperCase().replaceAll('-', '_'), { data })).componentBuildVersionArn,
      own(`component/${name}/1.0.0/3`),
    );
    const { componentSummaryList } = await api.client.send(
      new ListComponentBuildVersionsCommand({ componentVersionArn: own(`component/${name}/1.0.0`) }),
    );
    assert.deepEqual(
      componentSummaryList!.map(({ arn }) => arn),
      [1, 2, 3].map((build) => own(`component/${name}/1.0.0/${build}`)),
    );
  });

  test('are found by version and by wildcard, as numbers', async () => {
    const name = unique('wild');
    for (const semanticVersion of ['1.9.0', '1.10.0', '1.10.1', '2.0.0']) await component(name, { semanticVersion });
    await component(name, { semanticVersion: '1.10.1' });
    for (const [version, expected] of [
      ['x.x.x', '2.0.0/1'],
      ['1.x.x', '1.10.1/2'],
      ['1.9.x', '1.9.0/1'],
      ['1.10.1', '1.10.1/2'],
      ['1.10.1/1', '1.10.1/1'],
    ]) {
      const { component: found } = await api.client.send(
        new GetComponentCommand({ componentBuildVersionArn: own(`component/${name}/${version}`) }),
      );
      assert.equal(found!.arn, own(`component/${name}/${expected}`));
    }
    for (const version of ['3.x.x', '1.8.x', '1.10.1/3']) {
      await fails(
        api.client.send(new GetComponentCommand({ componentBuildVersionArn: own(`component/${name}/${version}`) })),
        'ResourceNotFoundException',
      );
    }
  });

  test('of Amazon are there', async () => {
    const { component: found } = await api.client.send(
      new GetComponentCommand({ componentBuildVersionArn: amazon('component/update-linux/x.x.x') }),
    );
    assert.match(found!.arn!, /:aws:component\/update-linux\/\d+\.\d+\.\d+\/1$/);
    assert.equal(found!.owner, 'Amazon');
    assert.match(found!.data!, /UpdateOS/);
    const { componentVersionList } = await api.client.send(
      new ListComponentsCommand({ owner: 'Amazon', filters: [{ name: 'type', values: ['TEST'] }] }),
    );
    assert.deepEqual(
      componentVersionList!.map(({ name }) => name),
      [
        'apt-repository-test-linux',
        'chrony-time-configuration-test',
        'reboot-test-linux',
        'simple-boot-test-linux',
        'yum-repository-test-linux',
      ],
    );
    const { componentSummaryList } = await api.client.send(
      new ListComponentBuildVersionsCommand({ componentVersionArn: found!.arn!.replace(/\/1$/, '') }),
    );
    assert.deepEqual(
      componentSummaryList!.map(({ arn }) => arn),
      [found!.arn],
    );
    await fails(
      api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: found!.arn })),
      'ForbiddenException',
    );
  });

  test('with faults are refused with all of them and their places', async () => {
    const data =
      'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: A\n        action: Nonsense\n       ' +
      ' inputs: {}\n      - name: A\n        action: ExecuteBash\n        maxAttempts: x\n        inputs:\n        ' +
      '  commands:\n            - "true"\n';
    await fails(
      component(unique('bad'), { data }),
      'InvalidParameterValueException',
      /'data' is not valid[\s\S]*^6:17: error unknown-action: [\s\S]*^10:22: error wrong-type: /m,
    );
  });

  test('take exactly one of data and uri, and no wildcard version', async () => {
    await fails(component(unique('both'), { uri: 's3://b/k.yaml' }), 'InvalidParameterCombinationException');
    await fails(
      api.client.send(
        new CreateComponentCommand({ name: unique('none'), semanticVersion: '1.0.0', platform: 'Linux' }),
      ),
      'InvalidParameterCombinationException',
    );
    await fails(
      api.client.send(
        new CreateComponentCommand({
          name: unique('uri'),
          semanticVersion: '1.0.0',
          platform: 'Linux',
          uri: 's3://bucket/k.yaml',
        }),
      ),
      'InvalidParameterValueException',
      /has no credentials to read s3:\/\/bucket\/k\.yaml/,
    );
    for (const semanticVersion of ['1.0.x', '1.0', '1073741824.0.0'])
      await fails(component(unique('version'), { semanticVersion }), 'InvalidVersionNumberException');
  });

  test('are not made by a dry run', async () => {
    const name = unique('dry');
    await fails(
      component(name, { dryRun: true }),
      'DryRunOperationException',
      /^Request would have succeeded, but dryRun flag is set\.$/,
    );
    await fails(
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: own(`component/${name}/1.0.0`) })),
      'ResourceNotFoundException',
    );
  });

  test('are listed by version, by name, by page', async () => {
    const lister = await startApi();
    try {
      for (let index = 0; index < 30; index++) {
        await lister.client.send(
          new CreateComponentCommand({
            name: `c${String(index % 6).padStart(2, '0')}x`,
            semanticVersion: `1.${Math.floor(index / 6)}.0`,
            platform: 'Linux',
            data: documentOf(`echo ${index}`),
          }),
        );
      }
      const seen: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await lister.client.send(
          new ListComponentsCommand({ maxResults: 7, ...(nextToken === undefined ? {} : { nextToken }) }),
        );
        seen.push(...page.componentVersionList!.map(({ arn }) => arn!));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      assert.equal(seen.length, 30);
      assert.equal(new Set(seen).size, 30);
      assert.equal((await lister.client.send(new ListComponentsCommand({}))).componentVersionList!.length, 25);
      const byName = await lister.client.send(new ListComponentsCommand({ byName: true }));
      assert.deepEqual(
        byName.componentVersionList!.map(({ arn }) => arn),
        [0, 1, 2, 3, 4, 5].map((index) => own(`component/c0${index}x/x.x.x`)),
      );
      const none = await lister.client.send(
        new ListComponentsCommand({
          filters: [
            { name: 'name', values: ['c00x'] },
            { name: 'name', values: ['c01x'] },
          ],
        }),
      );
      assert.deepEqual(none.componentVersionList, []);
      const filtered = await lister.client.send(
        new ListComponentsCommand({
          filters: [
            { name: 'name', values: ['c00x', 'c01x'] },
            { name: 'platform', values: ['Linux'] },
          ],
        }),
      );
      assert.equal(filtered.componentVersionList!.length, 10);
      await fails(
        lister.client.send(new ListComponentsCommand({ filters: [{ name: 'colour', values: ['red'] }] })),
        'InvalidParameterValueException',
        /colour/,
      );
      await fails(
        lister.client.send(new ListComponentsCommand({ nextToken: 'nonsense' })),
        'InvalidPaginationTokenException',
      );
    } finally {
      await lister.close();
    }
  });
});

describe('client tokens', () => {
  test('replay the first answer, and refuse another request', async () => {
    const name = unique('token');
    const input = {
      name,
      semanticVersion: '1.0.0',
      platform: 'Linux' as const,
      data: documentOf('echo token'),
      clientToken: 'token-1',
    };
    const first = await api.client.send(new CreateComponentCommand(input));
    const again = await api.client.send(new CreateComponentCommand(input));
    assert.equal(again.componentBuildVersionArn, first.componentBuildVersionArn);
    assert.equal(again.clientToken, 'token-1');
    await fails(
      api.client.send(new CreateComponentCommand({ ...input, description: 'other' })),
      'IdempotentParameterMismatchException',
    );
    assert.equal(
      (
        await api.client.send(
          new ListComponentBuildVersionsCommand({ componentVersionArn: own(`component/${name}/1.0.0`) }),
        )
      ).componentSummaryList!.length,
      1,
    );
  });

  test('are remembered across a restart', async () => {
    const name = unique('remembered');
    const input = {
      name,
      semanticVersion: '1.0.0',
      platform: 'Linux' as const,
      data: documentOf('echo token'),
      clientToken: 'token-restart',
    };
    const first = await api.client.send(new CreateComponentCommand(input));
    await api.restart();
    const again = await api.client.send(new CreateComponentCommand(input));
    assert.deepEqual(
      [again.componentBuildVersionArn, again.latestVersionReferences],
      [first.componentBuildVersionArn, first.latestVersionReferences],
    );
    await fails(
      api.client.send(new CreateComponentCommand({ ...input, name: 'other' })),
      'IdempotentParameterMismatchException',
    );
  });

  test('start one image only', async () => {
    const { imageRecipeArn } = await recipe(unique('once'));
    const input = { imageRecipeArn, infrastructureConfigurationArn: await infrastructure(), clientToken: 'image-once' };
    const arns = await Promise.all(
      [1, 2, 3].map(async () => (await api.client.send(new CreateImageCommand(input))).imageBuildVersionArn),
    );
    assert.equal(new Set(arns).size, 1);
  });
});
