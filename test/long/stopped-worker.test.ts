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
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold } from '../harness/invariants.ts';
import { goesOnToItsEnd } from '../harness/killing.ts';
import { imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
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

  test('is killed when an image is cancelled: that one is cancelled, others go on, alone', {
    timeout: 600_000,
  }, async () => {
    const cancelled = await buildUntil(server, 'component', 'to-be-cancelled');
    const other = await createTestImage(server, {
      name: 'of-somebody-else',
      components: [bashDocument('Step', ['echo started', 'sleep 20'])],
    });
    await until(
      'the other component to run',
      60_000,
      async () => ((await outputOf(server, other)).includes('started') ? true : undefined),
      { everyMs: 50 },
    );
    stopped();
    await server.client.send(
      new CancelImageCreationCommand({ imageBuildVersionArn: cancelled, clientToken: randomUUID() }),
    );

    const silent = 'The worker process did not answer for \\d+ seconds, so the server killed it to cancel an image\\.';
    const one = await waitForStatus(server, cancelled);
    assert.equal(one.state?.status, 'CANCELLED');
    assert.match(one.state!.reason!, new RegExp(`^The image was cancelled\\. ${silent}$`));
    await waitUntilAvailable(server, other);
    assert.match(
      (await imageLog(dataDirectory, other)).map(({ text }) => text).join('\n'),
      new RegExp(`${silent} It goes on from .*, with no other image beside it\\.`),
    );
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
    const { code, stdout, stderr } = await ingot(dataDirectory, ['stop', '--now']);

    assert.equal(code, 0, stdout + stderr);
    assert.ok(!isSameProcess(pid, startTime));
    assert.match(
      (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n'),
      /^The worker process did not answer for \d+ seconds, so the server killed it to stop\. It goes on from /m,
    );
    await assertNothingLeft(state, dataDirectory);
    server = await startServer(dataDirectory);
    await goesOnToItsEnd(server, arn, 'component');
    await assertRecordsHold(dataDirectory);
  });

  test('whose server was killed is killed by the worker of the next', { timeout: 900_000 }, async () => {
    const arn = await buildUntil(server, 'component', 'of-a-killed-server');
    const pid = stopped();
    process.kill(server.pid, 'SIGKILL');
    server = await startServer(dataDirectory);

    // The next worker first gives it two minutes to clean up, and more on a slow host.
    await goesOnToItsEnd(server, arn, 'component', 600_000);
    assert.equal(processStartTime(pid), undefined);
    await waitUntilAvailable(
      server,
      await createTestImage(server, { name: 'after-all', components: [bashDocument('Step', ['echo fine'])] }),
    );
  });
});
