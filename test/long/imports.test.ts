/**
 * An untrusted disk through a whole build: in a virtual machine, to which its own cloud-init brings the guest agent,
 * tested by booting the new image; and a build on that.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/platform/processes.ts';
import type { HostState } from '../harness/host-state.ts';
import { fileOf } from '../harness/invariants.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import { imageLog, ingot, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

const component = (command: string): string =>
  'name: t\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Run\n        action: ' +
  `ExecuteBash\n        inputs:\n          commands:\n            - ${JSON.stringify(command)}\n`;

describe('an imported disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-imports-'));
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));
  after(async () => {
    await endOnServer({ state, dataDirectory, server });
    rmSync(folder, { recursive: true, force: true });
  });

  const said = async (arn: string): Promise<string> =>
    (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n');

  test('without a guest agent is built on in a virtual machine, tested, and built on again', {
    timeout: 1_800_000,
  }, async () => {
    // A disk as others make them: no guest agent, cloud-init on.
    const made = await createTestImage(server, {
      name: 'bare',
      components: [component('apt-get purge -y qemu-guest-agent && ! command -v qemu-ga')],
    });
    const ami = (await waitUntilAvailable(server, made)).outputResources!.amis![0]!.image!;
    const disk = join(folder, 'bare.vmdk');
    await run(['qemu-img', 'convert', '-q', '-f', 'qcow2', '-O', 'vmdk', fileOf(dataDirectory, ami), disk]);
    const { code, stdout, stderr } = await ingot(dataDirectory, ['import', disk]);
    assert.equal(code, 0, stderr);
    const parent = stdout.trim().split('\n')[1]!;

    const built = await createTestImage(server, {
      name: 'on-bare',
      parent,
      components: [component('command -v qemu-ga && echo marked > /etc/marked && uname -r')],
      tests: true,
    });
    await waitUntilAvailable(server, built);
    assert.match(
      await said(built),
      /build instance, t3\.small, driver qemu \(its parent image is a disk that was imported or fetched/,
    );
    assert.match(await said(built), /asking cloud-init to install QEMU's guest agent/);

    const again = await createTestImage(server, {
      name: 'on-that',
      parent: built,
      components: [component('cat /etc/marked')],
    });
    await waitUntilAvailable(server, again);
    assert.ok((await outputOf(server, again)).includes('marked'));
    assert.match(await said(again), /driver qemu \(its parent image is a disk that was imported or fetched/);
    assert.doesNotMatch(await said(again), /asking cloud-init/);
  });
});
