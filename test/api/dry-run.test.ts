/** A dry run of many creates: what each would do, every fault of it, and nothing made. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import {
  CreateComponentCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
} from '@aws-sdk/client-imagebuilder';
import type { RequestContext } from '../../src/api/context.ts';
import type { DryRunAnswer } from '../../src/api/dry-run/answers.ts';
import { dryRun as checkAll, type DryRunRequest } from '../../src/api/dry-run/dry-run.ts';
import { handlers } from '../../src/api/operations/register.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { signedJson, type Connection } from '../../src/platform/api-client.ts';
import { ACCOUNT, addUser, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;

const HELLO = `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x`;

async function dryRun(requests: readonly object[], connection: Connection = api.connectionOf('same')) {
  const { answers } = await signedJson<{ answers: readonly DryRunAnswer[] }>(connection, {
    method: 'POST',
    path: '/ingot/dry-run',
    body: { requests },
  });
  return Object.fromEntries(answers.map((answer) => [answer.id, answer]));
}

/** A dry run as the account's root, on a clock of its own. */
function checkDirectly(requests: readonly object[], now: () => number): Promise<readonly DryRunAnswer[]> {
  const context = {
    account: ACCOUNT,
    region: REGION,
    call: {},
    identity: { principal: { type: 'root', account: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:root` } },
    services: { catalog: api.catalog, config: DEFAULT_CONFIG, dataDirectory: api.catalog.dataDirectory },
  };
  return checkAll(requests as readonly DryRunRequest[], handlers, context as unknown as RequestContext, now);
}

/** A clock that stands still until it was asked so often, and is past every deadline from then on. */
function lateAfter(times: number): () => number {
  let asked = 0;
  return () => (asked++ < times ? 0 : Infinity);
}

/** How many rows each table has. */
async function counts(): Promise<Record<string, unknown>> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_schema WHERE type = 'table'`.execute(
    api.catalog.db,
  );
  const all: Record<string, unknown> = {};
  for (const { name } of rows)
    all[name] = (await sql`SELECT count(*) AS n FROM ${sql.table(name)}`.execute(api.catalog.db)).rows[0];
  return all;
}

const component = (name: string, data = documentOf('echo one'), more: object = {}) => ({
  id: `c-${name}`,
  operation: 'CreateComponent',
  input: { name, semanticVersion: '1.0.0', platform: 'Linux', data, ...more },
});
const recipe = (name: string, more: object = {}) => ({
  id: `r-${name}`,
  operation: 'CreateImageRecipe',
  input: { name, semanticVersion: '1.0.0', parentImage: DEBIAN, components: [{ componentArn: HELLO }], ...more },
});
const infrastructure = (name: string, more: object = {}) => ({
  id: `i-${name}`,
  operation: 'CreateInfrastructureConfiguration',
  input: { name, instanceProfileName: 'p', ...more },
});

describe('a dry run', () => {
  test('a chain of new resources names each other, and nothing of it is made', async () => {
    const earlier = await counts();
    const answers = await dryRun([
      component('chain'),
      recipe('chain', { components: [{ componentArn: own('component/chain/1.0.0/1') }] }),
      infrastructure('chain'),
      {
        id: 'image',
        operation: 'CreateImage',
        input: {
          imageRecipeArn: own('image-recipe/chain/1.0.0'),
          infrastructureConfigurationArn: own('infrastructure-configuration/chain'),
        },
      },
    ]);
    assert.deepEqual(
      Object.values(answers).map(({ id, action, resource }) => [id, action, resource?.arn]),
      [
        ['c-chain', 'create', own('component/chain/1.0.0/1')],
        ['r-chain', 'create', own('image-recipe/chain/1.0.0')],
        ['i-chain', 'create', own('infrastructure-configuration/chain')],
        ['image', 'create', own('image/chain/1.0.0/1')],
      ],
    );
    assert.deepEqual(await counts(), earlier);
    assert.equal(api.woken(), 0);
  });

  test('what exists is unchanged, updated, or has another version', async () => {
    const { client } = api;
    const { input: one } = component('there');
    await client.send(new CreateComponentCommand(one as never));
    await client.send(new CreateInfrastructureConfigurationCommand(infrastructure('there').input));
    await client.send(new CreateImageRecipeCommand(recipe('there').input as never));
    const same = await dryRun([component('there'), infrastructure('there'), recipe('there')]);
    assert.deepEqual(
      Object.values(same).map(({ action }) => action),
      ['unchanged', 'unchanged', 'unchanged'],
    );
    const changed = await dryRun([
      component('there', documentOf('echo two')),
      infrastructure('there', { description: 'new', tags: { team: 'a' } }),
      recipe('there', { semanticVersion: '1.0.x', description: 'new' }),
      { ...recipe('there', { description: 'new' }), id: 'immutable' },
    ]);
    assert.deepEqual(changed['c-there'], {
      id: 'c-there',
      action: 'replace',
      resource: { arn: own('component/there/1.0.0/2'), name: 'there', version: '1.0.0', type: 'BUILD' },
      changes: ['data'],
      before: { data: documentOf('echo one') },
      replaces: own('component/there/1.0.0/1'),
    });
    assert.equal(changed['i-there']!.action, 'update');
    assert.deepEqual(changed['i-there']!.changes, ['description', 'tags']);
    assert.equal(changed['r-there']!.action, 'replace');
    assert.equal(changed['r-there']!.resource!.arn, own('image-recipe/there/1.0.1'));
    assert.equal(changed['immutable']!.action, 'refused');
    assert.match(changed['immutable']!.faults![0]!.message, /versions are immutable. Use version 1\.0\.x/);
  });

  test('every fault of every request is reported with its place, also of a request that names a refused one', async () => {
    const earlier = await counts();
    const answers = await dryRun([
      component('bad', 'schemaVersion: 1.0\nphases: nonsense\n', { semanticVersion: '1.0' }),
      recipe('bad', {
        semanticVersion: '1.0',
        parentImage: DEBIAN.replace('debian', 'debain'),
        components: [
          { componentArn: own('component/nobody/1.0.0/1') },
          { componentArn: own('component/bad/1.0.0/1'), parameters: [{ name: 'Word', value: ['x'] }] },
          { componentArn: own('component/neither/x.x.x') },
        ],
      }),
      {
        id: 'd',
        operation: 'CreateDistributionConfiguration',
        input: {
          name: 'bad',
          distributions: [
            { region: 'eu-west-1', amiDistributionConfiguration: { name: 'no date' } },
            { region: 'Mars', amiDistributionConfiguration: {} },
          ],
        },
      },
    ]);
    const faults = (id: string) => answers[id]!.faults!.map(({ path }) => path);
    assert.deepEqual(faults('c-bad'), ['semanticVersion', 'data']);
    assert.deepEqual(faults('r-bad').sort(), [
      'components[0].componentArn',
      'components[1].componentArn',
      'components[2].componentArn',
      'parentImage',
      'semanticVersion',
    ]);
    assert.deepEqual(faults('d'), ['distributions[0].amiDistributionConfiguration.name', 'distributions[1].region']);
    assert.deepEqual(await counts(), earlier);
  });

  test('a recipe of a refused component is checked as if the component were valid', async () => {
    const answers = await dryRun([
      component('hollow', 'schemaVersion: 1.0\nphases: nonsense\n'),
      recipe('hollow', {
        parentImage: 'ami-0123456789abcdef0',
        components: [{ componentArn: own('component/hollow/1.0.0/1'), parameters: [{ name: 'Word', value: ['x'] }] }],
      }),
    ]);
    assert.deepEqual(
      answers['r-hollow']!.faults!.map(({ path }) => path),
      ['parentImage'],
    );
  });

  test('a parameter of the list is found by the parent image of a recipe', async () => {
    const put = { id: 'p', operation: 'PutParameter', input: { name: '/web/parent', type: 'String', value: DEBIAN } };
    const parent = recipe('by-name', { parentImage: 'ssm:/web/parent' });
    const earlier = await counts();
    const answers = await dryRun([put, parent]);
    assert.deepEqual([answers['p']!.action, answers['r-by-name']!.action], ['create', 'create']);
    assert.equal((await dryRun([parent]))['r-by-name']!.action, 'refused');
    assert.deepEqual(await counts(), earlier);
    const secret = { ...put, input: { ...put.input, type: 'SecureString' } };
    assert.equal((await dryRun([secret]))['p']!.faults![0]!.path, 'type');
  });

  test('a caller is refused what it could not do', async () => {
    const credentials = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/dry`, {
      Effect: 'Allow',
      Action: ['ingot:DryRun', 'imagebuilder:*Component'],
      Resource: '*',
    });
    const connection = { ...api.connectionOf('same'), credentials };
    const answers = await dryRun([component('mine'), infrastructure('mine')], connection);
    assert.equal(answers['c-mine']!.action, 'create');
    assert.equal(answers['i-mine']!.faults![0]!.code, 'AccessDeniedException');
  });

  test("another account's resources are refused as those that are not there", async () => {
    await api.client.send(new CreateInfrastructureConfigurationCommand(infrastructure('theirs').input));
    const naming = (name: string) => ({
      id: 'p',
      operation: 'CreateImagePipeline',
      input: {
        name: 'p',
        imageRecipeArn: own(`image-recipe/${name}/1.0.0`),
        infrastructureConfigurationArn: own(`infrastructure-configuration/${name}`),
      },
    });
    const [there] = (await dryRun([naming('theirs')], api.connectionOf('other')))['p']!.faults!;
    const [absent] = (await dryRun([naming('nobodys')], api.connectionOf('other')))['p']!.faults!;
    assert.equal(there!.message.replaceAll('theirs', 'nobodys'), absent!.message);
  });

  test('too many, another operation, a name twice', async () => {
    const many = Array.from({ length: 201 }, (_, index) => infrastructure(`n${index}`));
    await assert.rejects(dryRun(many), { code: 'InvalidParameterValueException' });
    await assert.rejects(dryRun([{ id: 'x', operation: 'DeleteImage', input: {} }]), /CreateComponent/);
    await assert.rejects(dryRun([infrastructure('a'), infrastructure('a')]), /Duplicate id/);
    await assert.rejects(dryRun([component('large', 'x'.repeat(1 << 20))]), { code: 'RequestEntityTooLargeException' });
  });

  test('it ends when it takes too long, and nothing of it is made', async () => {
    const earlier = await counts();
    const requests = [infrastructure('slow-1'), infrastructure('slow-2'), infrastructure('slow-3')];
    await assert.rejects(checkDirectly(requests, lateAfter(3)), {
      code: 'InvalidRequestException',
      message: /^The server needs more than \d+ s to check these 3 requests\. Send fewer at once\.$/,
    });
    assert.deepEqual(await counts(), earlier);
    const actions = (await checkDirectly(requests, lateAfter(Infinity))).map(({ action }) => action);
    assert.deepEqual(actions, ['create', 'create', 'create']);
  });

  test('no more faults are looked for once it is late', async () => {
    const bad = component('hurried', 'schemaVersion: 1.0\nphases: nonsense\n', { semanticVersion: '1.0' });
    const faults = async (now: () => number) => (await checkDirectly([bad], now))[0]!.faults!.map(({ path }) => path);
    assert.deepEqual(await faults(lateAfter(2)), ['semanticVersion']);
    assert.deepEqual(await faults(lateAfter(Infinity)), ['semanticVersion', 'data']);
  });

  test('the tries that look for more faults have a limit', async () => {
    const distributions = Array.from({ length: 30 }, (_, index) => ({
      region: `Mars ${index}`,
      amiDistributionConfiguration: { name: 'no date' },
    }));
    const requests = Array.from({ length: 100 }, (_, index) => ({
      id: `d${index}`,
      operation: 'CreateDistributionConfiguration',
      input: { name: `d${index}`, distributions },
    }));
    const answers = await dryRun(requests);
    assert.equal(Object.keys(answers).length, 100);
    for (const { action } of Object.values(answers)) assert.equal(action, 'refused');
  });
});
