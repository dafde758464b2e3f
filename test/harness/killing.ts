/** `kill -9` of server and worker, at chosen points of an image's work. */
import assert from 'node:assert/strict';
import { CancelImageCreationCommand } from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { until } from '../../src/platform/clock.ts';
import { processStartTime, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import { query } from './invariants.ts';
import { waitForStatus, waitUntilAvailable } from './images.ts';
import { imageLog, startServer, type TestServer } from './service.ts';
import { processesWith, type BuildStage } from './stages.ts';

/** Who is killed. The worker of a killed server ends by itself, in order. */
export const VICTIMS = ['worker', 'server', 'both'] as const;
export type Victim = (typeof VICTIMS)[number];

/** The worker process of a data directory, once there is one. */
export function workerOf(dataDirectory: string): Promise<number> {
  return until('a worker', 60_000, () => processesWith(['worker-main', dataDirectory])[0], { everyMs: 20 });
}

/** Kills, and starts another server where that died. Returns the server that runs then. */
export async function strike(server: TestServer, victim: Victim): Promise<TestServer> {
  const { dataDirectory } = server;
  if (victim === 'both') await server.kill();
  else await kill(victim === 'server' ? server.pid : await workerOf(dataDirectory));
  return victim === 'worker' ? server : startServer(dataDirectory);
}

async function kill(pid: number): Promise<void> {
  const startTime = processStartTime(pid);
  if (startTime === undefined) return;
  signalProcess(pid, startTime, 'SIGKILL');
  assert.ok(await waitForExit(pid, startTime, 10_000));
}

/** How far an image's work is, as a word that changes with each point from which it would go on. */
export function pointOf(dataDirectory: string, arn: string): string {
  const [row] = query(
    dataDirectory,
    `SELECT json_extract(p.state, '$.point.stage') AS stage, json_array_length(p.state, '$.sealed') AS sealed,
       (SELECT count(*) FROM step_executions s WHERE s.image_arn = i.arn AND s.status = 'COMPLETED') AS steps,
       (SELECT count(*) FROM workflow_executions w WHERE w.image_arn = i.arn AND w.status = 'COMPLETED') AS workflows,
       i.status AS status
     FROM images i LEFT JOIN work_points p ON p.image_arn = i.arn WHERE i.arn = ?`,
    arn,
  );
  const { stage, sealed, steps, workflows, status } = row ?? {};
  return ['AVAILABLE', 'FAILED', 'CANCELLED'].includes(String(status))
    ? String(status)
    : `${String(stage)}, ${String(sealed)} layers, ${String(steps)} steps, ${String(workflows)} workflows`;
}

/**
 * Waits until an interrupted image of `buildUntil` has gone on, and to its end.
 * @param timeoutMs how long the next worker may take to begin, in milliseconds
 */
export async function goesOnToItsEnd(
  server: TestServer,
  arn: string,
  stage: BuildStage,
  timeoutMs = 120_000,
): Promise<void> {
  await until('the image to go on', timeoutMs, async () =>
    (await imageLog(server.dataDirectory, arn)).some(({ text }) => text.startsWith('goes on from ')) ? true : undefined,
  );
  if (stage !== 'component') return void (await waitUntilAvailable(server, arn));
  // Its component would sleep on.
  await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: arn, clientToken: randomUUID() }));
  assert.equal((await waitForStatus(server, arn)).state?.status, 'CANCELLED');
}
