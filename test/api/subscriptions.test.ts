/** Subscriptions that a receiver confirms, by a server and a receiver over sockets. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { writeEvent } from '../../src/catalog/outbox.ts';
import { receiverOf } from '../../src/catalog/receivers.ts';
import { recordReceivers, startDeliverer } from '../../src/events/deliverer.ts';
import { settingsResolver } from '../../src/events/secret-settings.ts';
import { readEvents } from '../../src/events/settings.ts';
import { sleep, until } from '../../src/platform/clock.ts';
import { parseConfig } from '../../src/platform/config/config.ts';
import { stateChange } from '../harness/events.ts';
import { startReceiver } from '../harness/receiver-server.ts';
import { ACCOUNT, startApi, type TestApi } from './server.ts';

const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:images`;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

/** Starts the deliveries to one receiver. */
async function deliver(receiver: object, topics: readonly string[] = ['one']) {
  const events = { receivers: { one: receiver }, topics: { [TOPIC]: topics }, rules: [] };
  const config = readEvents(parseConfig(JSON.stringify({ events }), 'config.yaml'));
  await recordReceivers(api.catalog, config);
  const resolve = settingsResolver(api.services.dataDirectory, ACCOUNT);
  return startDeliverer({ catalog: api.catalog, config, resolve, random: () => 0 });
}
const settings = (url: string, more: object = {}) => ({
  type: 'sns-http',
  url,
  confirm: true,
  serverUrl: api.endpoint,
  topicArn: TOPIC,
  secret: SECRET,
  ...more,
});
const publish = (name: string) =>
  api.catalog.transaction((trx) => writeEvent(trx, { ...stateChange(name, 'FAILED'), topic: { arn: TOPIC } }));

test('a subscription is confirmed by visiting its URL, and messages wait for that', async () => {
  const hook = await startReceiver();
  let deliverer = await deliver(settings(hook.url));
  try {
    await publish('web');
    const first = await until('the confirmation', 20_000, () => hook.accepted[0]);
    assert.equal(first.headers['x-amz-sns-message-type'], 'SubscriptionConfirmation');
    assert.equal(first.headers['x-amz-sns-topic-arn'], TOPIC);
    new Webhook(SECRET).verify(first.body, first.headers as Record<string, string>);
    const message = JSON.parse(first.body) as Record<string, string>;
    assert.equal(message['Type'], 'SubscriptionConfirmation');
    assert.equal(message['TopicArn'], TOPIC);
    assert.equal(new URL(message['SubscribeURL']!).searchParams.get('Token'), message['Token']);
    await until('the state', 20_000, async () =>
      /SubscribeURL/.test((await receiverOf(api.catalog.db, 'one'))?.last_error ?? '') ? true : undefined,
    );
    assert.equal(hook.received.length, 1, 'no message before it is confirmed');

    // The next start asks again, with the same token.
    await deliverer.stop();
    deliverer = await deliver(settings(hook.url));
    const again = await until('the next confirmation', 20_000, () => hook.accepted[1]);
    assert.equal((JSON.parse(again.body) as Record<string, string>)['Token'], message['Token']);

    const wrong = message['SubscribeURL']!.replace(/Token=[0-9a-f]{4}/, 'Token=0000');
    assert.equal((await fetch(wrong)).status, 400);
    for (let visit = 0; visit < 2; visit++) {
      const answer = await fetch(message['SubscribeURL']!);
      assert.equal(answer.status, 200);
      assert.match(await answer.text(), new RegExp(`<SubscriptionArn>${TOPIC}:[0-9a-f-]{36}</SubscriptionArn>`));
    }
    const event = await until('the message', 20_000, () => hook.accepted[2]);
    assert.equal(event.headers['x-amz-sns-message-type'], 'Notification');
    assert.match(event.body, /web/);
    assert.equal((await receiverOf(api.catalog.db, 'one'))?.state, 'ok');
  } finally {
    await deliverer.stop();
  }
  // Another URL is another subscription.
  const other = await startReceiver();
  other.behave(() => 500);
  deliverer = await deliver(settings(other.url));
  try {
    await until('the refused confirmation', 20_000, () => other.received[0]);
    await until('the failure on record', 20_000, async () =>
      /could not be delivered: answered 500/.test((await receiverOf(api.catalog.db, 'one'))?.last_error ?? '')
        ? true
        : undefined,
    );
    other.behave(() => 200);
    const { body } = await until('the confirmation', 20_000, () => other.accepted[0]);
    assert.match(body, /SubscriptionConfirmation/);
  } finally {
    await deliverer.stop();
    await hook.close();
    await other.close();
  }
});

test('UnsubscribeURL ends a subscription, and what is told of it restores it', async () => {
  const hook = await startReceiver();
  const deliverer = await deliver(settings(hook.url));
  const message = async (index: number): Promise<Record<string, string>> => {
    const { body, headers } = await until(`message ${index}`, 20_000, () => hook.accepted[index]);
    new Webhook(SECRET).verify(body, headers as Record<string, string>);
    const read = JSON.parse(body) as Record<string, string>;
    assert.equal(headers['x-amz-sns-message-type'], read['Type']);
    return read;
  };
  try {
    assert.equal((await fetch((await message(0))['SubscribeURL']!)).status, 200);
    await publish('first');
    const first = await message(1);
    const url = new URL(first['UnsubscribeURL']!);
    const arn = url.searchParams.get('SubscriptionArn')!;
    assert.equal(url.searchParams.get('Action'), 'Unsubscribe');
    assert.ok(arn.startsWith(`${TOPIC}:`), arn);
    assert.equal(hook.accepted[1]!.headers['x-amz-sns-subscription-arn'], arn);

    url.searchParams.set('SubscriptionArn', arn.replace(/.{4}$/, '0000'));
    assert.equal((await fetch(url)).status, 400, 'another subscription');
    assert.equal((await receiverOf(api.catalog.db, 'one'))?.state, 'ok');
    assert.match(await (await fetch(first['UnsubscribeURL']!)).text(), /^<UnsubscribeResponse /);
    const ended = await message(2);
    assert.equal(ended['Type'], 'UnsubscribeConfirmation');
    assert.equal((await receiverOf(api.catalog.db, 'one'))?.state, 'gone');
    assert.equal((await fetch(first['UnsubscribeURL']!)).status, 400, 'it has ended');
    await publish('missed');
    // The loop looks each second.
    await sleep(1500);
    assert.equal(hook.received.length, 3, 'nothing comes meanwhile');

    assert.equal((await fetch(ended['SubscribeURL']!)).status, 200);
    const missed = await message(3);
    assert.match(missed['Message']!, /missed/);
    assert.notEqual(missed['UnsubscribeURL'], first['UnsubscribeURL']);
  } finally {
    await deliverer.stop();
    await hook.close();
  }
});

test('settings of a confirmation that lack something are named', async () => {
  for (const [name, problem] of [
    ['serverUrl', /one\.serverUrl: /],
    ['topicArn', /one\.topicArn: is required with confirm/],
  ] as const)
    await assert.rejects(deliver(settings('http://127.0.0.1:9', { [name]: undefined })), { message: problem });
});
