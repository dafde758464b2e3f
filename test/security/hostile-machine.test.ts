/**
 * A virtual machine that a component took over: it prints on its serial console without end, its programs lie, and what
 * answers in place of its guest agent sends without end. It fails its own commands and nothing else.
 */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { collectPackages } from '../../src/guest/packages.ts';
import { createOverlay } from '../../src/images/disks.ts';
import { consoleLogOf } from '../../src/instances/console.ts';
import { InstanceError, type Instance } from '../../src/instances/instance.ts';
import { TooMuchOutput } from '../../src/instances/output.ts';
import { qemuDriver } from '../../src/instances/qemu/driver.ts';
import { until } from '../../src/platform/clock.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { sharedBase } from '../harness/base.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';

const PATIENCE = { timeout: 600_000 };
const FLOOD = '#!/bin/bash\nexec -a flood /usr/bin/yes "a line of a flood, which has no end"\n';
/** The most that one file of a console's ring holds. */
const RING_BYTES = 1 << 20;
/** What this process may grow by while a machine sends without end. */
const GROWTH_BYTES = 200 << 20;

describe('a machine that a component took over', () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-hostile-machine-'));
  let hostBefore: HostState;
  let instance: Instance;
  let disk: string;

  /** Puts a script in place of a program. */
  async function replace(program: string, script: string): Promise<void> {
    const { exitCode } = await instance.run({
      argv: [
        '/bin/bash',
        '-c',
        'printf %s "$2" >"$1.new" && chmod 755 "$1.new" && mv -f "$1.new" "$1"',
        'x',
        program,
        script,
      ],
      own: true,
      timeoutSeconds: 60,
    });
    equal(exitCode, 0);
  }

  before(async () => {
    await mkdir(dataDirectory, { recursive: true });
    const base = await sharedBase();
    hostBefore = await hostState();
    disk = join(dataDirectory, 'disk.qcow2');
    await createOverlay(base, disk);
    const id = newInstanceId();
    instance = await qemuDriver.launch({
      id,
      disk,
      cpus: 2,
      memoryMiB: 1024,
      directory: `/run/ingot/${id}`,
      allocationOwner: { dataDirectory, owner: id },
      held: memoryRecorder(id),
      timeoutSeconds: 400,
    });
  });
  after(async () => {
    await instance?.terminate();
    await assertNothingLeft(hostBefore, dataDirectory);
    await rm(dataDirectory, { recursive: true, force: true });
  });

  test('what it prints on its serial console fills two files of a limited size, on disk', PATIENCE, async () => {
    const line = 'x'.repeat(999);
    const { exitCode } = await instance.run({
      script: `for i in $(seq 3500); do echo ${line}; done >/dev/ttyS0; echo the end of the flood >/dev/ttyS0`,
      timeoutSeconds: 400,
    });
    equal(exitCode, 0);
    await until('the end of the console', 60_000, async () =>
      (await instance.consoleTail(5)).join('\n').includes('the end of the flood') ? true : undefined,
    );
    const log = consoleLogOf({ id: instance.id, disk });
    const files = readdirSync(dirname(log)).filter((name) => name.startsWith(basename(log)));
    equal(files.length, 2, files.join(' '));
    for (const name of files) {
      const { size } = statSync(join(dirname(log), name));
      ok(size > 0 && size <= RING_BYTES, `${name} has ${size} bytes`);
    }
    const inMemory = readdirSync(`/run/ingot/${instance.id}`);
    deepEqual(
      inMemory.filter((name) => name.includes('console')),
      [],
    );
  });

  test('dpkg-query that prints without end ends the list of packages, with its name', PATIENCE, async () => {
    await replace('/usr/bin/dpkg-query', FLOOD);
    await rejects(
      collectPackages(instance),
      (error: unknown) =>
        error instanceof TooMuchOutput && /^the list of packages printed more than 4 MiB/.test(error.message),
    );
    equal((await instance.run({ script: 'exit 3' })).exitCode, 3);
  });

  test(
    'what sends without end in place of its guest agent fails the command, and takes no memory',
    PATIENCE,
    async () => {
      // Begun by the system itself, since the agent has to go.
      const port = '/dev/virtio-ports/org.qemu.guest_agent.0';
      const line = `{"return": {}, "flood": "${'y'.repeat(500)}"}`;
      const taker = `systemctl stop qemu-guest-agent; while :; do yes '${line}' >${port}; done`;
      equal(
        (
          await instance.run({
            argv: ['/usr/bin/systemd-run', '--quiet', '--on-active=2', '/bin/bash', '-c', taker],
            timeoutSeconds: 60,
          })
        ).exitCode,
        0,
      );
      const before = process.memoryUsage.rss();
      let failure: unknown;
      await until(
        'a command that fails',
        300_000,
        async () => {
          try {
            await instance.run({ script: 'true', timeoutSeconds: 60 });
            return undefined;
          } catch (error) {
            failure = error;
            return true;
          }
        },
        { everyMs: 500 },
      );
      ok(failure instanceof InstanceError, String(failure));
      match(failure.message, /guest agent|without an end|more than/);
      await rejects(instance.run({ script: 'true', timeoutSeconds: 20 }), InstanceError);
      const grown = process.memoryUsage.rss() - before;
      ok(grown < GROWTH_BYTES, `grew by ${grown} bytes`);
    },
  );

  test('and it ends all the same', PATIENCE, async () => {
    await instance.terminate();
    await assertNothingLeft(hostBefore, dataDirectory);
  });
});
