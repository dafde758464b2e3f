/** Virtual machines of encrypted images: built in one, tested in one, and launched. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { getInstance } from '../../src/catalog/instances.ts';
import { isEncrypted } from '../../src/images/layer-header.ts';
import { instanceDisk } from '../../src/platform/data-layout.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { run } from '../harness/processes.ts';
import { ingot, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

/** What each line of the written file is, which no document has. */
const MARKER = 'decade'.repeat(8);
const HALF = 'decade'.repeat(4);

function component(phase: 'build' | 'test', name: string, commands: readonly string[]): string {
  return JSON.stringify({
    name,
    schemaVersion: 1.0,
    phases: [{ name: phase, steps: [{ name, action: 'ExecuteBash', inputs: { commands: ['set -e', ...commands] } }] }],
  });
}

describe('virtual machines of encrypted images', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  test('one builds it, layer by layer, one tests it, and one runs it', async () => {
    const arn = await createTestImage(server, {
      name: 'machine',
      driver: 'qemu',
      components: [
        component('build', 'Write', [
          `half=${HALF}`,
          'for i in $(seq 1 40000); do echo "$half$half"; done > /opt/marked',
          'sync',
        ]),
        component('build', 'Add', ['sort -u /opt/marked > /opt/once', 'sync']),
        component('test', 'Check', ['cmp <(sort -u /opt/marked) /opt/once', 'echo the marker is there']),
      ],
      recipe: { blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: true, volumeSize: 4 } }] },
      tests: true,
    });
    const image = await waitUntilAvailable(server, arn);
    assert.ok((await outputOf(server, arn)).includes('the marker is there'));

    const ami = image.outputResources!.amis![0]!.image!;
    const launched = await ingot(dataDirectory, ['launch', '--detach', ami]);
    assert.equal(launched.code, 0, launched.stderr);
    const id = /i-[0-9a-f]{17}/.exec(launched.stdout)![0];
    const catalog = await openCatalog(dataDirectory);
    try {
      assert.equal((await getInstance(catalog.db, id))!.state, 'running');
    } finally {
      await catalog.close();
    }
    assert.ok(await isEncrypted(instanceDisk(dataDirectory, id)));
    const written = await ingot(dataDirectory, [
      'exec',
      id,
      '--',
      'sh',
      '-c',
      'cp /opt/marked /opt/again; sync; cat /opt/once',
    ]);
    assert.equal(written.stdout, `${MARKER}\n`, written.stderr);
    const { stdout } = await run(['grep', '-rlaF', '--', MARKER, dataDirectory], { okCodes: [0, 1, 2] });
    assert.equal(stdout, '');
    assert.equal((await ingot(dataDirectory, ['terminate', id])).code, 0);
  });
});
