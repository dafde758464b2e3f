/**
 * Builds, and something dies at a random moment, again and again: the worker, the server, both, or a process that an instance needs.
 * Afterwards every image is at its end, records and files tell of the same things, nothing is left on the host.
 * `INGOT_SOAK_SEED` repeats a run as far as chance allows, `INGOT_SOAK_ROUNDS` makes it longer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { randomInt, randomUUID } from 'node:crypto';
import { CancelImageCreationCommand, CreateDistributionConfigurationCommand } from '@aws-sdk/client-imagebuilder';
import { sleep, until } from '../../src/platform/clock.ts';
import { isSameProcess, processStartTime, signalProcess } from '../../src/platform/processes.ts';
import type { HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, query } from '../harness/invariants.ts';
import { startServer, type TestServer } from '../harness/service.ts';
import { bashDocument, processesWith } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

const SEED = Number(process.env['INGOT_SOAK_SEED'] ?? randomInt(1 << 30));
const ROUNDS = Number(process.env['INGOT_SOAK_ROUNDS'] ?? 20);
/** Milliseconds within which something dies: a build without tests takes some 2 s on an idle host. */
const WITHIN_MS = 6000;

/** Numbers from 0 to below 1 (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe(`${ROUNDS} rounds of builds in which something dies, seed ${SEED}`, () => {
  const next = chance(SEED);
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  const kill = (pid: number | undefined): void => {
    const startTime = pid === undefined ? undefined : processStartTime(pid);
    if (startTime !== undefined) signalProcess(pid!, startTime, 'SIGKILL');
  };
  /** Of an instance of this data directory. */
  const tool = (program: string): number | undefined => {
    const ids = query(dataDirectory, `SELECT id FROM instances WHERE state IN ('pending', 'running')`).map(({ id }) => String(id));
    return ids.map((id) => processesWith([program, id])[0]).find((pid) => pid !== undefined);
  };
  /** Who dies; in one case somebody cancels the builds besides. */
  const victims: Readonly<Record<string, (arns: readonly string[]) => Promise<void> | void>> = {
    'the worker, while the builds are cancelled,': async (arns) => {
      for (const arn of arns) await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: arn, clientToken: randomUUID() })).catch(() => {}); // It has ended.
      await sleep(next() * 500);
      kill(processesWith(['worker-main', dataDirectory])[0]);
    },
    worker: () => kill(processesWith(['worker-main', dataDirectory])[0]),
    server: () => kill(server.pid),
    both: () => server.kill(),
    'qemu-storage-daemon': () => kill(tool('qemu-storage-daemon')),
    'systemd-nspawn': () => kill(tool('systemd-nspawn')),
    'qemu-img': () => kill(processesWith(['qemu-img', dataDirectory])[0]),
    'qemu-system-x86_64': () => kill(tool('qemu-system-x86_64')),
  };

  test('every build ends, and nothing is left', { timeout: 3_600_000 }, async (t) => {
    const { distributionConfigurationArn } = await server.client.send(new CreateDistributionConfigurationCommand({
      name: 'two-regions', clientToken: randomUUID(),
      distributions: ['us-east-1', 'eu-west-1'].map((region) => ({ region, amiDistributionConfiguration: { name: `soak-${region} {{ imagebuilder:buildDate }}` } })),
    }));
    const ended: Record<string, number> = {};
    for (let round = 0; round < ROUNDS; round++) {
      const builds = 1 + Math.floor(next() * 2);
      const arns: string[] = [];
      for (let build = 0; build < builds; build++) {
        arns.push(await createTestImage(server, {
          name: `soak-${round}-${build}`, tests: next() < 0.15, distributionConfigurationArn: distributionConfigurationArn!,
          components: ['first', 'second'].map((name) => bashDocument('Step', [`head -c 2000000 /dev/urandom > /var/lib/${name}-${round}`, 'sync'])),
        }));
      }
      const who = Object.keys(victims)[Math.floor(next() * Object.keys(victims).length)]!;
      await sleep(next() * WITHIN_MS);
      await victims[who]!(arns);
      if (!isSameProcess(server.pid, processStartTime(server.pid) ?? '')) server = await startServer(dataDirectory);
      await until('a worker', 120_000, () => processesWith(['worker-main', dataDirectory])[0]);
      for (const arn of arns) {
        const { state: end } = await waitForStatus(server, arn);
        ended[end!.status!] = (ended[end!.status!] ?? 0) + 1;
        if (end!.status === 'FAILED') assert.ok(end!.reason!.length > 40, `${arn} says why it failed: ${end!.reason}`);
        t.diagnostic(`round ${round}: ${who} died; ${arn.split('/').slice(-3).join('/')} ${end!.status} ${end!.reason?.slice(0, 200) ?? ''}`);
      }
      await assertRecordsHold(dataDirectory);
    }
    t.diagnostic(`seed ${SEED}: ${JSON.stringify(ended)}`);
    await waitUntilAvailable(server, await createTestImage(server, { name: 'after-all', tests: true, components: [bashDocument('Step', ['echo fine'])] }));
    await assertRecordsHold(dataDirectory);
  });
});
