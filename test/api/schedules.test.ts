import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  GetImageCommand,
  GetImagePipelineCommand,
  ListImagePipelinesCommand,
  StartImagePipelineExecutionCommand,
  UpdateImagePipelineCommand,
} from '@aws-sdk/client-imagebuilder';
import type { ToldRun, ToldSchedule } from '../../src/api/ingot/pipelines.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { putParameter } from '../../src/catalog/parameters.ts';
import { component, dueAt, endImage, own, pipeline, recipe, runs, tick } from './scheduled.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const get = async (imagePipelineArn: string) =>
  (await api.client.send(new GetImagePipelineCommand({ imagePipelineArn }))).imagePipeline!;

const ALWAYS = 'EXPRESSION_MATCH_ONLY' as const;

describe('a pipeline with a schedule', () => {
  test('says when it is due next, and nothing of it once it is disabled or has no schedule', async () => {
    await component(api, 'due', '1.0.0');
    const made = await recipe(api, 'due', [own('component/due/1.0.0/1')]);
    const arn = await pipeline(api, 'due', made, {
      schedule: { scheduleExpression: 'cron(0 3 ? * SUN *)', timezone: 'Europe/Berlin' },
    });
    const { dateNextRun } = await get(arn);
    const next = new Date(dateNextRun!);
    assert.equal(next.getUTCDay(), 0);
    assert.ok(next.getTime() > Date.now() && next.getTime() <= Date.now() + 8 * 86_400_000);
    const { imagePipelineList = [] } = await api.client.send(new ListImagePipelinesCommand({}));
    assert.equal(imagePipelineList.find((each) => each.arn === arn)?.dateNextRun, dateNextRun);
    const update = (more: object) =>
      api.client.send(
        new UpdateImagePipelineCommand({
          imagePipelineArn: arn,
          imageRecipeArn: made.recipe,
          infrastructureConfigurationArn: made.infrastructure,
          ...more,
        }),
      );
    await update({ schedule: { scheduleExpression: 'rate(1 day)' }, status: 'DISABLED' });
    assert.equal((await get(arn)).dateNextRun, undefined);
    await update({ schedule: { scheduleExpression: 'rate(1 day)' } });
    assert.ok(Math.abs(Date.parse((await get(arn)).dateNextRun!) - Date.now() - 86_400_000) < 60_000);
    await update({});
    assert.equal((await get(arn)).dateNextRun, undefined);
  });

  test('starts once for each due time, with its tags for images, and says why', async () => {
    await component(api, 'always', '1.0.0');
    const made = await recipe(api, 'always', [own('component/always/1.0.0/1')]);
    const arn = await pipeline(api, 'always', made, {
      schedule: { scheduleExpression: 'cron(0 3 * * ? *)', pipelineExecutionStartCondition: ALWAYS },
      imageTags: { from: 'schedule' },
    });
    await dueAt(api, arn, '2030-01-01T03:00:00.000Z');
    await tick(api, '2030-01-01T02:59:59.000Z');
    assert.equal((await runs(api, arn)).length, 0);
    // Two servers at once.
    await Promise.all([tick(api, '2030-01-01T03:00:01.000Z'), tick(api, '2030-01-01T03:00:01.000Z')]);
    await tick(api, '2030-01-01T03:00:02.000Z');
    const [run, ...others] = await runs(api, arn);
    assert.deepEqual(others, []);
    const { cause, by, at, because, due, outcome, image_arn } = run!;
    assert.deepEqual(
      { cause, by, at, due, outcome },
      {
        cause: 'schedule',
        by: 'cron(0 3 * * ? *)',
        at: '2030-01-01T03:00:01.000Z',
        due: '2030-01-01T03:00:00.000Z',
        outcome: 'started',
      },
    );
    assert.equal(
      because,
      'Due at 2030-01-01T03:00:00.000Z: every day at 03:00, UTC. Its start condition is EXPRESSION_MATCH_ONLY.',
    );
    const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn: image_arn! }));
    assert.deepEqual(image?.tags, { from: 'schedule' });
    assert.equal(image?.buildType, 'SCHEDULED');
    assert.equal(image?.sourcePipelineArn, arn);
    const told = await get(arn);
    assert.equal(told.dateNextRun, '2030-01-02T03:00:00.000Z');
    assert.equal(told.dateLastRun, image?.dateCreated);
    assert.equal(told.lastRunStatus, 'PENDING');
  });

  test('that was missed is caught up once, and says for what', async () => {
    await component(api, 'late', '1.0.0');
    const arn = await pipeline(api, 'late', await recipe(api, 'late', [own('component/late/1.0.0/1')]), {
      schedule: { scheduleExpression: 'cron(0 3 * * ? *)', pipelineExecutionStartCondition: ALWAYS },
    });
    await dueAt(api, arn, '2030-01-01T03:00:00.000Z');
    await tick(api, '2030-01-05T08:00:00.000Z');
    await tick(api, '2030-01-05T08:00:01.000Z');
    const found = await runs(api, arn);
    assert.equal(found.length, 1);
    assert.match(
      found[0]!.because,
      /No server was running then: this run makes up for 5 due times, from 2030-01-01T03:00:00\.000Z to 2030-01-05T03:/,
    );
    assert.equal((await get(arn)).dateNextRun, '2030-01-06T03:00:00.000Z');
    const told = await signedJson<{ schedule: ToldSchedule; runs: readonly ToldRun[] }>(api.connectionOf('same'), {
      method: 'GET',
      path: `/ingot/pipelines/${encodeURIComponent(arn)}/runs`,
      query: { limit: '1' },
    });
    assert.deepEqual(
      told.runs.map(({ image, because }) => [image, because]),
      found.map(({ image_arn, because }) => [image_arn, because]),
    );
    assert.equal(told.schedule.words, 'every day at 03:00, UTC');
  });
});

describe('dependency updates', () => {
  test('start a pipeline, and without one the skip is on record with what was compared', async () => {
    const name = 'dependent';
    await component(api, name, '1.0.0');
    await component(api, `${name}-pinned`, '1.0.0');
    const made = await recipe(api, name, [own(`component/${name}/x.x.x`), own(`component/${name}-pinned/1.0.0/1`)]);
    const arn = await pipeline(api, name, made, { schedule: { scheduleExpression: 'cron(0 * * * ? *)' } });
    await dueAt(api, arn, '2030-01-01T00:00:00.000Z');
    await tick(api, '2030-01-01T00:00:00.000Z');
    await tick(api, '2030-01-01T01:00:00.000Z');
    await component(api, `${name}-pinned`, '1.0.1');
    await tick(api, '2030-01-01T02:00:00.000Z');
    await component(api, name, '1.0.1');
    await tick(api, '2030-01-01T03:00:00.000Z');
    await tick(api, '2030-01-01T04:00:00.000Z');
    const found = await runs(api, arn);
    assert.deepEqual(
      found.map(({ outcome }) => outcome),
      ['started', 'skipped', 'skipped', 'started', 'skipped'],
    );
    assert.match(found[0]!.because, /No earlier build of this pipeline is there to compare with\./);
    assert.match(
      found[1]!.reason!,
      /^Nothing that it names is newer than in .*image\/dependent\/1\.0\.0\/1\. Compared: .*x\.x\.x is .*\/1\.0\.0\/1/,
    );
    assert.doesNotMatch(found[1]!.reason!, /pinned/);
    assert.equal(found[1]!.next, '2030-01-01T02:00:00.000Z');
    assert.match(found[3]!.because, /component\/dependent\/x\.x\.x was .*\/1\.0\.0\/1 and is .*\/1\.0\.1\/1 now\./);
  });

  test('are a changed value of ssm: too, and what failed does not count as built', async () => {
    const place = { account: ACCOUNT, region: REGION };
    const put = (value: string) => putParameter(api.catalog.db, place, { name: '/base', type: 'String', value });
    await put('debian-12-x86');
    await component(api, 'ssm', '1.0.0');
    const base = await recipe(api, 'base', [own('component/ssm/1.0.0/1')]);
    const child = await pipeline(api, 'ssm', await recipe(api, 'ssm', [own('component/ssm/1.0.0/1')], 'ssm:/base'), {
      schedule: { scheduleExpression: 'cron(0 * * * ? *)' },
    });
    await dueAt(api, child, '2030-01-01T00:00:00.000Z');
    await tick(api, '2030-01-01T00:00:00.000Z');
    const parent = await pipeline(api, 'base', base);
    const { imageBuildVersionArn } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn: parent }),
    );
    await endImage(api, imageBuildVersionArn!, 'AVAILABLE');
    await put(imageBuildVersionArn!);
    await tick(api, '2030-01-01T01:00:00.000Z');
    const started = (await runs(api, child)).filter(({ outcome }) => outcome === 'started');
    assert.equal(started.length, 2);
    await endImage(api, started[1]!.image_arn!, 'FAILED');
    await tick(api, '2030-01-01T02:00:00.000Z');
    const found = await runs(api, child);
    assert.equal(found.at(-1)!.outcome, 'started');
    assert.match(found.at(-1)!.because, /ssm:\/base/);
    const [manual] = await runs(api, parent);
    assert.deepEqual([manual!.cause, manual!.by], ['person', `arn:aws:iam::${ACCOUNT}:root`]);
  });
});

describe('what holds a pipeline back', () => {
  test('a maintenance window puts it off to its end', async () => {
    await component(api, 'held', '1.0.0');
    const arn = await pipeline(api, 'held', await recipe(api, 'held', [own('component/held/1.0.0/1')]), {
      schedule: { scheduleExpression: 'cron(0 * * * ? *)', pipelineExecutionStartCondition: ALWAYS },
      tags: { stage: 'production' },
    });
    const windows = [{ name: 'night', tags: { stage: 'production' }, begins: 'cron(0 22 * * ? *)', lasts: '4h' }];
    await dueAt(api, arn, '2030-01-01T23:00:00.000Z');
    await tick(api, '2030-01-01T23:00:00.000Z', windows);
    await tick(api, '2030-01-02T00:00:00.000Z', windows);
    const [held, ...none] = await runs(api, arn);
    assert.deepEqual(none, []);
    assert.deepEqual([held!.outcome, held!.next], ['put off', '2030-01-02T02:00:00.000Z']);
    assert.match(held!.reason!, /The maintenance window 'night' lasts until 2030-01-02T02:00:00\.000Z/);
    await tick(api, '2030-01-02T02:00:00.000Z', windows);
    const found = await runs(api, arn);
    assert.deepEqual(
      found.map(({ outcome, due, reason }) => ({ outcome, due, reason })),
      [{ outcome: 'started', due: '2030-01-01T23:00:00.000Z', reason: null }],
    );
    assert.match(found[0]!.because, /It was put off: this run makes up for 4 due times/);
  });

  test('failed scheduled builds in a row disable it, with an event; a success and an update forgive', async () => {
    await component(api, 'failing', '1.0.0');
    const made = await recipe(api, 'failing', [own('component/failing/1.0.0/1')]);
    const schedule = {
      scheduleExpression: 'cron(0 * * * ? *)',
      pipelineExecutionStartCondition: ALWAYS,
      autoDisablePolicy: { failureCount: 2 },
    };
    const arn = await pipeline(api, 'failing', made, { schedule });
    await dueAt(api, arn, '2030-01-01T00:00:00.000Z');
    const run = async (hour: number, to: 'AVAILABLE' | 'FAILED') => {
      await tick(api, `2030-01-01T0${hour}:00:00.000Z`);
      await endImage(api, (await runs(api, arn)).at(-1)!.image_arn!, to);
      const { status, consecutiveFailures } = await get(arn);
      return [status, consecutiveFailures];
    };
    assert.deepEqual(await run(0, 'FAILED'), ['ENABLED', 1]);
    // One that a person started does not count.
    const { imageBuildVersionArn } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn: arn }),
    );
    await endImage(api, imageBuildVersionArn!, 'FAILED');
    assert.equal((await get(arn)).consecutiveFailures, 1);
    assert.deepEqual(await run(1, 'AVAILABLE'), ['ENABLED', 0]);
    assert.deepEqual(await run(2, 'FAILED'), ['ENABLED', 1]);
    assert.deepEqual(await run(3, 'FAILED'), ['DISABLED', 2]);
    await tick(api, '2030-01-01T04:00:00.000Z');
    assert.equal((await get(arn)).dateNextRun, undefined);
    const last = (await runs(api, arn)).at(-1)!;
    assert.equal(last.outcome, 'disabled');
    const events = await api.catalog.db
      .selectFrom('outbox')
      .selectAll()
      .where('resource', '=', arn)
      .where('type', '=', 'EC2 Image Builder Image Pipeline Automatically Disabled')
      .execute();
    assert.deepEqual(
      events.map(({ status, payload }) => [status, payload]),
      [['DISABLED', '{"consecutive-failures":"2"}']],
    );
    await api.client.send(
      new UpdateImagePipelineCommand({
        imagePipelineArn: arn,
        imageRecipeArn: made.recipe,
        infrastructureConfigurationArn: made.infrastructure,
        schedule,
      }),
    );
    const { status, consecutiveFailures } = await get(arn);
    assert.deepEqual([status, consecutiveFailures], ['ENABLED', 0]);
  });

  test('one that cannot be built is refused with the reason, counts as a failure, and leaves no image', async () => {
    await component(api, 'refused', '1.0.0');
    const base = await pipeline(
      api,
      'refused-base',
      await recipe(api, 'refused-base', [own('component/refused/1.0.0/1')]),
    );
    const { imageBuildVersionArn } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn: base }),
    );
    await endImage(api, imageBuildVersionArn!, 'AVAILABLE');
    const made = await recipe(api, 'refused', [own('component/refused/1.0.0/1')], imageBuildVersionArn!);
    const arn = await pipeline(api, 'refused', made, {
      schedule: { scheduleExpression: 'cron(0 * * * ? *)', pipelineExecutionStartCondition: ALWAYS },
    });
    await api.catalog.db
      .updateTable('images')
      .set({ status: 'DISABLED', record: JSON.stringify({ state: { status: 'DISABLED' }, platform: 'Linux' }) })
      .where('arn', '=', imageBuildVersionArn!)
      .execute();
    await dueAt(api, arn, '2030-01-01T00:00:00.000Z');
    await tick(api, '2030-01-01T00:00:00.000Z');
    const [found, ...none] = await runs(api, arn);
    assert.deepEqual(none, []);
    assert.deepEqual([found!.outcome, found!.image_arn, found!.next], ['refused', null, '2030-01-01T01:00:00.000Z']);
    assert.match(found!.reason!, /is DISABLED: only an available image can be built on/);
    assert.equal((await get(arn)).consecutiveFailures, 1);
    assert.equal((await get(arn)).dateLastRun, undefined);
  });
});

test('a wrong schedule is refused with what was probably meant', async () => {
  await component(api, 'wrong', '1.0.0');
  const made = await recipe(api, 'wrong', [own('component/wrong/1.0.0/1')]);
  await assert.rejects(
    pipeline(api, 'wrong', made, {
      schedule: { scheduleExpression: 'cron(0 3 * * SUN *)', timezone: 'Europe/Berlin' },
    }),
    {
      name: 'InvalidParameterValueException',
      message: /cron\(0 3 \? \* SUN \*\) is every Sunday at 03:00, Europe\/Berlin\./,
    },
  );
  await assert.rejects(
    pipeline(api, 'wrong', made, { schedule: { scheduleExpression: 'cron(0 0 30 2 ? *)' } }),
    /no such time is to come/,
  );
});
