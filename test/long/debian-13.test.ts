/**
 * The base image `debian-13-x86`: with each driver and each firmware, and as the parent of an image. (The gate has
 * `debian-12-x86`.)
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import { sharedBase } from '../harness/base.ts';
import { assertNothingLeft, hostState } from '../harness/host-state.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import { launchOn } from '../harness/launch-on.ts';
import { dataDirectoryWithBase, startServer } from '../harness/service.ts';

async function outputIn(instance: Instance, script: string): Promise<string> {
  let output = '';
  const { exitCode } = await instance.run({
    script,
    onOutput: (_, chunk) => {
      output += chunk.toString();
    },
  });
  assert.equal(exitCode, 0, `${script}\n${output}`);
  return output.trim();
}

for (const [driver, firmware, shows] of [
  ['nspawn', undefined, 'systemd-nspawn'],
  ['qemu', 'bios', 'bios'],
  ['qemu', 'uefi', 'efi'],
] as const) {
  test(`it boots: ${driver}${firmware === undefined ? '' : `, ${firmware}`}`, { timeout: 900_000 }, async () => {
    const { instance, end } = await launchOn(driver, await sharedBase('debian-13-x86'), firmware);
    try {
      assert.equal(
        await outputIn(instance, 'systemctl is-system-running --wait || systemctl --failed --plain'),
        'running',
      );
      assert.match(
        await outputIn(instance, 'cat /etc/debian_version /etc/apt/sources.list'),
        /^13[^]*^deb http\S+ trixie main$/m,
      );
      const found =
        driver === 'nspawn' ? 'systemd-detect-virt --container' : '[ -e /sys/firmware/efi ] && echo efi || echo bios';
      assert.equal(await outputIn(instance, found), shows);
      assert.match(
        await outputIn(instance, 'stat --format %F /etc/resolv.conf; getent hosts deb.debian.org'),
        /^regular file\n\S+ +deb\.debian\.org$/,
      );
    } finally {
      await end();
    }
  });
}

const component = `
name: package
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Install
        action: ExecuteBash
        inputs:
          commands:
            - apt-get update -q && apt-get install -y -q --no-install-recommends nginx-light
            - . /etc/os-release && echo "built on $VERSION_CODENAME"
  - name: test
    steps:
      - name: Active
        action: ExecuteBash
        inputs:
          commands:
            - systemctl is-active nginx && . /etc/os-release && echo "tested on $VERSION_CODENAME"
`;

for (const driver of ['nspawn', 'qemu'] as const) {
  test(`an image is built on it with ${driver} and tested`, { timeout: 1_800_000 }, async () => {
    const state = await hostState();
    const dataDirectory = await dataDirectoryWithBase('debian-13-x86');
    const server = await startServer(dataDirectory);
    try {
      const arn = await createTestImage(server, {
        name: `on-13-${driver}`,
        parent: 'arn:aws:imagebuilder:us-east-1:aws:image/debian-13-x86/x.x.x',
        components: [component],
        driver,
        tests: true,
      });
      const image = await waitUntilAvailable(server, arn);
      assert.equal(image.osVersion, 'Debian 13');
      const said = (await outputOf(server, arn)).filter((line) => / on trixie$/.test(line));
      assert.deepEqual(said, ['built on trixie', 'tested on trixie']);
    } finally {
      await server.stop();
      await assertNothingLeft(state, dataDirectory);
      await rm(dirname(dataDirectory), { recursive: true, force: true });
    }
  });
}
