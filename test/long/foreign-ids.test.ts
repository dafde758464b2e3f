/**
 * An account whose id a container does not have, computed when the component runs: the build goes on in a machine, and
 * so do builds on its image. What components delete is not in a flat copy.
 */
import assert from 'node:assert/strict';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/platform/processes.ts';
import type { HostState } from '../harness/host-state.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import { imageLog, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

function bash(name: string, commands: readonly string[]): string {
  return JSON.stringify({
    name,
    schemaVersion: 1,
    phases: [{ name: 'build', steps: [{ name, action: 'ExecuteBash', inputs: { commands } }] }],
  });
}

/** Size of a flat copy of an AMI's disk, or of the base image. */
async function flatBytes(dataDirectory: string, ami: string | undefined): Promise<number> {
  const db = new DatabaseSync(join(dataDirectory, 'catalog.db'), { readOnly: true });
  const query =
    ami === undefined
      ? db.prepare('select path from layers where parent_id is null').get()
      : db.prepare('select file as path from amis where id = ?').get(ami);
  db.close();
  const copy = join(dataDirectory, 'flat.qcow2');
  await run(['qemu-img', 'convert', '-W', '-O', 'qcow2', join(dataDirectory, String(query!['path'])), copy]);
  const { blocks } = await stat(copy);
  await rm(copy);
  return blocks * 512;
}

describe('ids that a container does not have', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));
  after(() => endOnServer({ state, dataDirectory, server }));

  test('the build stays in a machine, and so do builds on its image; what is deleted is in no flat copy', async () => {
    const where = '[ -d /run/host/container-manager ] && echo "here: container" || echo "here: machine"';
    const arn = await createTestImage(server, {
      name: 'ids',
      components: [
        // The downloads of an installed package, and one that is only downloaded.
        bash('Account', [
          'set -e',
          'useradd -m -u $((5000000 * 4)) svcad',
          'stat -c "home: %u" /home/svcad; ls -A /home/svcad',
          "installed=$(dpkg-query -W -f '${Package}_${Version}_${Architecture}' curl | sed s/:/%3a/)",
          'head -c 60000000 /dev/urandom > "/var/cache/apt/archives/$installed.deb"',
          'touch /var/cache/apt/archives/later_1_all.deb',
          'head -c 40000000 /dev/urandom > /srv/waste',
        ]),
        bash('Later', [where, 'set -e', 'rm /srv/waste', 'cp -a /home/svcad /srv/copy', 'ls /var/cache/apt/archives']),
      ],
    });
    const image = await waitUntilAvailable(server, arn);
    const output = await outputOf(server, arn);
    for (const line of ['home: 20000000', '.bashrc', 'here: machine', 'later_1_all.deb'])
      assert.ok(output.includes(line), line);
    assert.ok(!output.some((line) => line.startsWith('curl_')));
    const log = (await imageLog(dataDirectory, arn)).map(({ text }) => text);
    assert.ok(
      log.some((text) => /account svcad of \/etc\/passwd has the id 20000000.*once more in a virtual/.test(text)),
    );

    // What was deleted is not in a flat copy.
    const ami = image.outputResources!.amis![0]!.image!;
    const flat = await flatBytes(dataDirectory, ami);
    const base = await flatBytes(dataDirectory, undefined);
    assert.ok(flat - base < 30_000_000, `${flat} bytes, and the base image has ${base}`);

    const child = await createTestImage(server, {
      name: 'ids-child',
      parent: ami,
      components: [bash('Child', [where, 'stat -c "copy: %u" /srv/copy'])],
    });
    await waitUntilAvailable(server, child);
    const seen = await outputOf(server, child);
    assert.ok(seen.includes('here: machine') && seen.includes('copy: 20000000'), seen.join('\n'));
  });
});
