import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAllowed } from '../resources/allowed-secrets.ts';
import { isAllowed, readHits, WANTED, type DiskHit } from './disk-search.ts';
import { stated } from '../../test/harness/stated.ts';

const KEY: DiskHit = { name: 'private-key', what: 'a private key', path: '/opt/app/tls/one.pem', line: 1 };

test('the register is complete: an entry without file names has a hint and a line', () => {
  for (const { what, files, hint, line } of WANTED)
    assert.ok(files !== undefined || (hint !== undefined && line !== undefined), what);
});

test('findings are parsed, whatever their paths contain', () => {
  const history = WANTED.findIndex(({ name }) => name === 'shell-history');
  assert.deepEqual(stated(readHits(`0 12 /a b\nc\0${history} 0 /root/.bash_history\0`)), [
    { name: 'private-key', what: 'a private key', path: '/a b\nc', line: 12 },
    { name: 'shell-history', what: 'a command history', path: '/root/.bash_history' },
  ]);
  assert.match(readHits('0 1 /etc/ssl/private/ssl-cert-snakeoil.key\0')[0]!.tolerated!, /ssl-cert made it/);
  assert.deepEqual(readHits(''), []);
});

const ALLOWED: readonly (readonly [value: string, allows: boolean])[] = [
  ['', false],
  ['private-key', true],
  ['token shell-history', false],
  ['token, private-key', true],
  ['private-key:/opt/app/tls/one.pem', true],
  ['private-key:/opt/app/tls', false],
  ['private-key:/opt/*/one.pem', true],
  ['private-key:/opt/app/tls/o?e.pem', false],
  ['token:/opt/app/tls/one.pem', false],
];
for (const [value, allows] of ALLOWED)
  test(`the tag '${value}' ${allows ? 'allows' : 'does not allow'} a private key`, () =>
    assert.equal(isAllowed(KEY, readAllowed(value)), allows));

test('an empty tag is rejected', () => {
  assert.throws(
    () => readAllowed('private-keys'),
    /'private-keys' is not one of private-key, token, shell-history, authorized-keys/,
  );
  assert.throws(() => readAllowed('token:etc/x'), /absolute path/);
});
