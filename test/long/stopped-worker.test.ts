/**
 * A worker that does not answer, as one in whose event loop something never ends: here its process is stopped.
 * Cancelling an image and stopping the server have it killed, and what it held is swept.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CancelImageCreationCommand } from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../src/platform/clock.ts';
import { isSameProcess, processStartTime } from '../../src/platform/processes.ts';
import { assertNothingLeft, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, query } from '../harness/invariants.ts';
import { ingot, startServer, type TestServer } from '../harness/service.ts';
import { bashDocument, buildUntil, processesWith } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

describe('a worker that does not answer', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  const stopped = (): number => {
    const pid = processesWith(['worker-main', dataDirectory])[0]!;
    process.kill(pid, 'SIGSTOP');
    return pid;
  };

  test('is killed when an image is cancelled: that one is cancelled, others fail with the reason', {
    timeout: 600_000,
  }, async () => {
    const cancelled = await buildUntil(server, 'component', 'to-be-cancelled');
    const other = await buildUntil(server, 'component', 'of-somebody-else');
    stopped();
    await server.client.send(
      new CancelImageCreationCommand({ imageBuildVersionArn: cancelled, clientToken: randomUUID() }),
    );

    const silent = 'The worker process did not answer for \\d+ seconds, so the server killed it to cancel an image\\.';
    const one = await waitForStatus(server, cancelled);
    assert.equal(one.state?.status, 'CANCELLED');
    assert.match(one.state!.reason!, new RegExp(`^The image was cancelled\\. ${silent}$`));
    const two = await waitForStatus(server, other);
    assert.equal(two.state?.status, 'FAILED');
    assert.match(two.state!.reason!, new RegExp(`^${silent} Its leftovers were removed; start the build again\\.$`));
    assert.match(
      readFileSync(join(dataDirectory, 'server.log'), 'utf8'),
      /the worker does not answer; killing it to cancel an image/,
    );
    await until('another worker', 60_000, () => processesWith(['worker-main', dataDirectory])[0]);
    await assertRecordsHold(dataDirectory);
    await assertNothingLeft(state, dataDirectory);
  });

  test('and the next build succeeds', { timeout: 600_000 }, async () => {
    await waitUntilAvailable(
      server,
      await createTestImage(server, { name: 'after-cancel', components: [bashDocument('Step', ['echo fine'])] }),
    );
  });

  test('is killed when the server is stopped, and what it held is gone before that ends', {
    timeout: 600_000,
  }, async () => {
    const arn = await buildUntil(server, 'component', 'to-be-stopped');
    const pid = stopped();
    const startTime = processStartTime(pid)!;
    const { code, stdout, stderr } = await ingot(dataDirectory, ['stop']);

    assert.equal(code, 0, stdout + stderr);
    assert.ok(!isSameProcess(pid, startTime));
    const [image] = query(
      dataDirectory,
      `SELECT status, json_extract(record, '$.state.reason') AS reason FROM images WHERE arn = '${arn}'`,
    );
    assert.equal(image?.['status'], 'FAILED');
    assert.match(
      String(image?.['reason']),
      /^The worker process did not answer for \d+ seconds, so the server killed it to stop\./,
    );
    await assertRecordsHold(dataDirectory);
    await assertNothingLeft(state, dataDirectory);
    server = await startServer(dataDirectory);
  });

  test('whose server was killed is killed by the worker of the next', { timeout: 900_000 }, async () => {
    const arn = await buildUntil(server, 'component', 'of-a-killed-server');
    const pid = stopped();
    process.kill(server.pid, 'SIGKILL');
    server = await startServer(dataDirectory);

    assert.match(
      (await waitForStatus(server, arn)).state!.reason!,
      /^The worker process ended while it worked on this image/,
    );
    assert.equal(processStartTime(pid), undefined);
    await waitUntilAvailable(
      server,
      await createTestImage(server, { name: 'after-all', components: [bashDocument('Step', ['echo fine'])] }),
    );
  });
});
