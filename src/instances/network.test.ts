import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { resolvConf, slirpArguments, slirpComplaint } from './network.ts';
import { onlyLoopback } from './resolvers.ts';

test("slirp4netns closes the host's loopback and sends from the outbound address", () => {
  const argv = slirpArguments({ target: { pid: 42 }, interfaceName: 'host0' }, '198.18.0.1');

  deepEqual(argv.slice(argv.indexOf('slirp4netns')), [
    'slirp4netns',
    '--configure',
    '--mtu=65520',
    '--disable-host-loopback',
    '--enable-sandbox',
    '--enable-seccomp',
    '--outbound-addr=198.18.0.1',
    '--cidr=10.0.2.0/24',
    '--ready-fd=3',
    '42',
    'host0',
  ]);
});

test('slirp4netns takes a namespace by its path, and an API socket', () => {
  const argv = slirpArguments(
    { target: { netns: '/run/netns/x' }, interfaceName: 'tap0', cidr: '10.9.0.0/24' },
    '198.18.0.1',
    '/run/x/slirp.sock',
  );

  deepEqual(argv.slice(argv.indexOf('slirp4netns') + 7), [
    '--cidr=10.9.0.0/24',
    '--ready-fd=3',
    '--api-socket=/run/x/slirp.sock',
    '--netns-type=path',
    '/proc/self/fd/4',
    'tap0',
  ]);
});

test('the resolver is the third address of the network', () => {
  equal(resolvConf(), 'nameserver 10.0.2.3\n');
  equal(resolvConf('10.9.0.0/24'), 'nameserver 10.9.0.3\n');
});

test("instances cannot use a resolver on the host's loopback", () => {
  equal(onlyLoopback('nameserver 127.0.0.53\noptions edns0\n'), true);
  equal(onlyLoopback('nameserver ::1\n nameserver 127.0.0.1\n'), true);
  equal(onlyLoopback('nameserver 127.0.0.53\nnameserver 192.0.2.53\n'), false);
  equal(onlyLoopback('# nameserver 192.0.2.53\n'), true);
});

test('slirp4netns uses the resolvers of another file if set', () => {
  const argv = slirpArguments(
    { target: { pid: 42 }, interfaceName: 'host0' },
    '198.18.0.1',
    undefined,
    '/run/systemd/resolve/resolv.conf',
  );

  deepEqual(argv.slice(argv.indexOf('sh'), argv.indexOf('slirp4netns')), ['sh', '/run/systemd/resolve/resolv.conf']);
});

test('why slirp4netns ended is found although its usual messages follow: its outputs are buffered separately', () => {
  const log = `sent tapfd=6 for tap0
WARNING: Support for --outbound-addr is experimental
received tapfd=6
api_bindlisten: bind: No such file or directory
do_slirp failed
Starting slirp
* MTU:             65520
* Outbound IPv4:    198.18.0.1
`;

  equal(slirpComplaint(log), 'api_bindlisten: bind: No such file or directory; do_slirp failed');
  equal(slirpComplaint(''), 'without a message');
});
