/** 10,000 pipelines that are due in one minute start, each with its own image. It tells what that took. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getPipeline, insertPipeline } from '../../src/catalog/image-pipelines.ts';
import { schedulePipeline } from '../../src/pipelines/scheduler.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { component, own, pipeline, recipe, tick } from '../api/scheduled.ts';
import { ACCOUNT, REGION, startApi } from '../api/server.ts';

const COUNT = 10_000;

test(`${COUNT} pipelines that are due at once start`, async (t) => {
  const quotas = { ...DEFAULT_CONFIG.quotas, imagePipelines: null, concurrentBuilds: null };
  const api = await startApi({ quotas });
  try {
    await component(api, 'many', '1.0.0');
    const made = await recipe(api, 'many', [own('component/many/x.x.x')]);
    const first = await pipeline(api, 'many-0', made, { schedule: { scheduleExpression: 'cron(0 0 1 1 ? 2030)' } });
    const { db } = api.catalog;
    const model = (await getPipeline(db, first))!;
    await api.catalog.transaction(async (trx) => {
      for (let index = 1; index < COUNT; index++) {
        const each = { ...model, arn: own(`image-pipeline/many-${index}`), name: `many-${index}` };
        await insertPipeline(trx, { account: ACCOUNT, region: REGION }, each);
        await schedulePipeline(trx, each, Date.now());
      }
    });
    const begun = process.cpuUsage();
    const start = performance.now();
    assert.equal(await tick(api, '2030-01-01T00:00:00.000Z'), COUNT);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(begun);
    const processor = (user + system) / 1e6;
    t.diagnostic(`${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of processor time`);
    const { images } = await db
      .selectFrom('images')
      .select((e) => e.fn.countAll<number>().as('images'))
      .executeTakeFirstOrThrow();
    const { pipelines } = await db
      .selectFrom('images')
      .select((e) => e.fn.count<number>('pipeline_arn').distinct().as('pipelines'))
      .executeTakeFirstOrThrow();
    assert.deepEqual([images, pipelines], [COUNT, COUNT]);
  } finally {
    await api.close();
  }
});
