import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditEvent, maskSecrets, type Call } from './audit.ts';

test('an event is written for any parameters', () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 5000; depth++) deep = depth % 2 === 0 ? [deep] : { a: deep };
  const call: Call = {
    requestId: 'r',
    time: 0,
    service: 'ingot',
    name: 'CreateAccessKey',
    readOnly: false,
    sourceIp: '::1',
    userAgent: undefined,
    host: '127.0.0.1:8700',
    parameters: { deep },
    resource: 'x'.repeat(1 << 20),
  };
  assert.ok(JSON.stringify(auditEvent(call)).length < 10_000);
  const wide = auditEvent({ ...call, parameters: { tags: Array.from({ length: 50_000 }, () => 'value') } });
  assert.match(JSON.stringify(wide.requestParameters), /omitted.*more than the log keeps/);
});

const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

test('values that may be secret are not in the audit log', () => {
  const cases: readonly (readonly [given: unknown, masked: unknown])[] = [
    [
      { name: 'web', data: 'schemaVersion: 1.0' },
      { name: 'web', data: HIDDEN },
    ],
    [
      { components: [{ componentArn: 'a', parameters: [{ name: 'Password', value: ['hunter2'] }] }] },
      { components: [{ componentArn: 'a', parameters: [{ name: 'Password', value: HIDDEN }] }] },
    ],
    [
      { workflows: [{ parameters: [{ name: 'p', value: ['x'] }] }] },
      { workflows: [{ parameters: [{ name: 'p', value: HIDDEN }] }] },
    ],
    [{ tags: { value: 'v', data: 'd' } }, { tags: { value: 'v', data: HIDDEN } }],
    [
      { additionalInstanceConfiguration: { userDataOverride: 'x' } },
      { additionalInstanceConfiguration: { userDataOverride: HIDDEN } },
    ],
    [
      { argv: ['mysql', '-phunter2'], env: { TOKEN: 'x' } },
      { argv: ['mysql', HIDDEN], env: HIDDEN },
    ],
    [
      { Credentials: { AccessKeyId: 'k', SecretAccessKey: 's', SessionToken: 't' } },
      { Credentials: { AccessKeyId: 'k', SecretAccessKey: HIDDEN, SessionToken: HIDDEN } },
    ],
    [
      { Name: '/db', Value: 'hunter2', Tags: [{ Key: 'Team', Value: 'web' }] },
      { Name: '/db', Value: HIDDEN, Tags: [{ Key: 'Team', Value: 'web' }] },
    ],
    [{ description: 'x'.repeat(2000) }, { description: `${'x'.repeat(1024)}…` }],
    [
      { filters: [{ name: 'n', values: ['a'] }], maxResults: 5, dryRun: true, nothing: null },
      { filters: [{ name: 'n', values: ['a'] }], maxResults: 5, dryRun: true, nothing: null },
    ],
  ];
  assert.deepEqual(maskSecrets({ 'LaunchTemplateData.UserData': 'eA==' }), {
    'LaunchTemplateData.UserData': 'HIDDEN_DUE_TO_SECURITY_REASONS',
  });
  for (const [given, masked] of cases) assert.deepEqual(maskSecrets(given), masked);
});
