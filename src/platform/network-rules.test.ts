import { equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  networkRules,
  OUTBOUND_ADDRESSES,
  outboundAddress,
  REACH_EVERYTHING,
  rulesMark,
  type NetworkMember,
} from './network-rules.ts';

const OPEN: NetworkMember = {
  address: '198.18.0.2',
  reach: { ...REACH_EVERYTHING, addresses: [{ range: '192.0.2.1', port: 8080 }] },
};
const LISTED: NetworkMember = {
  address: '198.18.0.3',
  reach: {
    everything: false,
    addresses: [{ range: '192.0.2.7' }, { range: '10.0.0.0/8' }, { range: '127.0.0.0/8' }],
    names: [{ name: 'example.org', ports: [443] }],
  },
};

/** The rules of a chain, in order. */
function chain(name: string, members: readonly NetworkMember[]): readonly string[] {
  return networkRules(members)
    .split('\n')
    .filter((line) => line.startsWith(`add rule ip ingot_instances ${name} `))
    .map((line) => line.slice(`add rule ip ingot_instances ${name} `.length));
}

test('addresses are in the range and all different', () => {
  equal(outboundAddress(0), '198.18.0.1');
  equal(outboundAddress(254), '198.18.0.255');
  equal(outboundAddress(255), '198.18.1.0');
  equal(outboundAddress(OUTBOUND_ADDRESSES - 1), '198.18.255.254');
});

test("a single address may be the host's own, a range may not", () => {
  const rules = chain('output', [OPEN, LISTED]);
  const local = rules.indexOf('fib daddr type local reject');
  ok(local > 0);
  for (const single of [
    'ip saddr 198.18.0.2 ip daddr 192.0.2.1 meta l4proto { tcp, udp } th dport 8080 accept',
    'ip saddr 198.18.0.3 ip daddr 192.0.2.7 accept',
  ])
    ok(rules.indexOf(single) >= 0 && rules.indexOf(single) < local, single);
  for (const range of [
    'ip saddr 198.18.0.3 ip daddr 10.0.0.0/8 accept',
    'ip saddr 198.18.0.3 ip daddr 127.0.0.0/8 accept',
    'ip saddr 198.18.0.3 ip daddr . th dport @names_198_18_0_3 accept',
  ])
    ok(rules.indexOf(range) > local, range);
});

test('restricted networks reach only what is listed, and names are resolved by their own service', () => {
  const rules = chain('output', [OPEN, LISTED]);
  ok(rules.includes('ip saddr 198.18.0.3 reject'));
  ok(!rules.includes('ip saddr 198.18.0.2 reject'));
  match(chain('services', [OPEN, LISTED]).join('\n'), /ip saddr \{ 198\.18\.0\.3 \} meta skuid 0 udp dport 53 dnat/);
  equal(chain('services', [OPEN]).length, 1);
});

test('the mark changes with the members', () => {
  notEqual(rulesMark([OPEN]), rulesMark([OPEN, LISTED]));
  ok(networkRules([OPEN]).includes(rulesMark([OPEN])));
});
