import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskSecrets } from './audit.ts';

const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

test('what may be secret is not in the audit log', () => {
  const cases: readonly (readonly [given: unknown, masked: unknown])[] = [
    [{ name: 'web', data: 'schemaVersion: 1.0' }, { name: 'web', data: HIDDEN }],
    [{ components: [{ componentArn: 'a', parameters: [{ name: 'Password', value: ['hunter2'] }] }] }, { components: [{ componentArn: 'a', parameters: [{ name: 'Password', value: HIDDEN }] }] }],
    [{ workflows: [{ parameters: [{ name: 'p', value: ['x'] }] }] }, { workflows: [{ parameters: [{ name: 'p', value: HIDDEN }] }] }],
    [{ tags: { value: 'v', data: 'd' } }, { tags: { value: 'v', data: HIDDEN } }],
    [{ additionalInstanceConfiguration: { userDataOverride: 'x' } }, { additionalInstanceConfiguration: { userDataOverride: HIDDEN } }],
    [{ argv: ['mysql', '-phunter2'], env: { TOKEN: 'x' } }, { argv: ['mysql', HIDDEN], env: HIDDEN }],
    [{ Credentials: { AccessKeyId: 'k', SecretAccessKey: 's', SessionToken: 't' } }, { Credentials: { AccessKeyId: 'k', SecretAccessKey: HIDDEN, SessionToken: HIDDEN } }],
    [{ description: 'x'.repeat(2000) }, { description: `${'x'.repeat(1024)}…` }],
    [{ filters: [{ name: 'n', values: ['a'] }], maxResults: 5, dryRun: true, nothing: null }, { filters: [{ name: 'n', values: ['a'] }], maxResults: 5, dryRun: true, nothing: null }],
  ];
  for (const [given, masked] of cases) assert.deepEqual(maskSecrets(given), masked);
});
