import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { sourceAddresses } from './source-address.ts';

test('forwarded addresses count as far as proxies are trusted', () => {
  const cases: readonly (readonly [
    proxies: string[],
    remote: string,
    forwarded: string | undefined,
    address: string,
  ])[] = [
    [[], '198.51.100.7', undefined, '198.51.100.7'],
    [[], '::ffff:127.0.0.1', undefined, '127.0.0.1'],
    [[], '127.0.0.1', '203.0.113.9', '127.0.0.1'],
    [['127.0.0.1'], '127.0.0.1', '203.0.113.9', '203.0.113.9'],
    [['127.0.0.1'], '::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
    [['127.0.0.1'], '198.51.100.7', '203.0.113.9', '198.51.100.7'],
    [['127.0.0.1'], '127.0.0.1', undefined, '127.0.0.1'],
    // A client that sets the header itself only adds to its beginning.
    [['127.0.0.1'], '127.0.0.1', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    [['127.0.0.1', '10.0.0.0/8'], '127.0.0.1', '203.0.113.9, 10.1.2.3', '203.0.113.9'],
    [['127.0.0.1'], '127.0.0.1', '203.0.113.9, 10.1.2.3', '10.1.2.3'],
    [['::1'], '::1', '2001:db8::1', '2001:db8::1'],
  ];
  for (const [proxies, remoteAddress, forwarded, address] of cases) {
    const request = {
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    } as unknown as IncomingMessage;
    assert.equal(sourceAddresses(proxies)(request), address, JSON.stringify([proxies, remoteAddress, forwarded]));
  }
  assert.throws(() => sourceAddresses(['proxy.example']), /neither an IP address/);
});
