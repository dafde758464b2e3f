import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../platform/clock.ts';
import { WorkerLink } from './worker-link.ts';

/** A worker that gets stuck when it is woken. */
const PROGRAM = `
  import { listenToServer } from ${JSON.stringify(new URL('worker-link.ts', import.meta.url).href)};
  listenToServer({ wake() { for (;;); }, async finish() {}, end() { process.exit(7); } });
`;
const links: WorkerLink[] = [];
after(() => {
  for (const link of links) link.kill();
});

async function startLink(): Promise<WorkerLink> {
  const link = await WorkerLink.start([process.execPath, '--input-type=module', '--eval', PROGRAM], () => {});
  links.push(link);
  await answers(link);
  return link;
}

const answers = (link: WorkerLink): Promise<true> => {
  let asked = false;
  return until(
    'an answer',
    60_000,
    () => {
      asked ||= link.silentSeconds > 0;
      return asked && link.silentSeconds === 0 ? true : undefined;
    },
    { everyMs: 1 },
  );
};
const isSilent = (link: WorkerLink): Promise<true> =>
  until('silence', 60_000, () => (link.silentSeconds >= 3 ? true : undefined));

test('a running worker answers, and exits on request', async () => {
  const link = await startLink();
  link.end();

  assert.deepEqual(await link.exited, { code: 7, signal: null });
});

test('a stopped process is silent until it continues', async () => {
  const link = await startLink();
  process.kill(link.pid, 'SIGSTOP');
  await isSilent(link);
  process.kill(link.pid, 'SIGCONT');

  await answers(link);
});

test('a worker with a blocked event loop is silent, does not exit on request, and can be killed', async () => {
  const link = await startLink();
  link.wake();
  await isSilent(link);
  link.end();
  const seconds = link.silentSeconds;
  await until('more silence', 60_000, () => (link.silentSeconds > seconds ? true : undefined));
  link.kill();

  assert.deepEqual(await link.exited, { code: null, signal: 'SIGKILL' });
});
