import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSecret, isNamedSecret } from './secrets.ts';

// Assembled here, so that secret scanners do not report this file.
const KEY = `AKIA${'Q3EGRPQ2TTLZ4Y6X'}`;
const BEGIN = `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----`;

const FOUND: readonly (readonly [text: string, what: RegExp])[] = [
  [`cat >key <<'E'\n${BEGIN}\nabc`, /a private key/],
  [`aws configure set aws_access_key_id ${KEY}`, /an AWS access key/],
  [`git clone https://x:gh${'p_'}${'a1'.repeat(18)}@github.com/x/y`, /a GitHub token/],
  ['export DB_PASSWORD=hunter22', /the value of 'DB_PASSWORD'/],
  ['mysql --password=hunter22 -e x', /the value of '--password'/],
  ["$secret = 'hunter22'", /the value of '\$secret'/],
  ['{"token": "abcdef123"}', /the value of 'token'/],
  ['db:\n  password: hunter22\n', /the value of 'password'/],
  ['echo "admin:hunter22" | sudo chpasswd', /chpasswd/],
  ['net user builder S3cret! /add', /net user/],
  ['curl -fsS -u admin:hunter22 https://example.com', /curl/],
  ['git clone https://deploy:hunter22@example.com/x.git', /in an address/],
];

for (const [text, what] of FOUND) {
  test(`a secret: ${text.slice(0, 40)}`, () => {
    const hit = findSecret(text);

    assert.match(hit?.what ?? 'none', what);
    assert.ok(text.includes(hit!.found));
    assert.doesNotMatch(hit!.what + hit!.found.replace(KEY, ''), /hunter22|S3cret/);
  });
}

const NONE: readonly string[] = [
  'TOKEN=$(curl -s -X PUT http://169.254.169.254/latest/api/token -H "X-aws-ec2-metadata-token-ttl-seconds: 21600")',
  'curl -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/',
  'export DB_PASSWORD={{ Password }}',
  'DB_PASSWORD="$1"',
  "password: '{{ vault_password }}'",
  'PASSWORD=<your password>',
  'TOKEN_FILE=/run/token',
  'sed -i "s/^#PermitRootLogin.*/PermitRootLogin prohibit-password/" /etc/ssh/sshd_config',
  'PasswordAuthentication no',
  'password required pam_pwquality.so',
  '$secret = Get-SECSecretValue -SecretId x',
  'secret = prod/db/main',
  'aws_access_key_id=AKIAIOSFODNN7EXAMPLE',
  'curl -u "$USER:$PASS" https://example.com',
  'git clone https://github.com/x/y',
  'echo "root:$PASSWORD" | chpasswd',
  'password=false',
  'curl https://example.com:8443/a@b',
];

for (const text of NONE) {
  test(`not a secret: ${text.slice(0, 60)}`, () => assert.equal(findSecret(text), undefined));
}

test('a name indicates a secret, unless its value cannot be one', () => {
  assert.ok(isNamedSecret('DbPassword', 'hunter22'));
  for (const [name, value] of [
    ['DbPasswordLength', 'hunter22'],
    ['DbPassword', '{{ Other }}'],
    ['PasswordSecret', 'Jumphost/RdpUser'],
    ['UseToken', 'true'],
  ] as const) {
    assert.ok(!isNamedSecret(name, value), `${name}=${value}`);
  }
});

test('hostile texts are read to their end', () => {
  for (const piece of ['a', 'a.', 'password ', 'curl ', 'echo a', 'a://b', '-----BEGIN ', '$'])
    assert.equal(findSecret(piece.repeat(60_000 / piece.length)), undefined);
});
