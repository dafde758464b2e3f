/** Host-wide allocations, as processes that see the host differently share them. */
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { memoryRecorder, releaseAll } from '../../src/platform/held.ts';
import { allocateUidRange, joinNetwork, releaseAllocation, RUN_DIRECTORY } from '../../src/platform/host.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { run } from '../harness/processes.ts';

const HOST = new URL('../../src/platform/host.ts', import.meta.url).href;
const PROCESSES = new URL('../../src/platform/processes.ts', import.meta.url).href;

/** The uid range that a process is given whose file system has nothing at `hidden`. */
async function rangeElsewhere(hidden: string, dataDirectory: string): Promise<number> {
  const program = `
    import { allocateUidRange, releaseAllocation } from '${HOST}';
    const { id, base } = await allocateUidRange({ dataDirectory: process.argv[1], owner: 'elsewhere' });
    await releaseAllocation(id);
    process.stdout.write(String(base));`;
  const { stdout } = await run([
    'unshare',
    '--mount',
    '--',
    'sh',
    '-c',
    'mount -t tmpfs none "$1" && shift && exec "$@"',
    'sh',
    hidden,
    process.execPath,
    '--input-type=module',
    '-e',
    program,
    dataDirectory,
  ]);
  return Number(stdout);
}

test('a process that does not see a data directory leaves it what its instances have, and frees what no instance has', async () => {
  const dataDirectory = join(await mkdtemp(join(tmpdir(), 'ingot-host-')), 'data');
  await mkdir(dataDirectory);
  const owner = newInstanceId();
  const folder = join(RUN_DIRECTORY, owner);
  await mkdir(folder, { recursive: true });
  const mine = await allocateUidRange({ dataDirectory, owner });
  try {
    notEqual(await rangeElsewhere(dirname(dataDirectory), dirname(dirname(dataDirectory))), mine.base);
    await rm(folder, { recursive: true });
    ok((await rangeElsewhere(dirname(dataDirectory), dirname(dirname(dataDirectory)))) <= mine.base);
  } finally {
    await releaseAllocation(mine.id);
    await rm(folder, { recursive: true, force: true });
    await rm(dirname(dataDirectory), { recursive: true, force: true });
  }
});

test('while processes of an instance resist, its range of users stays its own', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'ingot-host-'));
  const held = memoryRecorder(newInstanceId());
  const folder = join(dataDirectory, 'folder');
  // Not empty, which a cgroup with processes is not either: it cannot be removed.
  const cgroup = join(dataDirectory, 'cgroup');
  await mkdir(folder);
  await mkdir(cgroup);
  await writeFile(join(cgroup, 'file'), '');
  const { id, base } = await allocateUidRange({ dataDirectory, owner: held.owner });
  try {
    await held.record({ kind: 'allocation', id });
    await held.record({ kind: 'path', path: folder });
    await held.record({ kind: 'cgroup', path: cgroup });

    await rejects(releaseAll(held), /^AggregateError: could not release cgroup /);
    deepEqual(
      (await held.list()).map(({ thing }) => thing.kind),
      ['allocation', 'path', 'cgroup'],
    );
    ok(existsSync(folder));
    const other = await allocateUidRange({ dataDirectory, owner: held.owner });
    await releaseAllocation(other.id);
    notEqual(other.base, base);

    await rm(join(cgroup, 'file'));
    await releaseAll(held);
    deepEqual(await held.list(), []);
  } finally {
    await releaseAllocation(id);
    await rm(dataDirectory, { recursive: true, force: true });
  }
});

test("the rules of the instances' network come back after somebody flushed them", async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'ingot-host-'));
  const program = `
    import { joinNetwork, releaseAllocation, restoreNetwork } from '${HOST}';
    import { run } from '${PROCESSES}';
    const { id } = await joinNetwork({ dataDirectory: process.argv[1], owner: 'restored' });
    const whole = await restoreNetwork();
    await run(['nft', 'delete', 'table', 'ip', 'ingot_instances']);
    const restored = await restoreNetwork();
    const { stdout: rules } = await run(['nft', 'list', 'table', 'ip', 'ingot_instances']);
    const again = await restoreNetwork();
    await releaseAllocation(id);
    const { code } = await run(['nft', 'list', 'table', 'ip', 'ingot_instances'], { okCodes: 'any' });
    process.stdout.write(JSON.stringify({ whole, restored, again, rules, code }));`;
  try {
    // A network and allocations of its own: the instances of other tests keep their rules, and nobody else's server
    // restores these.
    const { stdout } = await run([
      'unshare',
      '--mount',
      '--net',
      '--',
      'sh',
      '-c',
      'mount -t tmpfs none "$1" && ip link set lo up && shift && exec "$@"',
      'sh',
      RUN_DIRECTORY,
      process.execPath,
      '--input-type=module',
      '-e',
      program,
      dataDirectory,
    ]);
    const { rules, code, ...gone } = JSON.parse(stdout) as {
      rules: string;
      code: number;
      whole: boolean;
      restored: boolean;
      again: boolean;
    };
    deepEqual(gone, { whole: false, restored: true, again: false });
    match(rules, /fib daddr type local reject/);
    notEqual(code, 0, 'the last to leave takes the rules away');
  } finally {
    await rm(dataDirectory, { recursive: true });
  }
});

test('each member of the network has an address of its own, which goes with it, or with a data directory that is no more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-host-'));
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  for (const each of [one, two]) await mkdir(each);
  const addresses = async (): Promise<string> => (await run(['ip', '-brief', 'address', 'show', 'dev', 'lo'])).stdout;
  const first = await joinNetwork({ dataDirectory: one, owner: newInstanceId() });
  const second = await joinNetwork(
    { dataDirectory: two, owner: newInstanceId() },
    { everything: false, addresses: [], names: [{ name: 'example.org', ports: [80] }] },
  );
  try {
    notEqual(first.address, second.address);
    for (const { address } of [first, second]) match(await addresses(), new RegExp(` ${address}/32`));
    match(
      (await run(['nft', 'list', 'table', 'ip', 'ingot_instances'])).stdout,
      new RegExp(`ip saddr ${second.address} reject`),
    );
    await rm(one, { recursive: true });
  } finally {
    await releaseAllocation(second.id);
  }
  const left = await addresses();
  for (const { address } of [first, second]) equal(left.includes(` ${address}/32`), false, address);
  await rm(folder, { recursive: true });
});
