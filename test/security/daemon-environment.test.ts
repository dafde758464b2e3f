/** What the server's environment holds reaches none of the processes that serve an instance, and nothing in it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createOverlay } from '../../src/images/disks.ts';
import type { Driver, Instance, LaunchRequest } from '../../src/instances/instance.ts';
import { nspawnDriver } from '../../src/instances/nspawn/driver.ts';
import { qemuDriver } from '../../src/instances/qemu/driver.ts';
import { until } from '../../src/platform/clock.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { sharedBase } from '../harness/base.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { CASES_METADATA } from '../harness/metadata-cases.ts';

const MARKER = 'secret-of-the-server-3b1f';
const dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-environment-')), 'data directory');
let stateBefore: HostState;

before(async () => {
  await mkdir(dataDirectory, { recursive: true });
  await sharedBase();
  stateBefore = await hostState();
  process.env['INGOT_SECRET_PROD_DB'] = MARKER;
  process.env['AWS_SECRET_ACCESS_KEY'] = MARKER;
});
after(async () => {
  await assertNothingLeft(stateBefore, dataDirectory);
  await rm(join(dataDirectory, '..'), { recursive: true, force: true });
});

async function requestFor(driver: Driver): Promise<LaunchRequest> {
  const disk = join(dataDirectory, `${driver.name}.qcow2`);
  await createOverlay(await sharedBase(), disk);
  const id = newInstanceId();
  // It reaches a list of names only, so that both of its services run.
  const reach = { everything: false, addresses: [], names: [{ name: 'example.org', ports: [443] }] };
  return {
    id,
    disk,
    cpus: 1,
    memoryMiB: 512,
    directory: `/run/ingot/${id}`,
    allocationOwner: { dataDirectory, owner: id },
    held: memoryRecorder(id),
    metadata: CASES_METADATA,
    reach,
  };
}

interface Found {
  readonly name: string;
  readonly environment: string;
}

/** All that this process has started and that runs, with what that has started. */
function descendants(): readonly Found[] {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return [
          {
            pid: Number(name),
            parent,
            name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
            environment: readFileSync(`/proc/${name}/environ`, 'latin1'),
          },
        ];
      } catch {
        return []; // It ended in between.
      }
    });
  const below = (pid: number): readonly Found[] =>
    processes.filter(({ parent }) => parent === pid).flatMap((each) => [each, ...below(each.pid)]);
  return below(process.pid);
}

/**
 * @param expected what must be among them, by the names that the kernel has: Node's main thread calls itself
 *   `MainThread`
 */
function assertWithoutSecret(expected: readonly string[]): void {
  const found = descendants();
  for (const name of expected)
    assert.ok(
      found.some((each) => each.name.startsWith(name)),
      `${name} runs, beside ${found.map((each) => each.name).join(' ')}`,
    );
  assert.deepEqual(
    found.filter(({ environment }) => environment.includes(MARKER)).map(({ name }) => name),
    [],
  );
}

test('a container: its storage daemon, its network, its services, its monitor, all that runs in it, and a command in it', async () => {
  const instance: Instance = await nspawnDriver.launch(await requestFor(nspawnDriver));
  try {
    const said: string[] = [];
    await instance.run({
      script: 'cat /proc/[0-9]*/environ | tr "\\0" "\\n"; echo the end',
      onOutput: (_stream, chunk) => {
        if (said.length === 0)
          assertWithoutSecret(['qemu-storage-da', 'slirp4netns', 'MainThread', 'systemd-nspawn', 'systemd', 'perl']);
        said.push(chunk.toString('latin1'));
      },
    });
    assert.match(said.join(''), /the end\n$/);
    assert.doesNotMatch(said.join(''), new RegExp(MARKER));
  } finally {
    await instance.terminate();
  }
});

test('a virtual machine: QEMU, its network and its services', async () => {
  const enough = new AbortController();
  const request = await requestFor(qemuDriver);
  const launching = assert.rejects(qemuDriver.launch({ ...request, signal: enough.signal }), /seen enough/);
  try {
    await until('QEMU to run', 60_000, async () => {
      const qemu = (await request.held.list()).find(({ thing }) => thing.kind === 'process' && thing.what === 'qemu');
      return qemu !== undefined && descendants().some(({ name }) => name.startsWith('qemu-system')) ? true : undefined;
    });
    assertWithoutSecret(['qemu-system', 'slirp4netns', 'MainThread']);
  } finally {
    enough.abort(new Error('seen enough'));
    await launching;
  }
});
