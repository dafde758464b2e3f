/** `kill -9` of server and worker after each step of an image in turn: it goes on, and nothing is lost or doubled. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateDistributionConfigurationCommand } from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { until } from '../../src/platform/clock.ts';
import { assertNothingLeft, type HostState } from '../harness/host-state.ts';
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, query } from '../harness/invariants.ts';
import { killAtRandom, pointOf, strike, VICTIMS, workerOf } from '../harness/killing.ts';
import { imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
import { bashDocument } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

let state: HostState;
let dataDirectory: string;
let server: TestServer;
before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));
after(() => endOnServer({ state, dataDirectory, server }));

test('an image goes on after a kill at each of its points in turn', { timeout: 600_000 }, async (t) => {
  const { distributionConfigurationArn } = await server.client.send(
    new CreateDistributionConfigurationCommand({
      name: 'two-regions',
      clientToken: randomUUID(),
      distributions: ['us-east-1', 'eu-west-1'].map((region) => ({
        region,
        amiDistributionConfiguration: { name: 'killed {{ imagebuilder:buildDate }}' },
      })),
    }),
  );
  const arn = await createTestImage(server, {
    name: 'killed-at-each-point',
    components: [
      bashDocument('One', ['echo one >> /etc/marks']),
      bashDocument('Two', ['echo two >> /etc/marks']),
      bashDocument('Three', ['echo three >> /etc/marks', 'tr "\\n" " " < /etc/marks']),
    ],
    distributionConfigurationArn: distributionConfigurationArn!,
  });
  const seen = new Set<string>();
  let ended = false;
  while (!ended) {
    const point = await until(
      'the next point',
      120_000,
      () => {
        const now = pointOf(dataDirectory, arn);
        return seen.has(now) || now.startsWith('null') ? undefined : now;
      },
      { everyMs: 1 },
    );
    ended = !point.includes(' ');
    if (ended) break;
    server = await strike(server, VICTIMS[seen.size % VICTIMS.length]!);
    seen.add(point);
  }
  t.diagnostic(`${seen.size} kills: ${[...seen].join('; ')}`);
  await waitUntilAvailable(server, arn);
  assert.ok(seen.size >= 9, [...seen].join('\n'));

  const output = await outputOf(server, arn);
  assert.ok(
    output.some((line) => line.trim() === 'one two three'),
    output.join('\n'),
  );
  assert.ok(!output.some((line) => /(one|two|three).*\1/.test(line)), 'no component is in the image twice');
  const amis = query(dataDirectory, `SELECT region FROM amis WHERE image_arn = ? AND state = 'available'`, arn);
  assert.deepEqual(amis.map(({ region }) => region).sort(), ['eu-west-1', 'us-east-1']);
  const workflows = query(
    dataDirectory,
    `SELECT w.type, s.name, s.status, count(*) AS times FROM step_executions s JOIN workflow_executions w ON ` +
      `w.id = s.workflow_execution_id WHERE s.image_arn = ? AND w.retried = 0 GROUP BY w.type, s.name`,
    arn,
  );
  assert.deepEqual(
    workflows.filter(({ times, status }) => times !== 1 || status === 'RUNNING'),
    [],
  );
  const log = (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n');
  for (const told of [
    /The worker process ended while it worked on this image .* It goes on from the step \S+ of the build stage/,
    /The server was stopped while it worked on this image\. It will go on from/,
    /^goes on from the step ApplyBuildComponents of the build stage, after 2 components$/m,
    /^i-[0-9a-f]+ ended with the interruption: another instance goes on from its last layer, lay-/m,
  ])
    assert.match(log, told);
  await assertRecordsHold(dataDirectory);
  await assertNothingLeft(state, dataDirectory);
});

test('8 kills at random: each image is made once, as if nothing had happened', { timeout: 600_000 }, async (t) => {
  const { made, server: last } = await killAtRandom(server, 8, 1500);
  server = last;
  t.diagnostic(`${made} images over 8 kills`);
  await workerOf(dataDirectory);
  await assertRecordsHold(dataDirectory);
  await assertNothingLeft(state, dataDirectory);
});

/** A component that waits in its instance until somebody tells it there how it ends. */
const JUDGED = bashDocument('Judged', ['until [ -s /run/verdict ]; do sleep 0.1; done', 'grep -q good /run/verdict']);

/** Tells the component of an image how it ends. */
async function judge(arn: string, verdict: 'good' | 'bad'): Promise<void> {
  const instance = await until('the component to wait', 120_000, async () => {
    const lines = (await imageLog(dataDirectory, arn)).filter(({ text }) => /Judged/.test(text));
    const [row] = query(
      dataDirectory,
      `SELECT id FROM instances WHERE image_arn = ? AND state = 'running' AND kept_until IS NULL`,
      arn,
    );
    return lines.length > 0 ? (row?.['id'] as string | undefined) : undefined;
  });
  const { code, stderr } = await ingot(dataDirectory, [
    'exec',
    instance,
    '--',
    'sh',
    '-c',
    `echo ${verdict} > /run/verdict`,
  ]);
  assert.equal(code, 0, stderr);
}

const countOf = async (arn: string, line: string): Promise<number> =>
  (await outputOf(server, arn)).filter((each) => each.trim() === line).length;

test('ingot retry --from-failure goes on from the component that failed', { timeout: 300_000 }, async () => {
  const arn = await createTestImage(server, {
    name: 'judged',
    tags: { 'ingot:layer-cache': 'off' },
    components: [bashDocument('Before', ['echo before it', 'echo one >> /etc/marks']), JUDGED],
  });
  await judge(arn, 'bad');
  assert.equal((await waitForStatus(server, arn)).state?.status, 'FAILED');
  const refused = await ingot(dataDirectory, ['retry', 'judged/1.0.0/1']);
  assert.match(refused.stderr, /its build stage did not finish/);
  const retried = await ingot(dataDirectory, ['retry', 'judged/1.0.0/1', '--from-failure']);
  assert.equal(retried.stdout, 'judged/1.0.0/1 continues from the step ApplyBuildComponents, after 1 component\n');
  const again = await ingot(dataDirectory, ['retry', 'judged', '--from-failure']);
  assert.notEqual(again.code, 0, 'it is no longer FAILED');
  await until('the second try', 120_000, async () =>
    (await imageLog(dataDirectory, arn)).filter(({ text }) => /build: Judged \(/.test(text)).length > 1
      ? true
      : undefined,
  );
  await judge(arn, 'good');
  await waitUntilAvailable(server, arn);
  assert.equal(await countOf(arn, 'before it'), 1);
  await assertRecordsHold(dataDirectory);
});

test('ingot stop waits for a running build; --now leaves it to the next server', { timeout: 300_000 }, async () => {
  const first = await createTestImage(server, { name: 'finished', components: [JUDGED] });
  await waitForStatus(server, first, ['BUILDING']);
  const stopped = ingot(dataDirectory, ['stop']);
  await until('the component', 120_000, async () =>
    (await imageLog(dataDirectory, first)).some(({ text }) => /Judged/.test(text)) ? true : undefined,
  );
  await judge(first, 'good');
  const { code, stderr } = await stopped;
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^waiting until finished\/1\.0\.0\/1 has finished; to interrupt and continue later: \S*ingot stop --now$/m,
  );
  server = await startServer(dataDirectory);
  await waitUntilAvailable(server, first);
  assert.ok(!(await imageLog(dataDirectory, first)).some(({ text }) => text.startsWith('goes on from')));

  const second = await createTestImage(server, {
    name: 'left',
    components: [bashDocument('Before', ['echo before it']), JUDGED],
  });
  await until('the component', 120_000, async () =>
    (await imageLog(dataDirectory, second)).some(({ text }) => /Judged/.test(text)) ? true : undefined,
  );
  const now = await ingot(dataDirectory, ['stop', '--now']);
  assert.equal(now.code, 0, now.stderr);
  await assertNothingLeft(state, dataDirectory);
  server = await startServer(dataDirectory);
  await until('it to go on', 120_000, async () =>
    (await imageLog(dataDirectory, second)).filter(({ text }) => /build: Judged \(/.test(text)).length > 1
      ? true
      : undefined,
  );
  await judge(second, 'good');
  await waitUntilAvailable(server, second);
  assert.equal(await countOf(second, 'before it'), 1);
  await assertRecordsHold(dataDirectory);
});
