/** Each kind of receiver against a real server of its kind. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { deliveries } from '../../src/catalog/receivers.ts';
import { until } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/processes.ts';
import { imageArn, openEvents, type EventSuite } from '../harness/events.ts';
import { moto, startMoto } from '../harness/moto.ts';
import { startReceiver, type ReceiverServer } from '../harness/receiver-server.ts';

const PATIENCE_MS = 60_000;
const TOPIC = 'arn:aws:sns:us-east-1:123456789012:images';
const REASON = 'Document <build> & "more" *failed*!';

let suite: EventSuite;
beforeEach(async () => (suite = await openEvents()));
afterEach(() => suite.close());

const wait = <T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T> =>
  until(what, PATIENCE_MS, probe, { everyMs: 20 });
const toAll = (receiver: object, more: object = {}): object => ({
  receivers: { one: receiver },
  rules: [{ receivers: ['one'] }],
  ...more,
});
/** An image that failed, with its record. */
const fail = (name = 'web'): Promise<string> =>
  suite.change(name, 'FAILED', {
    payload: { 'previous-state': { status: 'BUILDING' }, state: { status: 'FAILED', reason: REASON } },
    snapshot: {
      arn: imageArn(name),
      name,
      state: { status: 'FAILED', reason: REASON },
      type: 'AMI',
      platform: 'Linux',
      failureContext: {
        imageStatus: 'BUILDING',
        failedStep: 'ApplyBuildComponents',
        workflowArn: 'arn:aws:imagebuilder:us-east-1:aws:workflow/build/build-image/1.0.0/1',
        componentFailure: {
          componentArn: 'arn:aws:imagebuilder:us-east-1:123456789012:component/nginx/1.0.0/1',
          phaseName: 'build',
          stepName: 'Install',
          action: 'ExecuteBash',
          errorMessage: 'exit status 100',
        },
      },
    },
    topic: { arn: TOPIC },
  });
const failedDelivery = () => wait('a failed delivery', async () => (await deliveries(suite.catalog.db, {}, 1))[0]);

describe('over HTTP', () => {
  let hook: ReceiverServer;
  beforeEach(async () => (hook = await startReceiver()));
  afterEach(() => hook.close());
  const accepted = () => wait('a message', () => hook.accepted[0]);

  test('sns-http: the envelope of SNS around the message of the topic', async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    await suite.deliver(
      toAll({ type: 'sns-http', url: hook.url, secret }, { rules: [], topics: { [TOPIC]: ['one'] } }),
    );
    await suite.change('web', 'AVAILABLE');
    const id = await fail();
    const { headers, body } = await accepted();
    const { Message: message, ...envelope } = JSON.parse(body) as Record<string, string>;
    assert.equal(headers['x-amz-sns-message-type'], 'Notification');
    assert.equal(headers['x-amz-sns-topic-arn'], TOPIC);
    assert.equal(envelope['MessageId'], id);
    assert.equal(envelope['TopicArn'], TOPIC);
    assert.equal(envelope['Subject'], 'Image web/1.0.0/1 is FAILED');
    assert.match(envelope['Timestamp']!, /\.000Z$/);
    const image = JSON.parse(message!) as Record<string, object>;
    assert.deepEqual(image['state'], { status: 'FAILED', reason: REASON });
    assert.deepEqual(image['outputResources'], { amis: [] });
    new Webhook(secret).verify(body, headers as Record<string, string>);
    assert.equal(hook.received.length, 1, 'only what is published to the topic');
  });

  test("sns-http: another account's image publishes to no topic of this one", async () => {
    await suite.deliver(toAll({ type: 'sns-http', url: hook.url }, { rules: [], topics: { [TOPIC]: ['one'] } }));
    const resource = imageArn('web').replace('123456789012', '210987654321');
    await suite.change('web', 'FAILED', { resource, topic: { arn: TOPIC } });
    await fail('own');
    assert.match((await accepted()).body, /own\/1\.0\.0\/1/);
    assert.equal(hook.received.length, 1);
  });

  test('sns-http: raw message delivery', async () => {
    await suite.deliver(toAll({ type: 'sns-http', url: hook.url, rawMessageDelivery: true }));
    const id = await fail();
    const { headers, body } = await accepted();
    assert.equal(headers['x-amz-sns-rawdelivery'], 'true');
    assert.equal((JSON.parse(body) as { id: string }).id, id);
  });

  test('slack: a message with the reason and a link, without untrusted markup', async () => {
    const link = 'https://ci.example.org/{{ resources.0 }}';
    await suite.deliver(toAll({ type: 'slack', url: `${hook.url}/services/T0/B0/x` }, { link }));
    await fail();
    const { path, body } = await accepted();
    assert.equal(path, '/services/T0/B0/x');
    const message = JSON.parse(body) as { text: string; attachments: [{ color: string; blocks: object[] }] };
    assert.equal(message.text, 'Image web/1.0.0/1 is FAILED');
    assert.equal(message.attachments[0].color, '#e01e5a');
    const blocks = JSON.stringify(message.attachments[0].blocks);
    assert.ok(blocks.includes('Document &lt;build&gt; &amp; \\"more\\" *failed*!'), blocks);
    assert.ok(blocks.includes(`<https://ci.example.org/${imageArn('web')}|Open>`), blocks);
    assert.ok(blocks.includes('Log: ingot logs web/1.0.0/1'), blocks);
    assert.ok(blocks.includes('Step ApplyBuildComponents of build-image/1.0.0/1'), blocks);
    assert.ok(blocks.includes('Component nginx/1.0.0/1, build/Install (ExecuteBash): exit status 100'), blocks);
  });

  test('teams: an Adaptive Card', async () => {
    await suite.deliver(toAll({ type: 'teams', url: hook.url }));
    await fail();
    const message = JSON.parse((await accepted()).body) as {
      attachments: [{ contentType: string; content: { type: string; body: { type: string }[] } }];
    };
    const [{ contentType, content }] = message.attachments;
    assert.equal(contentType, 'application/vnd.microsoft.card.adaptive');
    assert.equal(content.type, 'AdaptiveCard');
    assert.ok(content.body.every(({ type }) => type === 'RichTextBlock'));
    assert.ok(JSON.stringify(content.body).includes(JSON.stringify(REASON).slice(1, -1)));
  });
});

describe('email', () => {
  interface Mail {
    readonly from: string;
    readonly to: readonly string[];
    readonly text: string;
  }
  const mails: Mail[] = [];
  let refuse: Error | undefined;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      username === 'ingot' && password === 'open sesame' ? done(null, { user: 'ingot' }) : done(new Error('no')),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (refuse !== undefined) return done(refuse);
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          // Soft line breaks of quoted-printable aside.
          text: Buffer.concat(chunks).toString('utf8').replaceAll('=\r\n', ''),
        });
        done();
      });
    },
  });
  let address: string;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `smtp://127.0.0.1:${(server.server.address() as { port: number }).port}`;
  });
  after(() => new Promise<void>((resolve) => server.close(resolve)));
  beforeEach(() => {
    mails.length = 0;
    refuse = undefined;
  });
  const receiver = (more: object = {}): object =>
    toAll({
      type: 'email',
      server: address,
      from: 'ingot@example.org',
      to: ['a@example.org', 'b@example.org'],
      ...more,
    });

  test('plain text and HTML, to all recipients', async () => {
    await suite.deliver(receiver({ user: 'ingot', password: 'open sesame' }));
    const id = await fail();
    const { from, to, text } = await wait('mail', () => mails[0]);
    assert.equal(from, 'ingot@example.org');
    assert.deepEqual(to, ['a@example.org', 'b@example.org']);
    assert.match(text, /^Subject: Image web\/1\.0\.0\/1 is FAILED\r$/m);
    assert.ok(text.includes(`Message-ID: <${id}@ingot>`), text);
    assert.ok(text.includes('Content-Type: multipart/alternative'));
    assert.ok(text.includes(REASON));
    assert.ok(text.includes('Document &lt;build&gt; &amp; &quot;more&quot; *failed*!'), text);
  });

  test('a wrong password is tried again, and is in no record', async () => {
    await suite.deliver(receiver({ user: 'ingot', password: 'wrong-password' }));
    await fail();
    const { state, error } = await failedDelivery();
    assert.equal(state, 'retry');
    assert.equal(error.includes('wrong-password'), false);
  });

  test('mail that is refused becomes a dead letter', async () => {
    refuse = Object.assign(new Error('no such mailbox'), { responseCode: 554 });
    await suite.deliver(receiver());
    await fail();
    const { state, error } = await failedDelivery();
    assert.equal(state, 'dead');
    assert.match(error, /no such mailbox/);
  });

  test('a server that never answers is given up in time', async () => {
    const silent = await startReceiver();
    silent.behave('hang');
    await suite.deliver(receiver({ server: `smtp://127.0.0.1:${silent.port}`, timeoutSeconds: 1 }));
    await fail();
    assert.match((await failedDelivery()).error, /no answer within 1 s \(timeoutSeconds\)/);
    await silent.close();
  });
});

describe('command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-receiver-'));
  after(() => rmSync(folder, { recursive: true }));
  const program = (text: string): string => {
    const path = join(folder, 'program');
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test('reads the event on its standard input', async () => {
    const out = join(folder, 'out');
    await suite.deliver(
      toAll({
        type: 'command',
        command: [program('cat > "$1.tmp"; echo " $INGOT_EVENT_ID" >> "$1.tmp"; mv "$1.tmp" "$1"'), out],
      }),
    );
    const id = await fail();
    await wait('its file', () => (existsSync(out) ? true : undefined));
    const [json, named] = readFileSync(out, 'utf8').split('} ');
    assert.equal((JSON.parse(`${json}}`) as { id: string }).id, id);
    assert.equal(named, `${id}\n`);
  });

  test('one that fails is run again, and its words are in the record', async () => {
    await suite.deliver(toAll({ type: 'command', command: [program('echo "no room" >&2; exit 3')] }));
    await fail();
    const { state, error } = await failedDelivery();
    assert.equal(state, 'retry');
    assert.match(error, /ended with exit code 3: no room/);
  });

  test('one that does not end is killed', async () => {
    await suite.deliver(toAll({ type: 'command', command: [program('sleep 600')], timeoutSeconds: 1 }));
    await fail();
    assert.match((await failedDelivery()).error, /no answer within 1 s/);
  });
});

/** An answer of the AWS CLI. */
interface Answer {
  readonly QueueUrl: string;
  readonly Messages?: readonly { readonly Body: string }[];
  readonly events?: readonly { readonly message: string }[];
}

describe('Amazon SNS and EventBridge (moto)', { skip: moto === '' ? 'moto_server is not installed' : false }, () => {
  let server: Awaited<ReturnType<typeof startMoto>>;
  let endpoint: string;
  const aws = async (...args: readonly string[]): Promise<Answer> => {
    const { stdout } = await run(
      ['aws', '--endpoint-url', endpoint, '--region', 'us-east-1', '--output', 'json', ...args],
      {
        inherit: ['PATH', 'HOME', 'PYENV*', 'AWS_*'],
      },
    );
    return (stdout.trim() === '' ? {} : JSON.parse(stdout)) as Answer;
  };
  before(async () => {
    server = await startMoto();
    endpoint = server.endpoint;
  });
  after(() => server.stop());

  test('sns publishes to the topic of the image', async () => {
    const { QueueUrl: queue } = await aws('sqs', 'create-queue', '--queue-name', 'images');
    await aws('sns', 'create-topic', '--name', 'images');
    await aws(
      'sns',
      'subscribe',
      '--topic-arn',
      TOPIC,
      '--protocol',
      'sqs',
      '--notification-endpoint',
      'arn:aws:sqs:us-east-1:123456789012:images',
    );
    await suite.deliver(toAll({ type: 'sns', endpoint }, { rules: [], topics: { [TOPIC]: ['one'] } }));
    const id = await fail();
    const body = await wait('a message in the queue', async () => {
      const { Messages: messages } = await aws('sqs', 'receive-message', '--queue-url', queue);
      return messages?.[0]?.Body;
    });
    const { Message, Subject, MessageAttributes } = JSON.parse(body) as {
      Message: string;
      Subject: string;
      MessageAttributes: { eventId: { Value: string } };
    };
    assert.equal(Subject, 'Image web/1.0.0/1 is FAILED');
    assert.equal(MessageAttributes.eventId.Value, id);
    assert.equal((JSON.parse(Message) as { arn: string }).arn, imageArn('web'));
  });

  test('sns: a topic that does not exist is on record', async () => {
    await suite.deliver(toAll({ type: 'sns', endpoint, topicArn: 'arn:aws:sns:us-east-1:123456789012:none' }));
    await fail();
    assert.match((await failedDelivery()).error, /AWS answered NotFound/);
  });

  test('eventbridge puts events on a bus, whose rule matches them', async () => {
    await aws(
      'events',
      'put-rule',
      '--name',
      'images',
      '--event-pattern',
      '{"detail":{"state":{"status":["FAILED"]}}}',
    );
    await aws('logs', 'create-log-group', '--log-group-name', '/aws/events/images');
    await aws(
      'events',
      'put-targets',
      '--rule',
      'images',
      '--targets',
      'Id=1,Arn=arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/images',
    );
    await suite.deliver(toAll({ type: 'eventbridge', endpoint }));
    const id = await fail();
    const message = await wait('the event in the log', async () => {
      const { events } = await aws('logs', 'filter-log-events', '--log-group-name', '/aws/events/images');
      return events?.[0]?.message;
    });
    const event = JSON.parse(message) as Record<string, unknown> & { readonly detail: Record<string, string> };
    assert.equal(event['detail-type'], 'EC2 Image Builder Image State Change');
    assert.equal(event['source'], 'ingot.imagebuilder');
    assert.deepEqual(event['resources'], [imageArn('web')]);
    assert.equal(event.detail['ingot-event-id'], id);
  });
});
