import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { addressesIn, emptyAnswer, nameServer, portsOfName, questionOf } from './name-server.ts';

/** A query as a resolver library sends it. */
function question(name: string, type = 1): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([
    Buffer.from([0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, type, 0, 1]),
  ]);
}

/** An answer: an alias, then its addresses. */
function answer(to: Buffer, addresses: readonly string[]): Buffer {
  const head = Buffer.from(to);
  head[2] = 0x81;
  head[3] = 0x80;
  head.writeUInt16BE(1 + addresses.length, 6);
  const alias = Buffer.from([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 0x61, 0xc0, 12]);
  return Buffer.concat([
    head,
    alias,
    ...addresses.map((each) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, ...each.split('.').map(Number)])),
  ]);
}

test('queries and answers are parsed', () => {
  const asked = question('Deb.Example.org');
  deepEqual(questionOf(asked), { id: 0x1234, name: 'deb.example.org', type: 1, end: asked.length });
  deepEqual(addressesIn(answer(asked, ['192.0.2.1', '192.0.2.2'])), [
    { address: '192.0.2.1', ttl: 300 },
    { address: '192.0.2.2', ttl: 300 },
  ]);
});

test('a packet that is not a query is ignored, one that is not an answer is an error', () => {
  const asked = question('a.example');
  for (let length = 0; length < asked.length; length++)
    equal(questionOf(asked.subarray(0, length)), undefined, String(length));
  equal(questionOf(answer(asked, [])), undefined);
  const whole = answer(asked, ['192.0.2.1']);
  for (let length = 12; length < whole.length; length++)
    throws(() => addressesIn(whole.subarray(0, length)), RangeError, String(length));
  for (let round = 0; round < 2000; round++) {
    const noise = Buffer.from(whole);
    for (let at = 0; at < 4; at++) noise[Math.floor(Math.random() * noise.length)] = Math.floor(Math.random() * 256);
    questionOf(noise);
    try {
      addressesIn(noise);
    } catch (error) {
      ok(error instanceof RangeError);
    }
  }
});

test('names on the list match, and names below a listed one', () => {
  const reached = [
    { name: 'example.org', ports: [443] },
    { name: '*.example.org', ports: [80, 443] },
    { name: 'a.example.org', ports: [22] },
  ];
  deepEqual(portsOfName('example.org', reached), [443]);
  deepEqual(portsOfName('a.example.org', reached), [80, 443, 22]);
  for (const other of ['badexample.org', 'example.org.evil.test', 'org', ''])
    equal(portsOfName(other, reached), undefined, other);
});

test('an empty answer refers to its query', () => {
  const asked = question('none.example', 28);
  const told = emptyAnswer(asked, questionOf(asked)!, 3);
  equal(told.readUInt16BE(0), 0x1234);
  equal(told[2]! & 0x80, 0x80);
  equal(told[3]! & 0x0f, 3);
  deepEqual(told.subarray(12), asked.subarray(12));
});

test('other names are not forwarded, and only the instance gets answers', async () => {
  const asked: string[] = [];
  const service = {
    names: [{ name: 'example.org', ports: [443] }],
    resolvers: async () => {
      asked.push('resolvers');
      return [];
    },
    open: async () => {},
    log: () => {},
  };
  for (const [client, expected] of [
    ['127.0.0.1', 3],
    ['198.18.0.9', undefined],
  ] as const) {
    const server = nameServer(service, client);
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    const socket = createSocket('udp4');
    const reply = new Promise<number | undefined>((resolve) => {
      socket.on('message', (message) => resolve(message[3]! & 0x0f));
      setTimeout(() => resolve(undefined), 300);
    });
    socket.send(question('secret-data.evil.test'), server.address().port, '127.0.0.1');
    equal(await reply, expected);
    socket.close();
    server.close();
  }
  deepEqual(asked, []);
});
