import { deepEqual, equal, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, parseConfig } from './config.ts';
import { networkFor, promisesOf, reachOf, type Networks } from './networks.ts';
import { stated } from '../../../test/harness/stated.ts';

function networks(text: string): Networks {
  return parseConfig(
    `networks:\n${text
      .trim()
      .split('\n')
      .map((line) => `  ${line}`)
      .join('\n')}\n`,
    'config.yaml',
  ).networks;
}

const [ACCOUNT, OTHER] = ['123456789012', '210987654321'];

const NETWORKS = networks(`
default: none
subnets: {subnet-1: mirror-only, subnet-2: full}
securityGroups: {sg-1: lab, sg-2: mirror-only}
profiles:
  mirror-only:
    access: mirror
    mirrors:
      'http://deb.debian.org/debian/': 'http://192.0.2.10:8080/debian/'
      'http://deb.debian.org/debian-security': 'https://mirror.example.org/security'
  lab:
    access: allow-list
    allow: ['Git.example.org:443', '*.example.net', 10.0.0.0/8, '192.0.2.20:9000', 192.0.2.21]
    proxy: http://proxy.example.org:3128/
    noProxy: [.inside.example.org]
    mirrors: {'http://a.example.org': 'http://b.inside.example.org', 'http://c.example.org/x': 'http://d.example.org/x'}
  open: {access: full, allow: ['192.0.2.30:80', 'name.example.org']}
`);

describe('what a profile reaches', () => {
  test('mirrors, and nothing else', () => {
    deepEqual(reachOf(NETWORKS.profiles['mirror-only']!), {
      everything: false,
      addresses: [{ range: '192.0.2.10', port: 8080 }],
      names: [{ name: 'mirror.example.org', ports: [443] }],
    });
  });

  test('a list, mirrors and proxy', () => {
    deepEqual(stated(reachOf(NETWORKS.profiles['lab']!)), {
      everything: false,
      addresses: [{ range: '10.0.0.0/8' }, { range: '192.0.2.20', port: 9000 }, { range: '192.0.2.21' }],
      names: [
        { name: 'git.example.org', ports: [443] },
        { name: '*.example.net', ports: [80, 443] },
        { name: 'b.inside.example.org', ports: [80] },
        { name: 'd.example.org', ports: [80] },
        { name: 'proxy.example.org', ports: [3128] },
      ],
    });
  });

  test('everything, and single addresses of this host', () =>
    deepEqual(reachOf(NETWORKS.profiles['open']!), {
      everything: true,
      addresses: [{ range: '192.0.2.30', port: 80 }],
      names: [],
    }));
  test('nothing', () =>
    deepEqual(reachOf(NETWORKS.profiles['none']!), { everything: false, addresses: [], names: [] }));
});

test('the promises of a profile: the proxy, mirrors that do not use it, entries with a port', () => {
  const shown = (name: string): readonly string[] =>
    promisesOf(NETWORKS.profiles[name]!).map(({ host, port }) => `${host}:${port}`);
  deepEqual(shown('lab'), [
    'proxy.example.org:3128',
    'b.inside.example.org:80',
    'git.example.org:443',
    '192.0.2.20:9000',
  ]);
  deepEqual(shown('mirror-only'), ['192.0.2.10:8080', 'mirror.example.org:443']);
  deepEqual(shown('full'), []);
});

test('the network of subnets and security groups', () => {
  const shown = (subnet: string | undefined, groups: readonly string[]): readonly unknown[] => {
    const { profile, reason, unplaced } = networkFor(NETWORKS, ACCOUNT, subnet, groups);
    return [profile.name, reason, unplaced];
  };
  deepEqual(shown('subnet-1', ['sg-other']), ['mirror-only', 'subnet-1', []]);
  deepEqual(shown('subnet-1', ['sg-2']), ['mirror-only', 'subnet-1', []]);
  deepEqual(shown(undefined, ['sg-1']), ['lab', 'sg-1', []]);
  deepEqual(shown('subnet-9', ['constructor']), ['none', 'networks.default', ['subnet-9', 'constructor']]);
  deepEqual(shown(undefined, []), ['none', 'networks.default', []]);
  throws(
    () => networkFor(NETWORKS, ACCOUNT, 'subnet-1', ['sg-1']),
    /in two networks: subnet-1 is 'mirror-only', sg-1 is 'lab'/,
  );
});

test('without settings everything is open', () =>
  equal(networkFor(parseConfig('', 'x').networks, ACCOUNT, 'subnet-1', []).profile.access, 'full'));

test('a network belongs to accounts: that of the first key pair, or the listed ones', () => {
  const of = (text: string) => networks(text);
  const some = of(`
default: none
subnets: {subnet-1: lab, subnet-2: shared, subnet-3: public, subnet-4: full, subnet-5: none}
profiles: {lab: {access: full}, shared: {access: full, accounts: ['${OTHER}']}, public: {access: full, accounts: '*'}}
`);
  const cases: readonly (readonly [subnet: string, account: string, refused: RegExp | undefined])[] = [
    ['subnet-1', ACCOUNT, undefined],
    [
      'subnet-1',
      OTHER,
      /subnet-1, which is in the network profile 'lab', is not open to account 210987654321: .* networks\.profiles\.lab\.accounts in config\.yaml/,
    ],
    ['subnet-2', OTHER, undefined],
    ['subnet-2', ACCOUNT, /networks\.profiles\.shared\.accounts/],
    ['subnet-3', OTHER, undefined],
    ['subnet-4', ACCOUNT, undefined],
    ['subnet-4', OTHER, /networks\.profiles\.full\.accounts/],
    ['subnet-5', OTHER, undefined],
    ['subnet-9', OTHER, undefined],
  ];
  for (const [subnet, account, refused] of cases) {
    for (const ask of [
      () => networkFor(some, account, subnet, []),
      () => networkFor({ ...some, securityGroups: some.subnets }, account, undefined, ['sg-9', subnet]),
    ]) {
      if (refused === undefined) ask();
      else throws(ask, refused);
    }
  }
  // The default profile is open to all accounts, also by its name.
  equal(
    networkFor(of('default: lab\nsubnets: {subnet-1: lab}\nprofiles: {lab: {access: none}}'), OTHER, 'subnet-1', [])
      .profile.name,
    'lab',
  );
});

describe('faults', () => {
  const cases: readonly (readonly [text: string, fault: RegExp])[] = [
    [
      'profiles: {a: {access: full, accounts: [123456789012]}}',
      /profiles\.a\.accounts: must be a list of accounts, each 12 digits in quotes/,
    ],
    ['default: lab', /networks\.default: unknown network profile 'lab'; expected one of full, none/],
    ['subnets: {subnet-1: x}', /networks\.subnets\.subnet-1: unknown network profile 'x'/],
    ['subnets: [x]', /networks\.subnets: must be a map/],
    ['profiles: {a: {}}', /profiles\.a\.access: must be one of full, allow-list, mirror, none/],
    ['profiles: {a: {access: mirror}}', /profiles\.a\.mirrors: must have one/],
    ['profiles: {a: {access: none, allow: [192.0.2.1]}}', /profiles\.a\.allow: has no effect with access none/],
    ['profiles: {a: {access: none, proxy: "http://p:1"}}', /profiles\.a: access none reaches neither/],
    ['profiles: {a: {access: full, proxy: "http://user:word@p:1"}}', /profiles\.a\.proxy: must be an address/],
    [
      'profiles: {a: {access: full, mirrors: {"http://a/x": "http://b/\\"y"}}}',
      /profiles\.a\.mirrors\.http:\/\/a\/x: must be an address/,
    ],
    [
      'profiles: {a: {access: full, mirrors: {"http://a": "http://c", "http://b": "http://c"}}}',
      /profiles\.a\.mirrors: http:\/\/c must be the mirror of one/,
    ],
    [
      'profiles: {a: {access: full, mirrors: {"http://a": "http://b", "http://b": "http://c"}}}',
      /profiles\.a\.mirrors: http:\/\/b must be the mirror of one/,
    ],
    ['profiles: {a: {access: full, certificates: [ca.pem]}}', /certificates\[0\]: must be an absolute path/],
    ...['1.2.3', '1.2.3.4/33', '1.2.3.4/8/8', 'a b', 'a:0', 'a:70000', '*', 'a.*.b', '::1', 'a;b', '-a'].map(
      (entry) =>
        [`profiles: {a: {access: allow-list, allow: ["${entry}"]}}`, /allow\[0\]: must be an IPv4 address/] as const,
    ),
  ];
  for (const [text, fault] of cases)
    test(text, () =>
      throws(
        () => networks(text),
        (error: Error) => error instanceof ConfigError && fault.test(error.message),
      ),
    );
});
