/**
 * A chain of more layers than an image may have: merged into one file that boots, while the layers of the chain stay as
 * long as something else needs them, and are deleted afterwards.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Collected } from '../../src/storage/garbage.ts';
import type { Deregistered, StorageUsage } from '../../src/storage/storage.ts';
import { diskChain } from '../../src/images/disks.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { assertRecordsHold, filesIn, query } from '../harness/invariants.ts';
import { imageLog, ingot, type TestServer } from '../harness/service.ts';
import { bashDocument } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

/**
 * A recipe takes 20 components, so that a longer chain is an image on an image: the base image, these, two clean-ups.
 */
const BELOW = 20;
const ABOVE = 5;
const part = (index: number): string =>
  bashDocument('Write', [
    `head -c 100000 /dev/urandom > /var/lib/part-${index}`,
    `sha256sum /var/lib/part-${index} > /var/lib/part-${index}.sum`,
  ]);
const parts = (from: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => part(from + index));
const readAll = bashDocument('Read', [
  'set -e',
  `for i in $(seq 0 ${BELOW + ABOVE - 1}); do sha256sum --check --status /var/lib/part-$i.sum; done`,
  'echo all are there',
]);

describe('a chain of more layers than an image may have', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  const amis: Record<string, string> = {};

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  async function json<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await ingot(dataDirectory, [...args, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  const homeFile = (image: Image): string =>
    join(
      dataDirectory,
      String(
        query(dataDirectory, 'SELECT file FROM amis WHERE id = ?', image.outputResources!.amis![0]!.image!)[0]!['file'],
      ),
    );
  const hits = async (arn: string): Promise<number> =>
    (await imageLog(dataDirectory, arn)).filter(({ text }) => /^layer of .*: hit, /.test(text)).length;
  const merged = async (arn: string): Promise<boolean> =>
    (await imageLog(dataDirectory, arn)).some(({ text }) => /longer than 24; merged it into one file/.test(text));

  const build = async (
    name: string,
    components: readonly string[],
    options: { readonly on?: string; readonly tests?: boolean } = {},
  ): Promise<{ readonly arn: string; readonly image: Image }> => {
    const arn = await createTestImage(server, {
      name,
      components,
      ...(options.on === undefined ? {} : { parent: amis[options.on]! }),
      tests: options.tests ?? false,
    });
    const image = await waitUntilAvailable(server, arn);
    amis[name] = image.outputResources!.amis![0]!.image!;
    return { arn, image };
  };

  test('is merged into one file without anything below it, and that boots', { timeout: 900_000 }, async () => {
    const below = await build('below', parts(0, BELOW));
    assert.ok(!(await merged(below.arn)));
    assert.equal((await diskChain(homeFile(below.image))).length, BELOW + 2);
    const { arn, image } = await build('long', parts(BELOW, ABOVE), { on: 'below', tests: true });
    assert.ok(await merged(arn));
    assert.equal((await diskChain(homeFile(image))).length, 1);
    await assertRecordsHold(dataDirectory);
  });

  test('has its layers still: a build with one component more takes all of them', { timeout: 300_000 }, async () => {
    const { arn } = await build('longer', [...parts(BELOW, ABOVE), readAll], { on: 'below' });
    assert.equal(await hits(arn), ABOVE);
    assert.ok((await outputOf(server, arn)).includes('all are there'));
    assert.ok(await merged(arn));
  });

  test('is built on', { timeout: 300_000 }, async () => {
    const { arn } = await build('on-long', [readAll], { on: 'long' });
    assert.ok((await outputOf(server, arn)).includes('all are there'));
    assert.ok(!(await merged(arn)));
  });

  test('is deleted when nothing refers to it, and not before', { timeout: 300_000 }, async () => {
    for (const name of ['below', 'long', 'longer']) await json<Deregistered>('deregister', amis[name]!);
    await json<Collected>('gc');
    // What the last image lies on: the merged file, its own component and its clean-up; and the base image.
    assert.equal(filesIn(dataDirectory, 'layers').length, 4);
    await assertRecordsHold(dataDirectory);
    const { arn } = await build('on-on-long', [readAll], { on: 'on-long' });
    assert.ok((await outputOf(server, arn)).includes('all are there'));

    for (const name of ['on-long', 'on-on-long']) await json<Deregistered>('deregister', amis[name]!);
    await json<Collected>('gc');
    const { kinds } = await json<StorageUsage>('df');
    assert.deepEqual([kinds.images, kinds.running, kinds.unreferenced], [0, 0, 0]);
    assert.equal(filesIn(dataDirectory, 'layers').length, 1);
    await assertRecordsHold(dataDirectory);
  });
});
