/** Builds in which nothing changed: the finished disk of the build before is taken, and no instance started. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  CreateDistributionConfigurationCommand,
  GetImageCommand,
  ListImagePackagesCommand,
  type Image,
} from '@aws-sdk/client-imagebuilder';
import { amiOnRecord, type Ami } from '../../src/catalog/amis.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { imageLog, ingot, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

const component = (name: string, line: string): string =>
  JSON.stringify({
    name,
    schemaVersion: 1.0,
    phases: [{ name: 'build', steps: [{ name, action: 'ExecuteBash', inputs: { commands: [line] } }] }],
  });

describe('a build in which nothing changed', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let catalog: Catalog;
  let distributionConfigurationArn: string | undefined;

  before(async () => {
    ({ state, dataDirectory, server } = await beginOnServer());
    catalog = await openCatalog(dataDirectory);
    ({ distributionConfigurationArn } = await server.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'two-regions',
        distributions: [{ region: 'eu-west-1', amiDistributionConfiguration: {} }],
        clientToken: randomUUID(),
      }),
    ));
  });

  after(async () => {
    await catalog.close();
    await endOnServer({ state, dataDirectory, server });
  });

  /** Builds, and tells how many instances that took. */
  async function build(name: string, components: readonly string[], tags?: Readonly<Record<string, string>>) {
    const before = (await instances()).length;
    const arn = await createTestImage(server, {
      name,
      components,
      ...(tags === undefined ? {} : { tags }),
      distributionConfigurationArn: distributionConfigurationArn!,
    });
    const image = await waitUntilAvailable(server, arn);
    const amis: readonly Ami[] = await Promise.all(
      image.outputResources!.amis!.map(async (ami) => (await amiOnRecord(catalog.db, ami.image!))!),
    );
    return { arn, image, amis, launched: (await instances()).length - before };
  }

  async function instances() {
    return catalog.db.selectFrom('instances').select('id').execute();
  }

  const packagesOf = async (imageBuildVersionArn: string) =>
    (await server.client.send(new ListImagePackagesCommand({ imageBuildVersionArn }))).imagePackageList;

  test('takes the disk that an earlier one has finished, and starts no instance', async () => {
    const recipe = [component('One', 'echo one > /etc/one'), component('Two', 'echo two > /etc/two')];
    const first = await build('first', recipe);
    assert.equal(first.launched, 1);

    const second = await build('second', recipe);
    assert.equal(second.launched, 0);
    const log = await imageLog(dataDirectory, second.arn);
    assert.ok(log.some(({ text }) => text.startsWith(`nothing changed since ${first.arn}: its disk is taken (lay-`)));
    assert.deepEqual(
      second.amis.map(({ region, layer_id }) => [region, layer_id]),
      first.amis.map(({ region, layer_id }) => [region, layer_id]),
    );
    assert.equal(new Set([...first.amis, ...second.amis].map(({ id }) => id)).size, 4);
    assert.deepEqual(await packagesOf(second.arn), await packagesOf(first.arn));
    assert.equal(second.image.osVersion, first.image.osVersion);
    const described: Image = (await server.client.send(new GetImageCommand({ imageBuildVersionArn: second.arn })))
      .image!;
    assert.equal(described.state!.status, 'AVAILABLE');

    // It does not depend on the image whose disk it has.
    for (const { id } of first.amis) assert.equal((await ingot(dataDirectory, ['deregister', id])).code, 0);
    await ingot(dataDirectory, ['gc']);
    const child = await createTestImage(server, {
      name: 'child',
      parent: second.amis[0]!.id,
      components: [component('Read', 'cat /etc/one /etc/two')],
    });
    await waitUntilAvailable(server, child);
    assert.deepEqual(
      (await outputOf(server, child)).filter((line) => /^(?:one|two)$/.test(line)),
      ['one', 'two'],
    );
    const third = await build('third', recipe);
    assert.equal(third.launched, 0);
  });

  test('is one whose components, clean-up, cache and freshness are the same', async () => {
    const recipe = [component('One', 'echo one > /etc/one')];
    assert.equal((await build('ground', recipe)).launched, 1);
    assert.equal((await build('changed', [component('One', 'echo changed > /etc/one')])).launched, 1);
    assert.equal((await build('no-cache', recipe, { 'ingot:layer-cache': 'off' })).launched, 1);
    const newest = [
      JSON.stringify({
        name: 'Newest',
        schemaVersion: 1.0,
        constants: [{ IngotTakesNewest: { type: 'string', value: 'true' } }],
        phases: [
          { name: 'build', steps: [{ name: 'N', action: 'ExecuteBash', inputs: { commands: ['date > /etc/n'] } }] },
        ],
      }),
    ];
    assert.equal((await build('newest', newest)).launched, 1);
    assert.equal((await build('newest-again', newest)).launched, 1);
    assert.equal((await build('same', recipe)).launched, 0);
  });
});
