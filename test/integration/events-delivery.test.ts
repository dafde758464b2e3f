/** Delivery of events to web hooks that fail in every way. */
import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { writeEvent } from '../../src/catalog/outbox.ts';
import { allReceivers, deliveries, receiverOf } from '../../src/catalog/receivers.ts';
import { until } from '../../src/platform/clock.ts';
import { fastClock, imageArn, openEvents, stateChange, type EventSuite } from '../harness/events.ts';
import { start } from '../harness/processes.ts';
import { ingot, MAIN, startServer } from '../harness/service.ts';
import { startReceiver, type Received, type ReceiverServer } from '../harness/receiver-server.ts';

const PATIENCE_MS = 30_000;
const REFUSED = /\n {4}\S+ answered 422: the receiver says no\n\nDeliver one again: .*events --replay ID\n$/;
const SECRET = `whsec_${Buffer.from('a key of thirty-two bytes, truly').toString('base64')}`;

interface Event {
  readonly id: string;
  readonly resources: readonly string[];
  readonly detail: { readonly state: { readonly status: string } };
}
const eventOf = ({ body }: Received): Event => JSON.parse(body) as Event;
const statusesOf = (received: readonly Received[], name: string): readonly string[] =>
  received
    .map(eventOf)
    .filter(({ resources }) => resources[0] === imageArn(name))
    .map(({ detail }) => detail.state.status);

let suite: EventSuite;
let hook: ReceiverServer;

beforeEach(async () => {
  suite = await openEvents();
  hook = await startReceiver();
});
afterEach(async () => {
  await suite.close();
  await hook.close();
});

const config = (more: object = {}, url = hook.url): object => ({
  receivers: { hook: { type: 'web-hook', url, timeoutSeconds: 1, ...more } },
  rules: [{ receivers: ['hook'] }],
});
const count = (n: number) =>
  until(`${n} events`, PATIENCE_MS, () => (hook.accepted.length >= n ? true : undefined), { everyMs: 20 });

describe('a web hook', () => {
  test('gets the event as EventBridge has it, signed as Standard Webhooks has it', async () => {
    await suite.deliver(config({ secret: SECRET }));
    const id = await suite.change('web', 'AVAILABLE');
    await count(1);
    const [{ headers, body, method }] = hook.accepted as [Received];
    assert.equal(method, 'POST');
    assert.equal(headers['webhook-id'], id);
    const event = new Webhook(SECRET).verify(body, headers as Record<string, string>) as Record<string, unknown>;
    const { time, ...rest } = event;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(rest, {
      version: '0',
      id,
      'detail-type': 'EC2 Image Builder Image State Change',
      source: 'aws.imagebuilder',
      account: '123456789012',
      region: 'us-east-1',
      resources: [imageArn('web')],
      detail: { 'previous-state': { status: 'BUILDING' }, state: { status: 'AVAILABLE' } },
    });
  });

  test('gets what its rule matches, in the words of its template', async () => {
    await suite.deliver({
      ...config(),
      rules: [
        { pattern: { detail: { state: { status: ['FAILED'] } } }, receivers: 'hook', template: '{{ title }}!' },
        { pattern: { resources: [{ suffix: '/db/1.0.0/1' }] }, receivers: 'hook' },
      ],
    });
    await suite.change('web', 'AVAILABLE');
    await suite.change('web', 'FAILED');
    await suite.change('db', 'FAILED');
    await suite.change('db', 'AVAILABLE');
    await count(3);
    assert.deepEqual(
      hook.accepted
        .map(({ body }) => (body.startsWith('{') ? eventOf({ body } as Received).detail.state.status : body))
        .sort(),
      ['AVAILABLE', 'Image db/1.0.0/1 is FAILED!', 'Image web/1.0.0/1 is FAILED!'],
    );
  });

  for (const [what, behavior] of [
    ['hangs', 'hang'],
    ['answers 500', 500],
    ['answers 404', 404],
    ['redirects', 'redirect'],
    ['resets the connection', 'reset'],
    ['answers without end', 'endless'],
    ['asks to be left alone for a second', { retryAfter: '1' }],
  ] as const)
    test(`that ${what} gets the event again, and in order`, async () => {
      hook.behave((_request, index) => (index < 2 ? behavior : 200));
      await suite.deliver(config());
      for (const status of ['BUILDING', 'TESTING', 'AVAILABLE']) await suite.change('web', status);
      await count(3);
      assert.deepEqual(statusesOf(hook.accepted, 'web'), ['BUILDING', 'TESTING', 'AVAILABLE']);
      assert.deepEqual(
        hook.received.slice(0, 3).map(({ headers }) => headers['webhook-id']),
        Array(3).fill(hook.received[0]!.headers['webhook-id']),
        'attempts have one id',
      );
      assert.equal(
        hook.received.some(({ path }) => path === '/elsewhere'),
        false,
        'a redirect is not followed',
      );
      await until('no failure on record', PATIENCE_MS, async () =>
        (await deliveries(suite.catalog.db, {}, 10)).length === 0 ? true : undefined,
      );
    });

  test('that answers late gets each event once', async () => {
    hook.behave('late');
    await suite.deliver(config());
    for (const name of ['a', 'b', 'c']) await suite.change(name, 'AVAILABLE');
    await count(3);
    assert.equal(hook.received.length, 3);
  });

  test('that refuses an event gets the next; the dead letter can be replayed', async () => {
    hook.behave((request) => (statusesOf([request], 'web')[0] === 'TESTING' && hook.received.length < 3 ? 422 : 200));
    await suite.deliver(config());
    await suite.change('web', 'BUILDING');
    const refused = await suite.change('web', 'TESTING');
    await suite.change('web', 'AVAILABLE');
    await count(2);
    assert.deepEqual(statusesOf(hook.accepted, 'web'), ['BUILDING', 'AVAILABLE']);
    const [dead] = await until('the dead letter', PATIENCE_MS, async () => {
      const found = await deliveries(suite.catalog.db, { state: 'dead' }, 10);
      return found.length === 1 ? found : undefined;
    });
    assert.equal(dead!.event_id, refused);
    assert.equal(dead!.error, 'answered 422: the receiver says no');
    await suite.catalog.db.updateTable('deliveries').set({ state: 'replay' }).execute();
    await count(3);
    assert.equal(eventOf(hook.accepted[2]!).id, refused);
  });

  test('that is gone gets nothing until its settings change', async () => {
    hook.behave(410);
    const first = await suite.deliver(config());
    await suite.change('web', 'BUILDING');
    await until('the receiver to be gone', PATIENCE_MS, async () =>
      (await receiverOf(suite.catalog.db, 'hook'))?.state === 'gone' ? true : undefined,
    );
    hook.behave(200);
    await suite.change('web', 'AVAILABLE');
    await first.stop();
    assert.equal(hook.received.length, 1);
    await suite.deliver(config({}, `${hook.url}/moved`));
    await count(2);
    assert.deepEqual(statusesOf(hook.accepted, 'web'), ['BUILDING', 'AVAILABLE']);
  });

  test('that takes one event never, but others, gets the others', async () => {
    hook.behave((request) => (statusesOf([request], 'bad').length > 0 ? 500 : 200));
    const clock = fastClock();
    await suite.deliver(config(), clock);
    await suite.change('bad', 'AVAILABLE');
    const dead = async (): Promise<boolean> => (await deliveries(suite.catalog.db, { state: 'dead' }, 1)).length > 0;
    let sent = 0;
    while (!(await dead()) && sent < 200) {
      await suite.change(`good-${sent++}`, 'AVAILABLE');
      await count(sent);
    }
    assert.equal(await dead(), true);
  });

  test('that is down for hours gets all of it, in order, when it is up again', async () => {
    const { port } = hook;
    await hook.close();
    const clock = fastClock(10_000);
    await suite.deliver(config({ catchUpHours: 720 }), clock);
    const names = Array.from({ length: 20 }, (_, index) => `image-${index}`);
    for (const status of ['BUILDING', 'TESTING', 'AVAILABLE'])
      for (const name of names) await suite.change(name, status);
    const began = clock.now();
    await until('hours to pass', PATIENCE_MS, () => (clock.now() - began > 2 * 3_600_000 ? true : undefined));
    assert.ok((await receiverOf(suite.catalog.db, 'hook'))!.failures >= 5, 'the circuit is open');
    hook = await startReceiver(port);
    await count(60);
    for (const name of names)
      assert.deepEqual(statusesOf(hook.accepted, name), ['BUILDING', 'TESTING', 'AVAILABLE'], name);
  });

  test('that is down for too long does not get what is too old', async () => {
    const first = await suite.deliver(config());
    await suite.change('first', 'AVAILABLE');
    await count(1);
    await first.stop();
    const old = await suite.change('old', 'AVAILABLE');
    const three = new Date(Date.now() - 73 * 3_600_000).toISOString();
    await suite.catalog.db.updateTable('outbox').set({ time: three }).where('id', '=', old).execute();
    await suite.deliver(config());
    await suite.change('new', 'AVAILABLE');
    await count(2);
    assert.deepEqual(statusesOf(hook.accepted, 'old'), []);
    const [dead] = await deliveries(suite.catalog.db, { state: 'dead' }, 10);
    assert.deepEqual([dead?.event_id, dead?.error], [old, 'older than 72 hours (catchUpHours)']);
  });
});

test('a dead receiver holds up no other', async () => {
  const dead = await startReceiver();
  dead.behave('hang');
  await suite.deliver({
    receivers: {
      hook: { type: 'web-hook', url: hook.url },
      dead: { type: 'web-hook', url: dead.url, timeoutSeconds: 1 },
    },
    rules: [{ receivers: ['dead', 'hook'] }],
  });
  for (let n = 0; n < 50; n++) await suite.change(`image-${n}`, 'AVAILABLE');
  await count(50);
  assert.equal(dead.accepted.length, 0);
  await dead.close();
});

test('a server that is killed delivers what it had not, in order, after its next start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-events-kill-'));
  const dataDirectory = join(folder, 'data');
  hook.behave('hang');
  let server = await startServer(dataDirectory);
  await server.stop();
  writeFileSync(join(dataDirectory, 'config.yaml'), JSON.stringify({ events: config({ timeoutSeconds: 60 }) }));
  server = await startServer(dataDirectory);
  const catalog = await openCatalog(dataDirectory);
  try {
    await until('the receiver on record', PATIENCE_MS, async () => (await allReceivers(catalog.db))[0]);
    const ids: string[] = [];
    for (const status of ['BUILDING', 'TESTING', 'DISTRIBUTING', 'AVAILABLE'])
      for (const name of ['web', 'db'])
        ids.push(await catalog.transaction((trx) => writeEvent(trx, stateChange(name, status))));
    await until('a delivery under way', PATIENCE_MS, () => (hook.received.length >= 2 ? true : undefined));
    await server.kill();
    hook.behave(200);
    server = await startServer(dataDirectory);
    await count(ids.length);
    for (const name of ['web', 'db'])
      assert.deepEqual(statusesOf(hook.accepted, name), ['BUILDING', 'TESTING', 'DISTRIBUTING', 'AVAILABLE']);
    assert.deepEqual(hook.accepted.map((each) => eventOf(each).id).sort(), ids.sort());
    assert.equal(
      eventOf(hook.received[0]!).id,
      eventOf(hook.accepted.find((each) => each.body === hook.received[0]!.body)!).id,
    );

    const shown = await ingot(dataDirectory, ['events', '--json']);
    assert.deepEqual(
      shown.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Event).id)
        .sort(),
      ids,
    );
    const failed = await ingot(dataDirectory, ['events', '--pattern', '{"detail":{"state":{"status":["AVAILABLE"]}}}']);
    assert.match(failed.stdout, /Image web\/1\.0\.0\/1 is AVAILABLE\n.*Image db\/1\.0\.0\/1 is AVAILABLE\n$/);
    const tested = await ingot(dataDirectory, ['notify', 'test', 'hook']);
    assert.equal(tested.stdout.match(/^ok /gm)?.length, 5, tested.stdout);

    // What it refuses is shown, and delivered again when a person asks for it.
    hook.behave(422);
    const follower = await start([process.execPath, MAIN, 'events', '--data', dataDirectory, '--follow', '--json']);
    try {
      const followed: string[] = [];
      const reading = (async () => {
        let text = '';
        for await (const chunk of follower.stdout!) {
          text += String(chunk);
          followed.splice(0, followed.length, ...text.split('\n').slice(0, -1));
        }
      })();
      await until('the events until now', PATIENCE_MS, () => (followed.length >= ids.length ? true : undefined));
      const refused = await catalog.transaction((trx) => writeEvent(trx, stateChange('refused', 'FAILED')));
      await until('the new event', PATIENCE_MS, () => (followed.length > ids.length ? true : undefined));
      assert.equal((JSON.parse(followed.at(-1)!) as Event).id, refused);
      follower.kill('SIGINT');
      await reading;
      await until('the dead letter', PATIENCE_MS, async () => (await deliveries(catalog.db, { state: 'dead' }, 1))[0]);
      const dead = await ingot(dataDirectory, ['events', '--failed', '--receiver', 'hook']);
      assert.match(dead.stdout, new RegExp(`^${refused}  hook  gave up after 1 attempt  Image refused/1\\.0\\.0/1`));
      assert.match(dead.stdout, REFUSED);
      hook.behave(200);
      const again = await ingot(dataDirectory, ['events', '--replay', refused]);
      assert.equal(again.stdout, 'Delivering it again to hook.\n', again.stderr);
      await until('the replay', PATIENCE_MS, () => hook.accepted.find((each) => eventOf(each).id === refused));
      await until('the end of the dead letter', PATIENCE_MS, async () =>
        (await deliveries(catalog.db, {}, 1)).length === 0 ? true : undefined,
      );
      assert.equal((await ingot(dataDirectory, ['events', '--failed'])).stdout, '');
      const twice = await ingot(dataDirectory, ['events', '--replay', refused]);
      assert.equal(twice.code, 1);
      const both = await ingot(dataDirectory, ['events', '--replay', refused, '--failed']);
      assert.deepEqual([both.code, /exclude each other/.test(both.stderr)], [2, true]);
    } finally {
      follower.kill('SIGKILL');
      await follower.exited;
    }
  } finally {
    await catalog.close();
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
