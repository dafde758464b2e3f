/** Virtual machines that wait in a pool: a build takes one, another takes its place, and none is left. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withNewerMembers } from '../../src/commands/deploy/newer-members.ts';
import { until } from '../../src/platform/clock.ts';
import { createTestImage, outputOf, PARENT, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertNothingLeft } from '../harness/host-state.ts';
import { assertRecordsHold, query } from '../harness/invariants.ts';
import { strike, workerOf } from '../harness/killing.ts';
import { imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
import { bashDocument } from '../harness/stages.ts';
import { beginOnDirectory, endOnServer, type DirectorySuite } from '../harness/suite.ts';

let suite: DirectorySuite;
let server: TestServer;
before(async () => {
  suite = await beginOnDirectory();
  await writeFile(join(suite.dataDirectory, 'config.yaml'), `pools: {warm: {image: '${PARENT}'}}\n`, { mode: 0o600 });
  server = await startServer(suite.dataDirectory);
  withNewerMembers(server.client);
});
after(() => endOnServer({ ...suite, server }));

/** The id of the instance that waits. @param not one that waited before */
const waiting = (not = ''): Promise<string> =>
  until('an instance in the pool', 300_000, () => {
    const [row] = query(
      suite.dataDirectory,
      `SELECT id FROM instances WHERE purpose = 'pool' AND state = 'running' AND id <> ?`,
      not,
    );
    return row?.['id'] as string | undefined;
  });
const fromPool = { parentInstance: { autoScalingGroup: { name: 'warm', capacityWaitTimeoutSeconds: 600 } } };

test('a build takes the instance that waits, its image boots, and another instance waits', async () => {
  const first = await waiting();
  const { stdout } = await ingot(suite.dataDirectory, ['instances']);
  assert.match(stdout, new RegExp(`^${first} .* waits in a pool for a build$`, 'm'));
  const arn = await createTestImage(server, {
    name: 'pooled',
    components: [bashDocument('Mark', ['echo "made in $(systemd-detect-virt)" | tee /srv/mark'])],
    infrastructure: fromPool,
    tags: { 'ingot:layer-cache': 'off' },
  });
  await waitUntilAvailable(server, arn);
  const log = (await imageLog(suite.dataDirectory, arn)).map(({ text }) => text).join('\n');
  assert.match(log, new RegExp(`^${first}: build instance, t3.small, from the pool 'warm'`, 'm'));
  assert.match((await outputOf(server, arn)).join('\n'), /^made in (qemu|kvm)$/m);
  assert.notEqual(await waiting(first), first);
});

test('what an instance of the pool cannot have, and a pool that does not exist, fail with the reason', async () => {
  const later = { ...fromPool.parentInstance.autoScalingGroup, capacityWaitTimeoutSeconds: 0 };
  await waiting();
  const arn = await createTestImage(server, {
    name: 'grouped',
    components: [],
    infrastructure: { parentInstance: { autoScalingGroup: later }, securityGroupIds: ['sg-1'], subnetId: 'subnet-1' },
  });
  const failed = await waitForStatus(server, arn);
  assert.match(
    failed.state!.reason!,
    /no instance of the pool 'warm' is ready: i-\w+ was launched without .* security/,
  );
  await assert.rejects(
    createTestImage(server, {
      name: 'other',
      components: [],
      infrastructure: { parentInstance: { autoScalingGroup: { name: 'warn' } } },
    }),
    /the pool 'warn' does not exist\. Did you mean 'warm'/,
  );
});

test('a step takes the instance that it names, and none that does not wait', async () => {
  const build = (parentInstanceId: string): string => `schemaVersion: 1.0
name: certain
steps:
  - {name: Launch, action: LaunchInstance, inputs: {waitFor: ssmAgent, parentInstanceId: '${parentInstanceId}'}}
`;
  const named = await waiting();
  const arn = await createTestImage(server, { name: 'certain', components: [], workflows: { BUILD: build(named) } });
  // Its workflow makes no AMI.
  await waitForStatus(server, arn);
  const log = (await imageLog(suite.dataDirectory, arn)).map(({ text }) => text).join('\n');
  assert.match(log, new RegExp(`^${named}: build instance, t3.small, from the pool 'warm'`, 'm'));
  const again = await createTestImage(server, { name: 'again', components: [], workflows: { BUILD: build(named) } });
  const { state } = await waitForStatus(server, again);
  assert.match(state!.reason!, new RegExp(`parentInstanceId: ${named} is not an instance that waits in a pool`));
});

test('a worker that is killed leaves none of them, and the pool is filled again', async () => {
  const earlier = await waiting();
  server = await strike(server, 'worker');
  await workerOf(suite.dataDirectory);
  await waiting(earlier);
  await server.stop();
  await assertRecordsHold(suite.dataDirectory);
  await assertNothingLeft(suite.state, suite.dataDirectory);
  server = await startServer(suite.dataDirectory);
});
