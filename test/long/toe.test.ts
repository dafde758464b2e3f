/**
 * `ingot toe` in instances of what was built: an AMI and an image by their names, in a container and in a virtual
 * machine.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../harness/processes.ts';
import type { HostState } from '../harness/host-state.ts';
import { createTestImage, waitUntilAvailable } from '../harness/images.ts';
import { MAIN, startServer } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory } from '../harness/suite.ts';
import { sharedBase } from '../harness/base.ts';

const MARKS = `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Mark, action: ExecuteBash, inputs: {commands: ['echo built >/etc/marked']}}
`;
const LOOKS = `
schemaVersion: 1.0
phases:
  - name: test
    steps:
      - name: Marked
        action: ExecuteBash
        inputs: {commands: ['cat /etc/marked; systemd-detect-virt; echo left >/etc/left']}
      - {name: Restart, action: Reboot}
      - {name: After, action: Assert, inputs: {fileExists: /etc/left}}
  - name: look
    steps:
      - {name: Kernel, action: ExecuteBash, inputs: {commands: ['cat /etc/marked; systemd-detect-virt']}}
`;

describe('ingot toe test', () => {
  let state: HostState;
  let dataDirectory: string;
  let document: string;
  let image: string;
  let ami: string;

  before(async () => {
    ({ state, dataDirectory } = await beginOnDirectory());
    document = join(dirname(dataDirectory), 'looks.yaml');
    await writeFile(document, LOOKS);
    const server = await startServer(dataDirectory);
    image = await createTestImage(server, { name: 'marked', components: [MARKS] });
    ami = (await waitUntilAvailable(server, image)).outputResources!.amis![0]!.image!;
    await server.stop();
  });
  after(async () => {
    await endOnDirectory({ state, dataDirectory });
  });

  const toe = (...more: readonly string[]): ReturnType<typeof run> =>
    run([process.execPath, MAIN, 'toe', 'test', document, ...more], {
      okCodes: 'any',
      env: { INGOT_DATA: dataDirectory },
    });
  const look = async (kind: string, ...more: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await toe(...more);
    assert.equal(code, 0, stderr + stdout);
    assert.match(stderr, new RegExp(`\\| built\\n[^]*\\| ${kind}\\n`));
    assert.match(stdout, /ok +test +After/);
  };

  test('an AMI and an image, in a container', async () => {
    for (const name of [ami, image, image.replace(/\/[^/]+\/\d+$/, '/x.x.x')])
      await look('systemd-nspawn', '--on', 'nspawn', '--image', name);
  });

  test('an AMI where a build would run the document: in a virtual machine', () => look('(?:kvm|qemu)', '--image', ami));

  test('an AMI in a virtual machine', () => look('(?:kvm|qemu)', '--on', 'qemu', '--image', ami));

  test('a file in a virtual machine, and files that do not exist', async () => {
    const { code, stderr } = await toe('--on', 'qemu', '--phases', 'look', '--image', await sharedBase());
    assert.deepEqual([code, /cat: \/etc\/marked: No such file/.test(stderr)], [0, true], stderr);
    const refused: readonly (readonly [image: string, says: RegExp])[] = [
      ['ami-00000000000000000', /--image ami-0+: no AMI ami-0+ is available in us-east-1/],
      [image.replace('/marked/', '/gone/'), /no build of .* is AVAILABLE/],
      ['/etc/passwd', /is not a qcow2 file/],
      ['nothing', /expected a base image \(debian-12-x86/],
    ];
    for (const [name, says] of refused) {
      const ended = await toe('--image', name);
      assert.ok(ended.code !== 0 && says.test(ended.stderr), `${name}: ${ended.code} ${ended.stderr}`);
    }
  });
});
