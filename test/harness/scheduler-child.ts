/**
 * A scheduler on a clock that runs fast, to be killed: `scheduler-child.ts DATA_DIRECTORY FROM TO`, times in
 * milliseconds since 1970. It prints the time that it has come to.
 */
import { openCatalog } from '../../src/catalog/catalog.ts';
import { runDuePipelines } from '../../src/pipelines/scheduler.ts';

const [dataDirectory = '', from = '', to = ''] = process.argv.slice(2);
const catalog = await openCatalog(dataDirectory);
let now = Number(from);
let image = 0;
for (;;) {
  const row = await catalog.db
    .selectFrom('pipeline_schedules')
    .select('look_at')
    .orderBy('look_at')
    .limit(1)
    .executeTakeFirstOrThrow();
  // A look every few seconds finds it a little late.
  now = Math.max(now, Date.parse(row.look_at)) + (image % 7) * 1000;
  if (now > Number(to)) break;
  process.stdout.write(`${now}\n`);
  await runDuePipelines({
    catalog,
    now: () => now,
    builder: (_trx, pipeline) => async () => `${pipeline.arn}#${process.pid}-${image++}`,
    maintenance: [],
    started: () => {},
    stopping: () => false,
  });
}
await catalog.close();
