/** A chain of more layers than an image may have: merged into one file that boots, while the layers of the chain stay for whoever else needs them, and go when nobody does. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Collected } from '../../src/pipelines/garbage.ts';
import type { Deregistered, StorageUsage } from '../../src/pipelines/storage.ts';
import { diskChain } from '../../src/images/disks.ts';
import { run } from '../../src/platform/processes.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { assertRecordsHold, filesIn, query } from '../harness/invariants.ts';
import { dataDirectoryWithBase, imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
import { bashDocument } from '../harness/stages.ts';

const LENGTH = 25;
const part = (index: number): string => bashDocument('Write', [`head -c 100000 /dev/urandom > /var/lib/part-${index}`, `sha256sum /var/lib/part-${index} > /var/lib/part-${index}.sum`]);
const parts = Array.from({ length: LENGTH }, (_, index) => part(index));
const readAll = bashDocument('Read', ['set -e', `for i in $(seq 0 ${LENGTH - 1}); do sha256sum --check --status /var/lib/part-$i.sum; done`, 'echo all are there']);

describe('a chain of more layers than an image may have', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  const amis: string[] = [];

  before(async () => {
    state = await hostState();
    dataDirectory = await dataDirectoryWithBase();
    server = await startServer(dataDirectory);
  });

  after(async () => {
    await server.stop();
    await assertNothingLeft(state, dataDirectory);
    await rm(dirname(dataDirectory), { recursive: true, force: true });
  });

  async function json<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await ingot(dataDirectory, [...args, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  const homeFile = (image: Image): string => join(dataDirectory, String(query(dataDirectory, 'SELECT file FROM amis WHERE id = ?', image.outputResources!.amis![0]!.image!)[0]!['file']));
  const hits = async (arn: string): Promise<number> => (await imageLog(dataDirectory, arn)).filter(({ text }) => /^layer of .*: hit, /.test(text)).length;
  const merged = async (arn: string): Promise<boolean> => (await imageLog(dataDirectory, arn)).some(({ text }) => /longer than 24: merged into one file/.test(text));

  test('is merged into one file without anything below it, and that boots', { timeout: 900_000 }, async () => {
    const arn = await createTestImage(server, { name: 'long', tests: true, components: parts });
    const image = await waitUntilAvailable(server, arn);
    amis.push(image.outputResources!.amis![0]!.image!);
    assert.ok(await merged(arn));
    const chain = await diskChain(homeFile(image));
    assert.equal(chain.length, 1);
    await run(['qemu-img', 'check', '-q', '-f', 'qcow2', homeFile(image)]);
    await assertRecordsHold(dataDirectory);
  });

  test('has its layers still: a build with one component more takes all of them', { timeout: 300_000 }, async () => {
    const components = query(dataDirectory, 'SELECT arn FROM components ORDER BY date_created, arn').map(({ arn }) => String(arn));
    const inOrder = parts.map((_, index) => components.find((arn) => arn.includes(`component/long-${index}/`))!);
    const arn = await createTestImage(server, { name: 'long', components: [...inOrder, readAll] });
    const image = await waitUntilAvailable(server, arn);
    amis.push(image.outputResources!.amis![0]!.image!);
    assert.equal(await hits(arn), LENGTH);
    assert.ok((await outputOf(server, arn)).includes('all are there'));
  });

  test('is built on', { timeout: 300_000 }, async () => {
    const arn = await createTestImage(server, { name: 'on-long', parent: amis[0]!, components: [readAll] });
    const image = await waitUntilAvailable(server, arn);
    amis.push(image.outputResources!.amis![0]!.image!);
    assert.ok((await outputOf(server, arn)).includes('all are there'));
    assert.ok(!(await merged(arn)));
  });

  test('goes when nobody refers to it, and not before', { timeout: 300_000 }, async () => {
    const onLong = amis.pop()!;
    for (const ami of amis) await json<Deregistered>('deregister', ami);
    await json<Collected>('gc');
    // What the last image lies on: the merged file, its own component and its clean-up; and the base image.
    assert.equal(filesIn(dataDirectory, 'layers').length, 4);
    await assertRecordsHold(dataDirectory);
    const arn = await createTestImage(server, { name: 'on-on-long', parent: onLong, components: [readAll] });
    const last = await waitUntilAvailable(server, arn);
    assert.ok((await outputOf(server, arn)).includes('all are there'));

    for (const ami of [onLong, last.outputResources!.amis![0]!.image!]) await json<Deregistered>('deregister', ami);
    await json<Collected>('gc');
    const { kinds } = await json<StorageUsage>('df');
    assert.deepEqual([kinds.images, kinds.running, kinds.unreferenced], [0, 0, 0]);
    assert.equal(filesIn(dataDirectory, 'layers').length, 1);
    await assertRecordsHold(dataDirectory);
  });
});
