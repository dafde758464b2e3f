/**
 * The examples of schedules, parents, web hooks and lifecycle policies, created by the real AWS CLI as their scripts do
 * it. Time is the test's: images end when it says so, and schedules are due when it says so.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { runDueExecutions } from '../../src/pipelines/lifecycle/executions.ts';
import { startPolicy } from '../../src/pipelines/lifecycle/daily.ts';
import { lifecyclePolicies } from '../../src/catalog/lifecycle-policies.ts';
import { addAmi, makeAvailable } from '../api/disks.ts';
import { component, dueAt, endImage, follow, own, runs, tick } from '../api/scheduled.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { run } from '../harness/processes.ts';
import { PROJECT } from '../harness/service.ts';

const missing: string[] = [];
for (const program of ['aws', 'curl', 'openssl'])
  await run([program, '--version'], { okCodes: 'any' }).then(
    () => {},
    () => missing.push(program),
  );
const skip = missing.length === 0 ? false : `not here: ${missing.join(', ')}`;

let api: TestApi;
let env: Record<string, string>;
before(async () => {
  api = await startApi();
  env = {
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_PAGER: '',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ENDPOINT_URL: api.endpoint,
  };
});
after(() => api.close());

async function script(name: string, ...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run(['sh', join(PROJECT, 'examples', name), ...args], { env });
  return stdout.trim().split('\n');
}

async function cli(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(['aws', 'imagebuilder', ...args, '--output', 'json'], { env });
  return JSON.parse(stdout || '{}') as Record<string, unknown>;
}

const started = async (arn: string) => (await runs(api, arn)).filter(({ outcome }) => outcome === 'started');

describe('examples, by the AWS CLI', { skip }, () => {
  test('monthly-patching', async () => {
    const [arn = ''] = await script('monthly-patching/create.sh');
    const pipeline = async () =>
      (await cli('get-image-pipeline', '--image-pipeline-arn', arn))['imagePipeline'] as Record<string, string>;
    const next = new Date((await pipeline())['dateNextRun']!);
    assert.ok(next.getUTCDay() === 0 && next.getUTCDate() <= 7, next.toISOString());
    await dueAt(api, arn, '2030-01-06T02:00:00.000Z');
    const months = ['2030-01-06T02:00:00.000Z', '2030-02-03T02:00:00.000Z', '2030-03-03T02:00:00.000Z'];
    for (const month of months) {
      await tick(api, month);
      await endImage(api, (await started(arn)).at(-1)!.image_arn!, 'FAILED');
    }
    assert.deepEqual(
      (await started(arn)).map(({ due }) => due),
      months,
    );
    const { status, consecutiveFailures, dateNextRun, lastRunStatus } = await pipeline();
    assert.deepEqual([status, consecutiveFailures, dateNextRun, lastRunStatus], ['DISABLED', 3, undefined, 'FAILED']);
    const answer = await cli('list-image-pipeline-images', '--image-pipeline-arn', arn);
    const images = answer['imageSummaryList'] as readonly { tags: object; buildType: string }[];
    assert.deepEqual(
      images.map(({ tags, buildType }) => [tags, buildType]),
      months.map(() => [{ patched: 'monthly' }, 'SCHEDULED']),
    );
  });

  test('parent-and-children', async () => {
    // Its first builds wait for their end: what a worker would do is done here.
    const pending = async (): Promise<string | undefined> =>
      (
        await api.catalog.db
          .selectFrom('images')
          .select('arn')
          .where('status', '=', 'PENDING')
          .where('slug', 'in', ['base', 'web', 'shop'])
          .executeTakeFirst()
      )?.arn;
    const working = setInterval(() => {
      void pending().then((arn) => (arn === undefined ? undefined : endImage(api, arn, 'AVAILABLE')));
    }, 200);
    const [base = '', web = '', shop = ''] = await script('parent-and-children/create.sh').finally(() =>
      clearInterval(working),
    );
    assert.equal(await follow(api), 0);
    await cli('start-image-pipeline-execution', '--image-pipeline-arn', base);
    for (const arn of [base, web, shop]) {
      await endImage(api, (await started(arn)).at(-1)!.image_arn!, 'AVAILABLE');
      assert.equal(await follow(api), arn === shop ? 0 : 1);
    }
    await component(api, 'company-agent', '1.1.0');
    // One after the other, whatever each could have begun with.
    for (const arn of [base, web, shop]) {
      assert.equal(await follow(api), 1);
      await endImage(api, (await started(arn)).at(-1)!.image_arn!, 'AVAILABLE');
    }
    assert.equal(await follow(api), 0);
    const counts = [];
    for (const arn of [base, web, shop]) counts.push((await started(arn)).length);
    assert.deepEqual(counts, [3, 3, 3]);
  });

  test('github-webhook', async () => {
    const [arn = ''] = await script('github-webhook/create.sh');
    const secretFile = join(api.catalog.dataDirectory, 'app');
    writeFileSync(secretFile, 'a secret\n', { mode: 0o600 });
    const config = parse(readFileSync(join(PROJECT, 'examples/github-webhook/config.yaml'), 'utf8')) as {
      hooks: { app: object };
    };
    config.hooks.app = { ...config.hooks.app, pipeline: arn, secretFile };
    writeFileSync(join(api.catalog.dataDirectory, 'config.yaml'), JSON.stringify(config));
    const [answer = ''] = await script('github-webhook/deliver.sh', `${api.endpoint}/hooks/app`, secretFile, '4f2a9c1');
    const { image } = JSON.parse(answer) as { image: string };
    const got = (await cli('get-image', '--image-build-version-arn', image))['image'] as {
      imageRecipe: { components: readonly { parameters: object }[] };
    };
    assert.deepEqual(got.imageRecipe.components[0]!.parameters, [{ name: 'Revision', value: ['4f2a9c1'] }]);
    assert.equal((await started(arn))[0]!.cause, 'hook');
  });

  test('lifecycle', async () => {
    const images: string[] = [];
    for (const days of [60, 50, 40, 10]) {
      const { imageBuildVersionArn: arn } = (await cli(
        'start-image-pipeline-execution',
        '--image-pipeline-arn',
        own('image-pipeline/app'),
      )) as { imageBuildVersionArn: string };
      await makeAvailable(api, arn, [await addAmi(api, arn, REGION)], [REGION]);
      const created = new Date(Date.now() - days * 86_400_000).toISOString();
      await api.catalog.db.updateTable('images').set({ date_created: created }).where('arn', '=', arn).execute();
      images.push(arn);
    }
    await cli('tag-resource', '--resource-arn', images[0]!, '--tags', 'keep=yes');
    const [arn = ''] = await script('lifecycle/create.sh', 'app', `arn:aws:iam::${ACCOUNT}:role/lifecycle`);
    const policy = (await lifecyclePolicies.get(api.catalog.db, arn))!;
    const statuses = async () => {
      const found = [];
      for (const each of images) {
        const answer = await cli('get-image', '--image-build-version-arn', each);
        found.push((answer['image'] as { state: { status: string } }).state.status);
      }
      return found;
    };
    const runOnce = async () => {
      await api.catalog.transaction((trx) => startPolicy(trx, policy, new Date().toISOString()));
      await runDueExecutions(api.catalog, () => false);
    };
    await runOnce();
    // The first that is old enough is deprecated, one action in a run; the next run deletes what is too many.
    assert.deepEqual(await statuses(), ['DEPRECATED', 'DEPRECATED', 'DEPRECATED', 'AVAILABLE']);
    await runOnce();
    assert.deepEqual(await statuses(), ['DEPRECATED', 'DELETED', 'DEPRECATED', 'AVAILABLE']);
    const answer = await cli('list-lifecycle-executions', '--resource-arn', arn);
    const executions = answer['lifecycleExecutions'] as readonly { state: { status: string } }[];
    assert.deepEqual(
      executions.map(({ state }) => state.status),
      ['SUCCESS', 'SUCCESS'],
    );
  });
});
