/**
 * Space: what `df` says is what `du` says, `deregister` and `gc` free what nothing refers to and only that, beside
 * builds that run too. No machine is booted.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateDistributionConfigurationCommand,
  CreateImageRecipeCommand,
  GetImageCommand,
  type Image,
} from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import type { Collected } from '../../src/storage/garbage.ts';
import type { Deregistered, StorageUsage } from '../../src/storage/storage.ts';
import { until } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/processes.ts';
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { ingot, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

/** A component that runs these commands. */
function component(...commands: readonly string[]): string {
  const lines = commands.map((line) => `            - ${JSON.stringify(line)}\n`).join('');
  return (
    'name: t\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Run\n        action: ' +
    `ExecuteBash\n        inputs:\n          commands:\n${lines}`
  );
}

const write = (name: string): string =>
  component(`head -c 3000000 /dev/urandom > /var/lib/${name}`, `sha256sum /var/lib/${name} > /var/lib/${name}.sum`);

describe('space', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  async function json<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await ingot(dataDirectory, [...args, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  const usage = (): Promise<StorageUsage> => json('df');
  const disks = (): readonly string[] => readdirSync(join(dataDirectory, 'layers')).sort();
  const homeAmi = (image: Image): string =>
    image.outputResources!.amis!.find(({ region }) => region === 'us-east-1')!.image!;

  /** What `du` says of a folder, without the folder itself. */
  async function du(folder: string): Promise<number> {
    const path = join(dataDirectory, folder);
    const { stdout } = await run(['du', '--summarize', '--block-size=1', path]);
    return Number(stdout.split('\t')[0]) - statSync(path).blocks * 512;
  }

  async function assertWhole(): Promise<void> {
    for (const name of disks())
      await run(['qemu-img', 'check', '-q', '-f', 'qcow2', join(dataDirectory, 'layers', name)]);
  }

  /** Builds on an AMI and reads what its components wrote. */
  async function assertBuildsOn(ami: string, name: string, ...files: readonly string[]): Promise<Image> {
    const arn = await createTestImage(server, {
      name,
      parent: ami,
      components: [component(...files.map((file) => `sha256sum --check /var/lib/${file}.sum`))],
    });
    const image = await waitUntilAvailable(server, arn);
    assert.deepEqual(
      (await outputOf(server, arn)).filter((line) => line.endsWith(': OK')),
      files.map((file) => `/var/lib/${file}: OK`),
    );
    return image;
  }

  test('of two images that share a layer one is deregistered: the other is whole; df, du and what was freed agree', async () => {
    await writeFile(join(dataDirectory, 'config.yaml'), 'regions: { eu-west-1: { layout: flat } }\n');
    const { distributionConfigurationArn } = await server.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'two-regions',
        clientToken: randomUUID(),
        distributions: ['us-east-1', 'eu-west-1'].map((region) => ({
          region,
          amiDistributionConfiguration: { name: `one-${region} {{ imagebuilder:buildDate }}` },
        })),
      }),
    );
    const shared = write('shared');
    const oneArn = await createTestImage(server, {
      name: 'one',
      components: [shared, write('one')],
      distributionConfigurationArn: distributionConfigurationArn!,
    });
    const one = await waitUntilAvailable(server, oneArn);
    const two = await waitUntilAvailable(
      server,
      await createTestImage(server, { name: 'two', components: [shared, write('two')] }),
    );

    const before = await usage();
    const { kinds } = before;
    assert.equal(await du('layers'), kinds.baseImages + kinds.images + kinds.running + kinds.unreferenced);
    assert.equal(
      (await du('regions')) - statSync(join(dataDirectory, 'regions', 'eu-west-1')).blocks * 512,
      kinds.copies,
    );
    assert.deepEqual([kinds.running, kinds.unreferenced, kinds.instances], [0, 0, 0]);
    assert.equal(
      Object.values(kinds).reduce((sum, bytes) => sum + bytes),
      before.totalBytes,
    );
    const all = (await du('.')) + statSync(dataDirectory).blocks * 512;
    assert.ok(
      Math.abs(all - before.totalBytes) < 1_000_000,
      `du says ${all}, df ${before.totalBytes}; only logs and records may have grown`,
    );

    const there = disks().length;
    const done = await json<Deregistered>('deregister', homeAmi(one));
    assert.deepEqual([done.bytes, done.keptBy], [before.amis.find(({ id }) => id === done.amiId)!.freedBytes, []]);
    // Its own component and the clean-up; the shared one stays.
    assert.equal(done.layers, 2);
    assert.equal(disks().length, there - 2);
    await assertWhole();
    await assertBuildsOn(homeAmi(two), 'on-two', 'shared', 'two');

    // The image is still told of, as on AWS; its AMI can neither be launched nor built on.
    const { image } = await server.client.send(new GetImageCommand({ imageBuildVersionArn: oneArn }));
    assert.deepEqual([image!.state!.status, homeAmi(image!)], ['AVAILABLE', done.amiId]);
    const launch = await ingot(dataDirectory, ['launch', done.amiId]);
    assert.deepEqual([launch.code, launch.stderr.includes(done.amiId)], [1, true], launch.stderr);
    await assert.rejects(
      server.client.send(
        new CreateImageRecipeCommand({
          name: 'on-one',
          semanticVersion: '1.0.0',
          parentImage: done.amiId,
          components: [],
          clientToken: randomUUID(),
        }),
      ),
      { name: 'InvalidParameterValueException' },
    );
    const again = await ingot(dataDirectory, ['deregister', done.amiId]);
    assert.deepEqual([again.code, again.stderr], [1, `ingot: The resource '${done.amiId}' does not exist.\n`]);

    const copy = image!.outputResources!.amis!.find(({ region }) => region === 'eu-west-1')!.image!;
    const file = join(dataDirectory, 'regions', 'eu-west-1', `${copy}.qcow2`);
    assert.ok(existsSync(file));
    const wrong = await ingot(dataDirectory, ['deregister', copy, '--region', 'us-east-1']);
    assert.match(wrong.stderr, /it is in eu-west-1/);
    assert.equal((await json<Deregistered>('deregister', copy)).layers, 1);
    assert.deepEqual(readdirSync(dirname(file)), []);
  });

  test('gc frees what a failed build left for later ones and files without an owner, exactly as much as df said', async () => {
    const good = write('good');
    const failed = await waitForStatus(
      server,
      await createTestImage(server, { name: 'failed', components: [good, component('exit 3')] }),
    );
    assert.equal(failed.state?.status, 'FAILED');
    await writeFile(join(dataDirectory, 'layers', 'lay-00000000000000000.qcow2'), Buffer.alloc(100_000, 1));
    const before = await usage();
    assert.ok(before.kinds.unreferenced > 3_000_000);

    const young = await json<Collected>('gc', '--older-than', '1h');
    assert.deepEqual([young.layers, young.files], [0, 1]);
    const freed = await json<Collected>('gc');

    assert.deepEqual([freed.layers, freed.files, young.bytes + freed.bytes], [1, 0, before.kinds.unreferenced]);
    const { kinds } = await usage();
    assert.equal(kinds.unreferenced, 0);
    assert.deepEqual([kinds.images, kinds.baseImages], [before.kinds.images, before.kinds.baseImages]);
    assert.equal((await ingot(dataDirectory, ['gc'])).stdout, 'nothing to free\n');
    await assertWhole();
  });

  test('gc and deregister beside a build take nothing of it, nor of what it is built on', async () => {
    const parent = homeAmi(
      await waitUntilAvailable(server, await createTestImage(server, { name: 'below', components: [write('below')] })),
    );
    const arn = await createTestImage(server, {
      name: 'beside',
      parent,
      components: [write('first'), write('second'), component('echo waiting', 'sleep 15'), write('last')],
    });
    const collect = async (): Promise<void> =>
      assert.deepEqual(await json<Collected>('gc'), { layers: 0, files: 0, bytes: 0 });
    await until(
      'the build to wait',
      120_000,
      async () => {
        await collect();
        return (await outputOf(server, arn)).includes('waiting') ? true : undefined;
      },
      { everyMs: 10 },
    );
    const deregistered = await json<Deregistered>('deregister', parent);
    assert.deepEqual([deregistered.layers, deregistered.keptBy], [0, [arn]]);
    assert.ok((await usage()).kinds.running > 6_000_000);
    const image = await until(
      'the build to end',
      120_000,
      async () => {
        await collect();
        const now = await waitForStatus(server, arn, ['BUILDING', 'DISTRIBUTING', 'INTEGRATING']);
        return ['AVAILABLE', 'FAILED'].includes(now.state!.status!) ? now : undefined;
      },
      { everyMs: 10 },
    );

    assert.equal(image.state!.status, 'AVAILABLE', image.state!.reason);
    await collect();
    await assertWhole();
    await assertBuildsOn(homeAmi(image), 'on-beside', 'below', 'first', 'second', 'last');
  });

  for (const args of [
    ['gc', '--older-than', 'soon'],
    ['deregister', 'ami-web'],
    ['deregister'],
    ['build', 'template.yaml', '--cache', '--no-cache'],
    ['build', 'template.yaml', '--cache-max-age', '1 day'],
  ] as const) {
    test(`wrong use: ${args.join(' ')}`, async () => {
      const { code, stderr } = await ingot(dataDirectory, args);
      assert.deepEqual([code, stderr.split('\n').length], [2, 2], stderr);
    });
  }
});
