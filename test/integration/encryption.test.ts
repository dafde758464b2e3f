/**
 * Encrypted images: what lies on the disk, who opens it, and what becomes of a key that is taken away. Virtual machines
 * of such images: test/long/encrypted-machine.test.ts.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  CreateDistributionConfigurationCommand,
  GetImageCommand,
  type CreateImageRecipeCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { amiOnRecord } from '../../src/catalog/amis.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import { keyOfDataKey, setKeyState } from '../../src/catalog/keys.ts';
import { allLayers } from '../../src/catalog/layers.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { KeyService } from '../../src/keys/key-service.ts';
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { imageLog, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';
import { run } from '../harness/processes.ts';
import { sleep, until } from '../../src/platform/clock.ts';

const ACCOUNT = '123456789012';
/** What each line of the written file is, which neither document nor log has. */
const MARKER = 'c0ffee'.repeat(8);
const HALF = 'c0ffee'.repeat(4);

function component(name: string, commands: readonly string[]): string {
  return JSON.stringify({
    name,
    schemaVersion: 1.0,
    phases: [
      { name: 'build', steps: [{ name, action: 'ExecuteBash', inputs: { commands: ['set -e', ...commands] } }] },
    ],
  });
}

const write = component('Write', [
  `half=${HALF}`,
  'for i in $(seq 1 40000); do echo "$half$half"; done > /opt/marked',
  'sync',
]);
const check = (): string =>
  component('Check', [`half=${HALF}`, 'test "$(sort -u /opt/marked)" = "$half$half"', 'echo the marker is there']);

const encryptedRoot = (kmsKeyId?: string): Partial<CreateImageRecipeCommandInput> => ({
  blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: true, kmsKeyId } }],
});

describe('encrypted images', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let catalog: Catalog;

  before(async () => {
    ({ state, dataDirectory, server } = await beginOnServer());
    catalog = await openCatalog(dataDirectory);
  });

  after(async () => {
    await catalog.close();
    await endOnServer({ state, dataDirectory, server });
  });

  /** Files of the data directory that contain a text. */
  async function filesWith(text: string): Promise<readonly string[]> {
    const { stdout } = await run(['grep', '-rlaF', '--', text, dataDirectory], { okCodes: [0, 1, 2] });
    return stdout.split('\n').filter((line) => line !== '');
  }

  test('a plain image leaves its marker on the disk, so that the search can find one', async () => {
    await waitUntilAvailable(server, await createTestImage(server, { name: 'plain', components: [write] }));
    assert.ok((await filesWith(MARKER)).length > 0);
    await run([process.execPath, 'src/commands/main.ts', 'gc', '--data', dataDirectory, '--all'], { okCodes: 'any' });
  });

  test('no plain block of an encrypted image touches the disk, and nobody sees its key', async () => {
    const keys = new KeyService(catalog);
    const home = await keys.create({ account: ACCOUNT, region: 'us-east-1' }, { alias: 'alias/home' });
    const there = await keys.create({ account: ACCOUNT, region: 'eu-west-1' }, { alias: 'alias/there' });
    const before = new Set(await filesWith(MARKER));
    const { distributionConfigurationArn } = await server.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'encrypted',
        distributions: [{ region: 'eu-west-1', amiDistributionConfiguration: { kmsKeyId: 'alias/there' } }],
        clientToken: randomUUID(),
      }),
    );
    const arn = await createTestImage(server, {
      name: 'encrypted',
      components: [write, check(), component('Wait', ['sleep 2'])],
      recipe: encryptedRoot('alias/home'),
      distributionConfigurationArn,
    });
    // While it is built: the disk, command lines and environments.
    const secrets = new Set<string>();
    let looks = 0;
    const seen: string[] = [];
    let over = false;
    const looking = (async () => {
      while (!over) {
        for (const { data_key_id } of await allLayers(catalog.db))
          if (data_key_id !== null) secrets.add((await keys.openDataKey(data_key_id)).reveal());
        for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each) && each !== String(process.pid)))
          for (const file of ['cmdline', 'environ'])
            for (const secret of secrets)
              if (contentOf(`/proc/${name}/${file}`).includes(secret)) seen.push(`${name}/${file}`);
        for (const file of await filesWith(MARKER)) if (!before.has(file)) seen.push(file);
        looks++;
        await sleep(300);
      }
    })();
    const image = await waitUntilAvailable(server, arn);
    over = true;
    await looking;
    assert.ok(looks > 3 && secrets.size > 0);
    assert.deepEqual(seen, []);
    assert.equal((await outputOf(server, arn)).filter((line) => line === 'the marker is there').length, 1);
    for (const secret of secrets) assert.deepEqual(await filesWith(secret), []);

    const amis = image.outputResources!.amis!;
    const records = await Promise.all(amis.map(({ image: id }) => amiOnRecord(catalog.db, id!)));
    assert.deepEqual(records.map((ami) => [ami!.region, ami!.kms_key_arn]).sort(), [
      ['eu-west-1', there.arn],
      ['us-east-1', home.arn],
    ]);
    // Layers by component are encrypted, and a second build takes them.
    const again = await createTestImage(server, {
      name: 'encrypted-again',
      components: [write, check()],
      recipe: encryptedRoot('alias/home'),
    });
    await waitUntilAvailable(server, again);
    assert.ok(
      (await imageLog(dataDirectory, again)).some(({ text }) => text.startsWith('layer of encrypted-again-0: hit')),
    );

    // Each Region's AMI is opened by its own key.
    await setKeyState(catalog.db, home.arn, 'Disabled');
    const layers = new LayerStore(catalog, dataDirectory);
    const copy = records.find((ami) => ami!.region === 'eu-west-1')!;
    const taken = await layers.takeAmi(copy.id, 'eu-west-1', 'test');
    assert.ok((await layers.encryption(taken!.layer))!.files.length > 1);
    const original = await layers.takeAmi(records.find((ami) => ami!.region === 'us-east-1')!.id, 'us-east-1', 'test');
    await assert.rejects(layers.encryption(original!.layer), /the key '.*' is disabled/);
    await layers.release('test');
    await setKeyState(catalog.db, home.arn, 'Enabled');

    // A key is rotated: its data keys are sealed again, and no disk changes.
    const top = (await allLayers(catalog.db)).findLast((layer) => layer.data_key_id !== null)!;
    const content = await readFile(join(dataDirectory, top.path));
    assert.equal(await keyOfDataKey(catalog.db, top.data_key_id!), home.arn);
    assert.ok((await keys.rotate(home.arn)) > 0);
    assert.ok(content.equals(await readFile(join(dataDirectory, top.path))));
    assert.ok(secrets.has((await keys.openDataKey(top.data_key_id!)).reveal()));

    // An image that is built on an encrypted one is encrypted, though its recipe does not ask.
    const child = await createTestImage(server, {
      name: 'child',
      parent: records.find((ami) => ami!.region === 'us-east-1')!.id,
      components: [check(), write.replaceAll('Write', 'Append').replace('> /opt/marked', '> /opt/marked2')],
    });
    const made = await waitUntilAvailable(server, child);
    assert.equal((await amiOnRecord(catalog.db, made.outputResources!.amis![0]!.image!))!.kms_key_arn, home.arn);
    assert.deepEqual(
      (await filesWith(MARKER)).filter((file) => !before.has(file)),
      [],
    );
  });

  test('a key that cannot be used refuses the image before its build, with field and value', async () => {
    const keys = new KeyService(catalog);
    const other = await keys.create({ account: '210987654321', region: 'us-east-1' }, {});
    const disabled = await keys.create({ account: ACCOUNT, region: 'us-east-1' }, { alias: 'alias/disabled' });
    await setKeyState(catalog.db, disabled.arn, 'Disabled');
    const going = await keys.create({ account: ACCOUNT, region: 'us-east-1' }, { alias: 'alias/going' });
    await setKeyState(catalog.db, going.arn, 'PendingDeletion', '2999-01-01T00:00:00Z');
    for (const [index, [key, message]] of (
      [
        ['alias/nobody', /ebs\.kmsKeyId: the key 'alias\/nobody' does not exist in us-east-1 for account 123456789012/],
        ['alias/disabled', /ebs\.kmsKeyId: the key 'alias\/disabled' is disabled/],
        ['alias/going', /ebs\.kmsKeyId: the key 'alias\/going' is pending deletion \(2999-01-01T00:00:00Z\)/],
        [other.arn, /ebs\.kmsKeyId: the key '.*' belongs to account 210987654321, and not to 123456789012/],
      ] as const
    ).entries())
      await assert.rejects(
        createTestImage(server, { name: `refused-${index}`, components: [write], recipe: encryptedRoot(key) }),
        message,
      );
  });

  test('a key that is taken away half-way fails the image, and nothing of it stays', async () => {
    const keys = new KeyService(catalog);
    const key = await keys.create({ account: ACCOUNT, region: 'us-east-1' }, { alias: 'alias/short' });
    const arn = await createTestImage(server, {
      name: 'short',
      components: [component('Wait', ['echo waiting', 'sleep 5']), write],
      recipe: encryptedRoot('alias/short'),
    });
    await until('the component to run', 120_000, async () =>
      (await outputOf(server, arn)).includes('waiting') ? true : undefined,
    );
    await setKeyState(catalog.db, key.arn, 'Disabled');
    const image = await waitForStatus(server, arn);
    assert.equal(image.state!.status, 'FAILED');
    assert.match(image.state!.reason!, /the key 'arn:aws:kms:us-east-1:123456789012:key\/.*' is disabled/);
    const { image: described } = await server.client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
    assert.deepEqual(described!.outputResources?.amis ?? [], []);
  });
});

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
