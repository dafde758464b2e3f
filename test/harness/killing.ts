/** `kill -9` of server and worker, at chosen points of an image's work. */
import assert from 'node:assert/strict';
import { CancelImageCreationCommand } from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { sleep, until } from '../../src/platform/clock.ts';
import { processStartTime, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import { query } from './invariants.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from './images.ts';
import { imageLog, startServer, type TestServer } from './service.ts';
import { bashDocument, processesWith, type BuildStage } from './stages.ts';

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

/**
 * Kills somebody again and again while two images are built, and fails if one of them fails or has not one AMI.
 * @param longestMs the longest time between two kills, in milliseconds
 * @returns how many images were made, and the server that runs then
 */
export async function killAtRandom(
  first: TestServer,
  kills: number,
  longestMs: number,
): Promise<{ readonly made: number; readonly server: TestServer }> {
  let server = first;
  const { dataDirectory } = server;
  const made: string[] = [];
  let arns: string[] = [];
  const strikes = new Map<string, { readonly point: string; readonly times: number }>();
  const begin = (name: string): Promise<string> =>
    createTestImage(server, {
      name,
      components: ['one', 'two', 'three'].map((word, index) =>
        bashDocument('Mark', [`echo ${word} >> /etc/marks`, `test "$(wc -l < /etc/marks)" = ${index + 1}`]),
      ),
    });
  for (let count = 0; count < kills; count++) {
    while (arns.length < 2) arns.push(await begin(`random-${count}-${arns.length}`));
    await sleep(longestMs / 16 + Math.random() * longestMs);
    // An image whose worker ends at one point again and again fails, so none is killed there more than twice.
    for (const arn of arns) {
      const struck = strikes.get(arn);
      if (struck !== undefined && struck.times >= 2)
        await until(`${arn} to get further than ${struck.point}`, 300_000, () =>
          pointOf(dataDirectory, arn) === struck.point ? undefined : true,
        );
      const point = pointOf(dataDirectory, arn);
      const now = strikes.get(arn);
      strikes.set(arn, { point, times: now?.point === point ? now.times + 1 : 1 });
    }
    server = await strike(server, VICTIMS[Math.floor(Math.random() * VICTIMS.length)]!);
    for (const arn of arns) {
      const status = pointOf(dataDirectory, arn);
      assert.notEqual(status, 'FAILED', (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n'));
      if (status === 'AVAILABLE') made.push(arn);
    }
    arns = arns.filter((arn) => !made.includes(arn));
  }
  for (const arn of arns) await waitUntilAvailable(server, arn);
  made.push(...arns);
  const amis = query(
    dataDirectory,
    `SELECT image_arn, count(*) AS amis FROM amis WHERE state = 'available' GROUP BY image_arn`,
  );
  for (const arn of made) assert.equal(amis.find(({ image_arn }) => image_arn === arn)?.['amis'], 1, arn);
  return { made: made.length, server };
}
