/**
 * Bad days that need a virtual machine, or that take long. The others are in `test/integration/failures.test.ts`;
 * `docs/failures.md` is their page.
 */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { imageLogPath } from '../../src/catalog/image-log.ts';
import { until } from '../../src/platform/clock.ts';
import { processStartTime, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { imageLog, type TestServer } from '../harness/service.ts';
import { bashDocument, processesWith } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

describe('bad days with virtual machines', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  const UNKNOWN = '11111111-2222-3333-4444-555555555555';
  const boots: readonly [what: string, command: string, reason: RegExp][] = [
    ['damages the boot loader', 'rm -rf /boot/grub', /stopped at its prompt/],
    ['removes the kernels', 'rm -f /boot/vmlinuz* /boot/initrd*', /found no kernel to start/],
    [
      'removes its first program',
      'rm -f /sbin/init /usr/sbin/init /lib/systemd/systemd /usr/lib/systemd/systemd',
      /has no first program/,
    ],
    [
      'puts a program that sleeps in place of the first',
      'printf "#!/bin/sh\\nwhile :; do sleep 1000; done\\n" > /tmp/init; chmod +x /tmp/init; rm -f /sbin/init; cp ' +
        '/tmp/init /sbin/init',
      /nothing was read from its disk or printed on its console for \d+ s/,
    ],
    [
      'takes the guest agent out',
      'systemctl mask qemu-guest-agent',
      /asks for a login, but its guest agent \(qemu-guest-agent\) does not answer/,
    ],
    [
      'mounts a device that is not there',
      `mkdir -p /data; echo "UUID=${UNKNOWN} /data ext4 defaults 0 2" >> /etc/fstab`,
      /emergency mode.*Timed out waiting for device.*555555555555.*data\.mount|it waits for .*11111111/,
    ],
    [
      'names an unknown root in grub.cfg',
      `sed -i "s/root=[^ ]*/root=UUID=${UNKNOWN}/" /boot/grub/grub.cfg`,
      /found no root file system.*ALERT! {2}UUID=11111111/,
    ],
    [
      'cuts the initial RAM disk short',
      'truncate -s 1M "$(readlink -f /initrd.img)"',
      /the kernel panicked|found no root file system/,
    ],
    // A disk is named, so by rule it runs in a machine.
    [
      'writes zeros over the boot sector',
      'dd if=/dev/zero of=/dev/vda bs=440 count=1 conv=notrunc; sync',
      /found nothing to boot|nothing was read from its disk/,
    ],
  ];
  for (const [index, [what, command, reason]] of boots.entries()) {
    // On an idle host within 90 s; this is for one that is not idle.
    test(`a component that ${what}: the boot test tells what the console said`, { timeout: 600_000 }, async () => {
      const arn = await createTestImage(server, {
        name: `boot-${index}`,
        tests: true,
        components: [bashDocument('Damage', [command, 'echo done'])],
      });
      const image = await waitForStatus(server, arn);
      assert.equal(image.state?.status, 'FAILED');
      assert.match(image.state!.reason!, /does not (?:start|answer)/);
      assert.match(image.state!.reason!, reason);
      assert.match(image.state!.reason!, /What to do: /);
      const log = await imageLog(dataDirectory, arn);
      const end = log.slice(-40);
      assert.ok(
        end.some(({ stream, level, text }) => stream === 'console' && level === 'warn' && text.length > 0),
        'the log ends with the console',
      );
    });
  }

  for (const [what, words] of [
    ['its QEMU dies: the image fails', ['qemu-system-x86_64']],
    ['its worker is killed: the image goes on', ['worker-main']],
  ] as const) {
    test(`in the boot test ${what}`, { timeout: 300_000 }, async () => {
      const arn = await createTestImage(server, {
        name: words[0].replaceAll('_', '-'),
        tests: true,
        components: [bashDocument('Step', ['echo fine'])],
      });
      await waitForStatus(server, arn, ['TESTING']);
      const id = await until('the test instance', 120_000, async () =>
        (await imageLog(dataDirectory, arn))
          .map(({ text }) => /^(i-[0-9a-f]+): test instance/.exec(text)?.[1])
          .find((each) => each !== undefined),
      );
      const qemu = await until('its QEMU', 120_000, () => processesWith(['qemu-system-x86_64', id])[0]);
      const pid = words[0] === 'worker-main' ? processesWith(['worker-main', dataDirectory])[0]! : qemu;
      signalProcess(pid, processStartTime(pid)!, 'SIGKILL');
      const image = await waitForStatus(server, arn);
      if (words[0] === 'worker-main') {
        assert.equal(image.state?.status, 'AVAILABLE', image.state?.reason);
        const log = (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n');
        assert.match(log, /^The worker process ended while it worked on this image .* It goes on from /m);
      } else {
        assert.equal(image.state?.status, 'FAILED');
        assert.match(image.state!.reason!, /its QEMU process ended/);
      }
      assert.ok(await waitForExit(qemu, processStartTime(qemu) ?? '0', 30_000), 'the machine is gone');
    });
  }

  test('a component that prints a gigabyte: the log stays small and the build goes on', {
    timeout: 600_000,
  }, async () => {
    const arn = await createTestImage(server, {
      name: 'gigabyte',
      components: [
        bashDocument('Print', [
          'yes this is a line of output that is printed again and again | head -c 1G',
          'echo',
          'echo the end',
        ]),
      ],
    });
    await waitUntilAvailable(server, arn);
    const { size } = await stat(imageLogPath(dataDirectory, arn));
    assert.ok(size < 64 << 20, `${size} bytes`);
    assert.ok((await imageLog(dataDirectory, arn)).some(({ text }) => text === 'the end'));
  });

  test('a component that forks until the instance has no more', { timeout: 600_000 }, async () => {
    const arn = await createTestImage(server, {
      name: 'forks',
      components: [bashDocument('Forks', ['for i in $(seq 1 17000); do sleep 1000 & done', 'ls /'], 120)],
    });
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'FAILED');
    assert.match(image.state!.reason!, /step 'Forks'/);
    assert.match(image.state!.reason!, /What to do: /);
  });

  test('a package mirror that never answers', { timeout: 900_000 }, async () => {
    // Back to itself, where what is not its own is dropped without a word. Names are still resolved.
    const cut = ['set -e', 'ip route add 0.0.0.0/1 dev lo', 'ip route add 128.0.0.0/1 dev lo'];
    const arn = await createTestImage(server, {
      name: 'silent-mirror',
      components: [
        bashDocument('Cut', cut),
        'name: u\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Update\n        action: ' +
          'UpdateOS\n',
      ],
    });
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'FAILED');
    for (const part of [/step 'Update'/, /deb\.debian\.org/, /What to do: The instance cannot reach that server/])
      assert.match(image.state!.reason!, part);
  });
});
