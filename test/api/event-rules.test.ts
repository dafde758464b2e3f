/** Rules for events with a pipeline as their target. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { DeleteImagePipelineCommand, StartImagePipelineExecutionCommand } from '@aws-sdk/client-imagebuilder';
import { writeEvent } from '../../src/catalog/outbox.ts';
import { readEvents } from '../../src/events/settings.ts';
import { followRules, openRules } from '../../src/pipelines/rules.ts';
import { parseConfig } from '../../src/platform/config/config.ts';
import { component, endImage, own, pipeline, recipe, runs, scheduler } from './scheduled.ts';
import { startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
  await component(api, 'part', '1.0.0');
  for (const name of ['base', 'web', 'app']) await make(name);
});
after(() => api.close());

const names = new Map<string, string>();
/** A pipeline of a recipe of its own. Returns its ARN. */
async function make(name: string): Promise<string> {
  const arn = await pipeline(api, name, await recipe(api, name, [own('component/part/1.x.x')]));
  names.set(name, arn);
  return arn;
}
const start = async (name: string): Promise<string> =>
  (await api.client.send(new StartImagePipelineExecutionCommand({ imagePipelineArn: names.get(name)! })))
    .imageBuildVersionArn!;

/** The rules of a configuration, and what decides on the events since. */
async function rules(given: readonly object[]) {
  const config = readEvents(parseConfig(JSON.stringify({ events: { rules: given } }), 'config.yaml'));
  const state = await openRules(api.catalog, config);
  return (time = new Date().toISOString(), maintenance: readonly unknown[] = []) =>
    followRules(scheduler(api, time, maintenance), state);
}
/** Available images of a name. */
const available = (name: string): object => ({
  resources: [{ prefix: own(`image/${name}/`) }],
  detail: { state: { status: ['AVAILABLE'] } },
});

/** Nothing of an earlier test is left to decide. */
beforeEach(() => rules([]));

test('an event starts the pipeline of its rule, once, and says which rule and which event', async () => {
  const look = await rules([{ name: 'after base', pattern: available('base'), pipelines: [names.get('web')!] }]);
  const base = await start('base');
  assert.equal(await look(), 0, 'it is not available yet');
  await endImage(api, base, 'AVAILABLE');
  assert.equal(await look(), 1);
  assert.equal(await look(), 0);
  const [run, ...others] = await runs(api, names.get('web')!);
  assert.deepEqual(others, []);
  assert.deepEqual([run!.cause, run!.by, run!.outcome], ['rule', 'rule after base', 'started']);
  assert.match(run!.because, new RegExp(`^The event [0-9a-f-]{36} matched: ${base} is AVAILABLE\\.$`));
  // A server that was killed before it recorded its position decides the same again.
  await api.catalog.db.updateTable('pipeline_rules').set({ position: 0 }).execute();
  const again = await rules([{ pattern: available('base'), pipelines: [names.get('web')!] }]);
  await again();
  assert.equal((await runs(api, names.get('web')!)).length, 1);
  await endImage(api, run!.image_arn!, 'AVAILABLE');
});

test('what a pipeline led to does not start it again, over several rules', async () => {
  const web = names.get('web')!;
  const app = names.get('app')!;
  const look = await rules([
    { pattern: available('web'), pipelines: [app] },
    { pattern: available('app'), pipelines: [web] },
    { pattern: available('web'), pipelines: [web] },
  ]);
  const earlier = (await runs(api, web)).length;
  const first = await start('web');
  await endImage(api, first, 'AVAILABLE');
  assert.equal(await look(), 1);
  const second = (await runs(api, app)).at(-1)!.image_arn!;
  await endImage(api, second, 'AVAILABLE');
  assert.equal(await look(), 0);
  const [, ...skipped] = (await runs(api, web)).slice(earlier);
  assert.deepEqual(
    skipped.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['skipped', `It would start itself again and again: ${first}, the cause of this event.`],
      ['skipped', `It would start itself again and again: ${first} led to ${second}, the cause of this event.`],
    ],
  );
});

test('events of another account, and of what is not there any more, start nothing; a window puts off', async () => {
  const gone = await make('gone');
  await api.client.send(new DeleteImagePipelineCommand({ imagePipelineArn: gone }));
  const pattern = { detail: { state: { status: ['AVAILABLE'] } } };
  const look = await rules([{ name: 'all', pattern, pipelines: [names.get('app')!, gone] }]);
  const write = (resource: string): Promise<string> =>
    api.catalog.transaction((trx) =>
      writeEvent(trx, {
        type: 'EC2 Image Builder Image State Change',
        resource,
        status: 'AVAILABLE',
        payload: { state: { status: 'AVAILABLE' } },
      }),
    );
  await write(own('image/base/9.0.0/1').replace(/:\d{12}:/, ':999999999999:'));
  assert.equal(await look(), 0);
  await write(own('image/base/9.0.0/1'));
  const maintenance = [{ name: 'freeze', begins: 'cron(0 8 * * ? *)', lasts: '2h' }];
  const before_ = (await runs(api, names.get('app')!)).length;
  assert.equal(await look('2030-01-01T08:30:00.000Z', maintenance), 0);
  assert.equal(await look('2030-01-01T09:30:00.000Z', maintenance), 0);
  const [waiting] = (await runs(api, names.get('app')!)).slice(before_);
  assert.deepEqual([waiting!.outcome, waiting!.next], ['put off', '2030-01-01T10:00:00.000Z']);
  assert.equal(await look('2030-01-01T10:00:01.000Z', maintenance), 1);
  assert.deepEqual(
    (await runs(api, names.get('app')!)).slice(before_).map(({ outcome }) => outcome),
    ['started'],
  );
});

for (const [rule, fault] of [
  [
    { pipelines: ['web'], pattern: { source: ['x'] } },
    /events\.rules\[0\]\.pipelines: 'web' is not the ARN of an image/,
  ],
  [{ pipelines: [own('image-pipeline/web')] }, /events\.rules\[0\]\.pattern: is required, or every event/],
  [{ pattern: { source: ['x'] } }, /events\.rules\[0\]\.receivers: must name at least one receiver/],
] as const)
  test(`a rule ${JSON.stringify(rule)} is refused`, () =>
    assert.throws(() => readEvents(parseConfig(JSON.stringify({ events: { rules: [rule] } }), 'config.yaml')), fault));
