import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { certificatesIn, hasSettings, proxyEnvironment } from './network-settings.ts';

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUXBb7TUbzZpvrl0XhV9qVVcYkgEYwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
`;

test('a file without a certificate, or with a damaged one, is named in the error', () => {
  throws(() => certificatesIn('', '/etc/x.pem'), /\/etc\/x\.pem has no certificate in PEM form/);
  throws(
    () => certificatesIn(`a comment\n${CERTIFICATE}`, '/etc/x.pem'),
    /\/etc\/x\.pem has a certificate that cannot be read/,
  );
});

test('programs find the proxy by its variables, and the metadata service without it', () => {
  deepEqual(proxyEnvironment({ noProxy: ['a'] }), {});
  const environment = proxyEnvironment({ proxy: 'http://p:1', noProxy: ['a.example', '10.0.0.0/8'] });
  equal(environment['https_proxy'], 'http://p:1');
  equal(environment['NO_PROXY'], 'localhost,127.0.0.1,169.254.169.254,a.example,10.0.0.0/8');
});

test('an empty profile adds nothing', () => {
  const bare = {
    name: 'x',
    accounts: [],
    access: 'full',
    allow: [],
    mirrors: [],
    noProxy: [],
    certificates: [],
  } as const;
  equal(hasSettings(bare), false);
  equal(hasSettings({ ...bare, certificates: ['/a'] }), true);
});
