import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ToldUpdates } from '../../src/api/ingot/outdated.ts';
import { latestAvailable } from '../../src/commands/images.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { component, dueAt, endImage, own, pipeline, recipe, runs, tick } from './scheduled.ts';
import { NEWER, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const hour = (count: number): string => `2030-01-01T0${count}:00:00.000Z`;

/** A pipeline that is due each hour, and its first image with these packages. */
async function built(name: string, packages: Readonly<Record<string, string>>, tags: Record<string, string>) {
  await component(api, name, '1.0.0');
  const arn = await pipeline(api, name, await recipe(api, name, [own(`component/${name}/1.0.0/1`)]), {
    schedule: { scheduleExpression: 'cron(0 * * * ? *)' },
    tags,
  });
  await dueAt(api, arn, hour(0));
  await tick(api, hour(0));
  const image = (await runs(api, arn)).at(-1)!.image_arn!;
  await endImage(api, image, 'AVAILABLE');
  await api.catalog.db
    .insertInto('image_packages')
    .values(Object.entries(packages).map(([each, version]) => ({ image_arn: image, name: each, version })))
    .execute();
  return { arn, image };
}

test('package updates start a pipeline that asks for them when it is due, with the list on record', async () => {
  const old = await built('old', { curl: '1.0-1', bash: NEWER }, { 'ingot:on-updates': 'security' });
  const fresh = await built('fresh', { curl: NEWER }, { 'ingot:on-updates': 'all' });
  const deaf = await built('deaf', { curl: '1.0-1' }, { team: 'web' });
  await tick(api, hour(1));
  const last = async ({ arn }: { readonly arn: string }) => (await runs(api, arn)).at(-1)!;
  const { outcome, cause, because } = await last(old);
  assert.deepEqual([outcome, cause], ['started', 'packages']);
  assert.ok(because.endsWith(`There are security updates for ${old.image}: curl 1.0-1 to 2.0-1.`), because);
  assert.equal((await last(fresh)).outcome, 'skipped');
  assert.match((await last(fresh)).reason!, /There are no updates for/);
  assert.equal((await last(deaf)).outcome, 'skipped');

  const updates = (arn: string, account: 'same' | 'other' = 'same') =>
    signedJson<ToldUpdates>(api.connectionOf(account), {
      method: 'GET',
      path: `/ingot/images/${encodeURIComponent(arn)}/updates`,
    });
  assert.deepEqual(await updates(old.image), {
    image: old.image,
    updates: [{ name: 'curl', installed: '1.0-1', available: NEWER, suite: 'bookworm-security', security: true }],
  });
  await assert.rejects(updates(`${old.image}9`), /does not exist|not found/i);
  await assert.rejects(updates((await last(old)).image_arn!), /packages of .* are not known/);
  // `ingot outdated` without an image: the builds that are PENDING now are not there yet.
  assert.deepEqual(
    (await latestAvailable(api.client)).toSorted(),
    [old, fresh, deaf].map(({ image }) => image).toSorted(),
  );
});
