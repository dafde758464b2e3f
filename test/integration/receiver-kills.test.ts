/**
 * Every type of receiver, with the server killed twice while events are on their way: each event arrives, in order for
 * its image, and what arrives again has the same id.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { writeEvent } from '../../src/catalog/outbox.ts';
import { allReceivers } from '../../src/catalog/receivers.ts';
import { receiverTypes } from '../../src/events/receivers.ts';
import { until } from '../../src/platform/clock.ts';
import { imageArn, stateChange } from '../harness/events.ts';
import { startMoto, WITHOUT_MOTO, type Moto } from '../harness/moto.ts';
import { startReceiver, type Received } from '../harness/receiver-server.ts';
import { startServer } from '../harness/service.ts';

const PATIENCE_MS = 60_000;
const IMAGES = ['web', 'db'];
const STATUSES = ['BUILDING', 'TESTING', 'DISTRIBUTING', 'AVAILABLE'];
const TOPIC = 'arn:aws:sns:us-east-1:123456789012:images';

/** An event as it arrived. */
interface Arrival {
  readonly id: string;
  readonly image: string;
  readonly status: string;
}

/** A receiver of one type. */
interface Kind {
  readonly settings: object;
  /** What it accepted, in this order. */
  readonly accepted: () => readonly Arrival[];
  /** Number of deliveries that began. */
  readonly begun: () => number;
  /** Holds each delivery from now on, or accepts them. */
  hold(held: boolean): void;
  close(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'ingot-kills-'));
let moto: Moto | undefined;
before(async () => {
  if (WITHOUT_MOTO === false) moto = await startMoto();
});
after(async () => {
  await moto?.stop();
  await rm(folder, { recursive: true });
});

/** The image and status that a title names. */
function titled(id: string, text: string): Arrival {
  const [, image = '', status = ''] = /Image (\w+)\/1\.0\.0\/1 is (\w+)/.exec(text) ?? [];
  return { id, image, status };
}

interface Event {
  readonly id: string;
  readonly resources: readonly [string];
  readonly detail: { readonly state: { readonly status: string }; readonly 'ingot-event-id'?: string };
}
function arrivalOf(event: Pick<Event, 'resources' | 'detail'>, id: string): Arrival {
  const [, image = ''] = /:image\/(\w+)\//.exec(event.resources[0]) ?? [];
  return { id, image, status: event.detail.state.status };
}

/** A receiver over HTTP. */
async function web(settings: (url: string) => object, read: (request: Received) => Arrival): Promise<Kind> {
  const server = await startReceiver();
  return {
    settings: settings(server.url),
    accepted: () => server.accepted.map(read),
    begun: () => server.received.length,
    hold: (held) => server.behave(held ? 'hang' : 200),
    close: () => server.close(),
  };
}

/** An endpoint of AWS: Moto behind a door that can be held shut. Without Moto it answers by itself. */
async function aws(
  settings: (endpoint: string) => object,
  read: (body: string) => Arrival,
  answer: string,
): Promise<Kind> {
  const accepted: Arrival[] = [];
  let held = false;
  let begun = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      begun++;
      if (held) return;
      const body = Buffer.concat(chunks).toString();
      const type = request.headers['content-type']!;
      const headers = {
        'content-type': type,
        authorization: request.headers.authorization!,
        ...(typeof request.headers['x-amz-target'] === 'string'
          ? { 'x-amz-target': request.headers['x-amz-target'] }
          : {}),
      };
      const asked =
        moto === undefined
          ? Promise.resolve({ status: 200, text: answer })
          : fetch(moto.endpoint, { method: 'POST', headers, body }).then(async (said) => ({
              status: said.status,
              text: await said.text(),
            }));
      asked.then(
        ({ status, text }) => {
          if (status === 200) accepted.push(read(body));
          response.writeHead(status, { 'content-type': type.includes('json') ? type : 'text/xml' }).end(text);
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    settings: settings(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    accepted: () => accepted,
    begun: () => begun,
    hold: (wanted) => (held = wanted),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function mail(): Promise<Kind> {
  const accepted: Arrival[] = [];
  let held = false;
  let begun = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        begun++;
        if (held) return;
        const text = Buffer.concat(chunks).toString();
        accepted.push(titled(/^Message-ID: <(\S+)@ingot>/m.exec(text)?.[1] ?? '', text));
        done();
      });
    },
  });
  // A client that is killed leaves its connection without a word.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    settings: { type: 'email', server: `smtp://127.0.0.1:${port}`, from: 'ingot@example.org', to: ['a@example.org'] },
    accepted: () => accepted,
    begun: () => begun,
    hold: (wanted) => (held = wanted),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function program(): Promise<Kind> {
  const [path, out, attempts, door] = ['receiver', 'out', 'attempts', 'held'].map((name) => join(folder, name));
  // The one that a killed server leaves behind must not deliver: it ends when it is let go.
  const script =
    `#!/bin/sh\necho x >> ${attempts}\n[ -e ${door} ] && { while [ -e ${door} ]; do sleep 0.05; done; exit 1; }\n` +
    // One write, because two of them run at the same time.
    `event=$(cat)\nprintf '%s\\n' "$event" >> ${out}\n`;
  writeFileSync(path!, script);
  chmodSync(path!, 0o755);
  const lines = (file: string): readonly string[] =>
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  return Promise.resolve({
    settings: { type: 'command', command: [path] },
    accepted: () =>
      lines(out!).map((line) => {
        const event = JSON.parse(line) as Event;
        return arrivalOf(event, event.id);
      }),
    begun: () => lines(attempts!).length,
    hold: (held) => (held ? writeFileSync(door!, '') : rmSync(door!, { force: true })),
    close: () => Promise.resolve(),
  });
}

const own = (body: string): Arrival => {
  const event = JSON.parse(body) as Event;
  return arrivalOf(event, event.id);
};

/** One for each type in the register. */
const kinds: Readonly<Record<string, () => Promise<Kind>>> = {
  command: program,
  email: mail,
  eventbridge: () =>
    aws(
      (endpoint) => ({ type: 'eventbridge', endpoint }),
      (body) => {
        const [entry] = (JSON.parse(body) as { Entries: [{ Detail: string; Resources: [string] }] }).Entries;
        const detail = JSON.parse(entry.Detail) as Event['detail'];
        return arrivalOf({ resources: entry.Resources, detail }, detail['ingot-event-id']!);
      },
      '{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}',
    ),
  slack: () =>
    web(
      (url) => ({ type: 'slack', url }),
      ({ headers, body }) => titled(String(headers['idempotency-key']), body),
    ),
  sns: () =>
    aws(
      (endpoint) => ({ type: 'sns', endpoint, topicArn: TOPIC }),
      (body) => {
        const event = own(new URLSearchParams(body).get('Message')!);
        assert.equal(new URLSearchParams(body).get('MessageAttributes.entry.1.Value.StringValue'), event.id);
        return event;
      },
      '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId>' +
        '</PublishResult></PublishResponse>',
    ),
  'sns-http': () =>
    web(
      (url) => ({ type: 'sns-http', url }),
      ({ body }) => {
        const { Message, MessageId } = JSON.parse(body) as { Message: string; MessageId: string };
        assert.equal(own(Message).id, MessageId);
        return own(Message);
      },
    ),
  teams: () =>
    web(
      (url) => ({ type: 'teams', url }),
      ({ headers, body }) => titled(String(headers['idempotency-key']), body),
    ),
  'web-hook': () =>
    web(
      (url) => ({ type: 'web-hook', url }),
      ({ headers, body }) => {
        assert.equal(headers['webhook-id'], own(body).id);
        return own(body);
      },
    ),
};

test('every type of receiver is here', () => {
  assert.deepEqual(Object.keys(kinds).sort(), Object.keys(receiverTypes).sort());
});

test('a server that is killed while it delivers loses nothing, whatever it delivers to', async (t) => {
  if (moto === undefined) t.diagnostic(`the endpoints of SNS and EventBridge are the test's: ${String(WITHOUT_MOTO)}`);
  else {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = new SNSClient({ endpoint: moto.endpoint, region: 'us-east-1', credentials });
    await client.send(new CreateTopicCommand({ Name: 'images' }));
    client.destroy();
  }
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const started = new Map<string, Kind>();
  for (const [name, start] of Object.entries(kinds)) started.set(name, await start());
  const dataDirectory = join(folder, 'data');
  let server = await startServer(dataDirectory);
  await server.stop();
  const receivers = Object.fromEntries(
    [...started].map(([name, { settings }]) => [name, { ...settings, timeoutSeconds: 120 }]),
  );
  const events = { receivers, rules: [{ receivers: Object.keys(receivers) }] };
  writeFileSync(join(dataDirectory, 'config.yaml'), JSON.stringify({ events }));
  const holdAll = (held: boolean): void => {
    for (const kind of started.values()) kind.hold(held);
  };
  const all = (what: string, holds: (kind: Kind) => boolean): Promise<true> =>
    until(what, PATIENCE_MS, () => ([...started.values()].every(holds) ? true : undefined), { everyMs: 50 });

  holdAll(true);
  server = await startServer(dataDirectory);
  const catalog = await openCatalog(dataDirectory);
  try {
    await until('the receivers on record', PATIENCE_MS, async () =>
      (await allReceivers(catalog.db)).length === started.size ? true : undefined,
    );
    const ids: string[] = [];
    const write = async (status: string): Promise<void> => {
      for (const image of IMAGES)
        ids.push(await catalog.transaction((trx) => writeEvent(trx, stateChange(image, status))));
    };
    for (const status of STATUSES.slice(0, 2)) await write(status);
    await all('a delivery to each', (kind) => kind.begun() > 0);
    await server.kill();
    assert.deepEqual(
      [...started].filter(([, kind]) => kind.accepted().length > 0).map(([name]) => name),
      [],
    );
    holdAll(false);
    server = await startServer(dataDirectory);
    await all('the first events', (kind) => kind.accepted().length >= ids.length);

    // Killed again in the middle: what was accepted since the positions were recorded arrives twice.
    const begun = new Map([...started].map(([name, kind]) => [name, kind.begun()]));
    for (const status of STATUSES.slice(2)) await write(status);
    await all('some of the others', (kind) => kind.accepted().length > IMAGES.length * 2);
    holdAll(true);
    await server.kill();
    holdAll(false);
    server = await startServer(dataDirectory);
    await all('everything', (kind) => new Set(kind.accepted().map(({ id }) => id)).size >= ids.length);
    for (const [name, kind] of started) {
      const accepted = kind.accepted();
      assert.ok(kind.begun() > begun.get(name)!);
      assert.deepEqual([...new Set(accepted.map(({ id }) => id))].sort(), ids.toSorted(), name);
      for (const image of IMAGES) {
        const known = new Map<string, string>();
        for (const { id, image: of, status } of accepted)
          if (of === image) {
            assert.equal(known.get(id) ?? status, status, `${name}: one id, one event`);
            known.set(id, status);
          }
        assert.deepEqual([...known.values()], STATUSES, `${name}: ${imageArn(image)} in order`);
      }
    }
    const twice = [...started].map(([name, kind]) => `${name} ${kind.accepted().length - ids.length}`);
    t.diagnostic(`arrived twice: ${twice.join(', ')}`);
  } finally {
    holdAll(false);
    await catalog.close();
    await server.stop();
    for (const kind of started.values()) await kind.close();
  }
});
