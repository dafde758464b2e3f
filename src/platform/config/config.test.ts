import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, DEFAULT_CONFIG, parseConfig } from './config.ts';
import { stated } from '../../../test/harness/stated.ts';

test('missing members have defaults', () => {
  for (const text of ['', '{}', '# nothing\n', 'quotas:\n'])
    assert.deepEqual(parseConfig(text, 'config.yaml'), DEFAULT_CONFIG);
});

test('all members', () => {
  const config = parseConfig(
    `
access:
  longLivedKeys: false
  oidcIssuers:
    - issuer: https://token.actions.githubusercontent.com
      audiences: [sts.amazonaws.com]
    - {issuer: http://ci.example/, audiences: [a, b], jwks: /etc/ingot/jwks.json}
  proxies: [10.0.0.1]
quotas: {components: 5, imagePipelines: null}
rates:
  writes: {perSecond: 10}
  reads: {perSecond: 100, burst: 500}
audit: {maxMegabytes: 1, maxHours: 2, keepDays: 3, keepFiles: 4}
parentImages:
  amazon-linux-2-x86: ami-0123456789abcdef0
  suse-linux-enterprise-server-15-x86: image/suse/x.x.x
  red-hat-enterprise-linux-9-x86: rocky-linux-9-x86
accounts: {'111122223333': '123456789012'}
organizations: {o-a1b2c3d4e5: ['123456789012'], ou-ab12-cd34ef56: []}
parameters: {/golden/base: 'arn:aws:imagebuilder:us-east-1:123456789012:image/golden/1.0.0/1'}
managedComponents:
  python-3-linux: /etc/ingot/python.yaml
  chocolatey: {file: /etc/ingot/choco.yaml, version: 2.0.0, platform: Windows}
  go-linux: [/etc/ingot/go.yaml, {file: /etc/ingot/go-2.yaml, version: 1.0.2}]
vendors:
  ubuntu: {address: https://mirror.example/ubuntu/, keyring: /etc/ingot/mirror.asc}
`,
    'config.yaml',
  );
  assert.deepEqual(config.names, {
    accounts: { '111122223333': '123456789012' },
    organizations: { 'o-a1b2c3d4e5': ['123456789012'], 'ou-ab12-cd34ef56': [] },
    parentImages: {
      'amazon-linux-2-x86': 'ami-0123456789abcdef0',
      'suse-linux-enterprise-server-15-x86': 'image/suse/x.x.x',
      'red-hat-enterprise-linux-9-x86': 'rocky-linux-9-x86',
    },
    parameters: { '/golden/base': 'arn:aws:imagebuilder:us-east-1:123456789012:image/golden/1.0.0/1' },
    managedComponents: {
      'python-3-linux': [{ file: '/etc/ingot/python.yaml', version: '1.0.0', platform: 'Linux' }],
      chocolatey: [{ file: '/etc/ingot/choco.yaml', version: '2.0.0', platform: 'Windows' }],
      'go-linux': [
        { file: '/etc/ingot/go.yaml', version: '1.0.0', platform: 'Linux' },
        { file: '/etc/ingot/go-2.yaml', version: '1.0.2', platform: 'Linux' },
      ],
    },
    vendors: { ubuntu: { address: 'https://mirror.example/ubuntu/', keyring: '/etc/ingot/mirror.asc' } },
  });
  assert.deepEqual(config.access, {
    longLivedKeys: false,
    proxies: ['10.0.0.1'],
    oidcIssuers: [
      { issuer: 'https://token.actions.githubusercontent.com', audiences: ['sts.amazonaws.com'] },
      { issuer: 'http://ci.example/', audiences: ['a', 'b'], jwks: '/etc/ingot/jwks.json' },
    ],
  });
  assert.deepEqual(config.quotas, { ...DEFAULT_CONFIG.quotas, components: 5, imagePipelines: null });
  assert.deepEqual(config.rates, {
    writes: { perSecond: 10, burst: 10 },
    reads: { perSecond: 100, burst: 500 },
    unsigned: { perSecond: 50, burst: 500 },
  });
  assert.deepEqual(config.audit, { maxBytes: 1e6, maxSeconds: 7200, keepDays: 3, keepFiles: 4 });
});

test('instance profiles and their credentials', () => {
  const { instanceProfiles } = parseConfig(
    `
instanceProfiles:
  One: {credentials: {file: /etc/ingot/credentials}}
  Two:
    role: Other
    credentials: {process: [/bin/credentials, builds]}
    region: eu-west-1
    endpoints: {s3: 'http://192.0.2.1:9000'}
  Three: {credentials: {accessKeyId: A, secretAccessKey: S}}
`,
    'config.yaml',
  );
  assert.deepEqual(stated(instanceProfiles), {
    One: {
      accounts: ['123456789012'],
      role: 'One',
      credentials: { kind: 'file', path: '/etc/ingot/credentials', profile: 'default' },
    },
    Two: {
      accounts: ['123456789012'],
      role: 'Other',
      credentials: { kind: 'process', argv: ['/bin/credentials', 'builds'] },
      region: 'eu-west-1',
      s3Endpoint: 'http://192.0.2.1:9000',
    },
    Three: {
      accounts: ['123456789012'],
      role: 'Three',
      credentials: { kind: 'keys', accessKeyId: 'A', secretAccessKey: 'S' },
    },
  });
});

test('every fault is reported with its path', () => {
  const cases: readonly (readonly [text: string, fault: RegExp])[] = [
    ['[', /config\.yaml: /],
    ['- a', /the file: must be a map/],
    ['quota: {}', /quota: unknown setting; expected one of access, accounts, quotas/],
    ['quotas: {component: 5}', /quotas\.component: unknown setting/],
    ['quotas: {components: many}', /quotas\.components: must be a whole number/],
    ['access: {longLivedKeys: maybe}', /access\.longLivedKeys: must be true or false/],
    ['access: {oidcIssuers: [{issuer: x, audiences: [a]}]}', /oidcIssuers\[0\]\.issuer: must be an address/],
    ['access: {oidcIssuers: [{issuer: "https://x"}]}', /oidcIssuers\[0\]\.audiences: must name/],
    [
      'access: {oidcIssuers: [{issuer: "https://x", audiences: [a], jwks: keys.json}]}',
      /jwks: must be an absolute path/,
    ],
    ['access: {proxies: 10.0.0.1}', /access\.proxies: must be a list/],
    ['access: {proxies: [proxy.example]}', /access\.proxies\[0\]: must be an IP address/],
    ['rates: {reads: {burst: 5}}', /rates\.reads\.perSecond: is required/],
    ['rates: {reads: {perSecond: 0}}', /rates\.reads\.perSecond: must be/],
    ['instanceProfiles: {P: {credentials: {file: /a}, accounts: []}}', /P\.accounts: must be a list of accounts/],
    ['uriProfiles: [docs]', /uriProfiles\[0\]: instanceProfiles has no 'docs'/],
    ['instanceProfiles: [a]', /instanceProfiles: must be a map/],
    [
      'instanceProfiles: {P: {}}',
      /instanceProfiles\.P\.credentials: must have accessKeyId and secretAccessKey, or file, or process/,
    ],
    ['instanceProfiles: {P: {credentials: {file: /a, accessKeyId: b}}}', /P\.credentials: must have/],
    ['instanceProfiles: {P: {credentials: {file: a}}}', /P\.credentials\.file: must be an absolute path/],
    ['instanceProfiles: {P: {credentials: {process: [aws]}}}', /P\.credentials\.process: must be a list that begins/],
    ['instanceProfiles: {P: {credentials: {accessKeyId: A}}}', /P\.credentials\.secretAccessKey: is required/],
    ['instanceProfiles: {P: {credentials: {file: /a}, role: path/name}}', /P\.role: must be the name of a role/],
    [
      'instanceProfiles: {P: {credentials: {file: /a}, endpoints: {s3: minio}}}',
      /P\.endpoints\.s3: must be an address/,
    ],
    ['audit: {keepDays: -1}', /audit\.keepDays: must be/],
    ["organizations: {x: ['123456789012']}", /organizations\.x: must be the id of an organization or a unit/],
    ['organizations: {o-a1b2c3d4e5: [123456789012]}', /o-a1b2c3d4e5: must be a list of account ids/],
    ["accounts: {'1': '123456789012'}", /accounts\.1: must be an account id, 12 digits/],
    ["accounts: {'111122223333': 123456789012}", /accounts\.111122223333: must be an account of this server/],
    ["accounts: {'123456789012': '111122223333'}", /accounts\.123456789012: is this server's own account/],
    [
      "accounts: {'111122223333': '444455556666', '444455556666': '123456789012'}",
      /accounts\.111122223333: '444455556666' is mapped itself/,
    ],
    ['parentImages: [a]', /parentImages: must be a map/],
    ['registries: {https://r.example: {}}', /registries\.https:\/\/r\.example: '.*' is not a host/],
    ['registries: {r.example: {authFile: auth.json}}', /registries\.r\.example\.authFile: must be the absolute path/],
    [
      'registries: {r.example: {folder: images}}',
      /registries\.r\.example\.folder: must be the absolute path of a folder/,
    ],
    ['registries: {r.example: {folder: /i, plain: true}}', /registries\.r\.example\.plain: a folder has none/],
    ['registries: {r.example: {folder: /i, format: tar}}', /registries\.r\.example\.format: must be one of oci/],
    ['registries: {r.example: {format: oci}}', /registries\.r\.example\.format: is for a folder/],
    ['registries: {r.example: {plain: 1}}', /registries\.r\.example\.plain: must be true or false/],
    ['registries: {r.example: {accounts: [me]}}', /registries\.r\.example\.accounts: must be a list of accounts/],
    [
      'parentImages: {"Amazon Linux": ami-0123456789abcdef0}',
      /parentImages\.Amazon Linux: 'Amazon Linux' is not a valid name of a managed image/,
    ],
    ['parentImages: {amazon-linux-2-x86: /disk.qcow2}', /parentImages\.amazon-linux-2-x86: must be an AMI/],
    ['parameters: {/golden/base: "ssm:/other"}', /parameters\.\/golden\/base: must be an AMI/],
    [
      'managedComponents: {python-3-linux: python.yaml}',
      /managedComponents\.python-3-linux\.file: must be the absolute path/,
    ],
    [
      'managedComponents: {python-3-linux: {file: /a, version: 1.x.x}}',
      /managedComponents\.python-3-linux\.version: must be three numbers/,
    ],
    ['managedComponents: {go-linux: []}', /managedComponents\.go-linux: must name at least one/],
    [
      'managedComponents: {go-linux: [/a, {file: b, version: 1.0.0}]}',
      /go-linux\[1\]\.file: must be the absolute path[\s\S]*go-linux\[1\]\.version: 1\.0\.0 is used twice/,
    ],
    [
      'managedComponents: {chocolatey: {file: /a, platform: DOS}}',
      /managedComponents\.chocolatey\.platform: must be Linux/,
    ],
    ['vendors: {suse: {}}', /vendors\.suse: unknown setting; expected one of amazon-linux, debian, rocky, ubuntu/],
    ['vendors: {ubuntu: {address: "http://mirror/ubuntu"}}', /vendors\.ubuntu\.address: must be .* ends in a slash/],
    [
      'vendors: {ubuntu: {address: "http://me:secret@mirror/ubuntu/"}}',
      /vendors\.ubuntu\.address: must be .* without a password/,
    ],
    [
      'vendors: {rocky: {address: "http://mirror/rocky/"}}',
      /vendors\.rocky\.address: must be https, since rocky signs nothing/,
    ],
    ['vendors: {ubuntu: {keyring: key.asc}}', /vendors\.ubuntu\.keyring: must be the absolute path/],
  ];
  for (const [text, fault] of cases)
    assert.throws(
      () => parseConfig(text, 'config.yaml'),
      (error: Error) => error instanceof ConfigError && fault.test(error.message),
      text,
    );
});

test('metrics for CloudWatch: defaults, and each fault with its place', () => {
  const read = (cloudwatch: object) =>
    parseConfig(JSON.stringify({ monitoring: { cloudwatch } }), 'config.yaml').monitoring.cloudwatch;
  assert.deepEqual(read({ region: 'eu-west-1' }), { region: 'eu-west-1', namespace: 'Ingot', everySeconds: 60 });
  for (const [given, message] of [
    [{}, /monitoring\.cloudwatch\.region: /],
    [{ region: 'evil.example/' }, /region: 'evil\.example\/' is not a Region name/],
    [{ region: 'eu-west-1', namespace: 'AWS/EC2' }, /namespace: 'AWS\/EC2' is not a namespace/],
    [{ region: 'eu-west-1', everySeconds: 0 }, /everySeconds: must be a whole number from 1 to 3600/],
    [{ region: 'eu-west-1', endpoint: 'file:///etc/passwd' }, /endpoint: must be an http or https URL/],
    [{ region: 'eu-west-1', dimension: 'x' }, /dimension: unknown setting/],
  ] as const)
    assert.throws(() => read(given), { name: 'ConfigError', message });
});
