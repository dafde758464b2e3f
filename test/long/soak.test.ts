/**
 * Builds, and something dies at a random moment, again and again: the worker, the server, both, or a process that an
 * instance needs. Afterwards every image is at its end, records and files tell of the same things, nothing is left on
 * the host. `INGOT_SOAK_SEED` repeats a run as far as chance allows, `INGOT_SOAK_ROUNDS` makes it longer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { randomInt, randomUUID } from 'node:crypto';
import { CancelImageCreationCommand, CreateDistributionConfigurationCommand } from '@aws-sdk/client-imagebuilder';
import { sleep, until } from '../../src/platform/clock.ts';
import { isSameProcess, processStartTime, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import type { HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, query } from '../harness/invariants.ts';
import { startServer, type TestServer } from '../harness/service.ts';
import { bashDocument, heldThings, processesWith } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

const SEED = Number(process.env['INGOT_SOAK_SEED'] ?? randomInt(1 << 30));
const ROUNDS = Number(process.env['INGOT_SOAK_ROUNDS'] ?? 20);
/**
 * Milliseconds within which something dies, about as long as two builds at once take on an idle host: without and with
 * tests in a machine.
 */
const WITHIN_MS = 4000;
const WITHIN_MS_WITH_TESTS = 25_000;

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

  /** Until it is gone: a server that is about to die takes a request, and answers none. */
  const kill = async (pid: number | undefined): Promise<boolean> => {
    const startTime = pid === undefined ? undefined : processStartTime(pid);
    if (startTime === undefined || !signalProcess(pid!, startTime, 'SIGKILL')) return false;
    assert.ok(await waitForExit(pid!, startTime, 10_000), `process ${pid} ends`);
    return true;
  };
  /** It may be a moment away. */
  const killOnceThere = async (what: string, find: () => number | undefined): Promise<boolean> =>
    kill(await until(what, 3000, find).catch(() => undefined));
  const killProgramOfInstance = (program: string): Promise<boolean> =>
    killOnceThere(program, () => {
      const ids = query(dataDirectory, `SELECT id FROM instances WHERE state IN ('pending', 'running')`).map(({ id }) =>
        String(id),
      );
      return ids.map((id) => processesWith([program, id])[0]).find((pid) => pid !== undefined);
    });
  const killHeld = (what: string): Promise<boolean> =>
    killOnceThere(
      what,
      () =>
        heldThings(dataDirectory)
          .map((thing) => JSON.parse(thing) as { readonly what?: string; readonly pid?: number })
          .find((thing) => thing.what === what)?.pid,
    );
  /** Who dies, if it is there; in one case somebody cancels the builds besides. */
  const victims: Readonly<Record<string, (arns: readonly string[]) => Promise<boolean>>> = {
    'the worker, while the builds are cancelled,': async (arns) => {
      for (const arn of arns)
        await server.client
          .send(new CancelImageCreationCommand({ imageBuildVersionArn: arn, clientToken: randomUUID() }))
          .catch(() => {}); // It has ended.
      await sleep(next() * 500);
      return kill(processesWith(['worker-main', dataDirectory])[0]);
    },
    worker: () => kill(processesWith(['worker-main', dataDirectory])[0]),
    server: () => kill(server.pid),
    both: () => server.kill().then(() => true),
    'qemu-storage-daemon': () => killProgramOfInstance('qemu-storage-daemon'),
    'systemd-nspawn': () => killProgramOfInstance('systemd-nspawn'),
    slirp4netns: () => killHeld('slirp4netns'),
    'qemu-system-x86_64': () => killProgramOfInstance('qemu-system-x86_64'),
  };

  test('every build ends, and nothing is left', { timeout: 3_600_000 }, async (t) => {
    const { distributionConfigurationArn } = await server.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'two-regions',
        clientToken: randomUUID(),
        distributions: ['us-east-1', 'eu-west-1'].map((region) => ({
          region,
          amiDistributionConfiguration: { name: `soak-${region} {{ imagebuilder:buildDate }}` },
        })),
      }),
    );
    const ended: Record<string, number> = {};
    for (let round = 0; round < ROUNDS; round++) {
      const who = Object.keys(victims)[Math.floor(next() * Object.keys(victims).length)]!;
      const tests = who === 'qemu-system-x86_64' || next() < 0.15;
      const builds = 1 + Math.floor(next() * 2);
      const arns: string[] = [];
      for (let build = 0; build < builds; build++) {
        arns.push(
          await createTestImage(server, {
            name: `soak-${round}-${build}`,
            tests,
            distributionConfigurationArn: distributionConfigurationArn!,
            components: ['first', 'second'].map((name) =>
              bashDocument('Step', [`head -c 2000000 /dev/urandom > /var/lib/${name}-${round}`, 'sync']),
            ),
          }),
        );
      }
      await sleep(next() * (tests ? WITHIN_MS_WITH_TESTS : WITHIN_MS));
      const died = await victims[who]!(arns);
      if (!isSameProcess(server.pid, processStartTime(server.pid) ?? '')) server = await startServer(dataDirectory);
      await until('a worker', 120_000, () => processesWith(['worker-main', dataDirectory])[0]);
      for (const arn of arns) {
        const { state: end } = await waitForStatus(server, arn);
        ended[end!.status!] = (ended[end!.status!] ?? 0) + 1;
        if (end!.status === 'FAILED') assert.ok(end!.reason!.length > 40, `${arn} says why it failed: ${end!.reason}`);
        t.diagnostic(
          `round ${round}: ${who} ${died ? 'died' : 'was not there'}; ${arn.split('/').slice(-3).join('/')} ` +
            `${end!.status} ${end!.reason?.slice(0, 200) ?? ''}`,
        );
      }
      await assertRecordsHold(dataDirectory);
    }
    t.diagnostic(`seed ${SEED}: ${JSON.stringify(ended)}`);
    await waitUntilAvailable(
      server,
      await createTestImage(server, {
        name: 'after-all',
        tests: true,
        components: [bashDocument('Step', ['echo fine'])],
      }),
    );
    await assertRecordsHold(dataDirectory);
  });
});
