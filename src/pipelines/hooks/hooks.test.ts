import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { memberAt, parametersFrom, readHooks } from './hooks.ts';
import { hookKinds, type Delivery } from './signatures.ts';

// The example of GitHub's page on validating deliveries.
test("GitHub's example of a signature is accepted, and variations are rejected", () => {
  const secret = "It's a Secret to Everybody";
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const verify = (body: string, given: string | undefined, key = secret) =>
    hookKinds.github.verify(
      { headers: { 'x-hub-signature-256': given, 'x-github-event': 'push' }, body: Buffer.from(body) },
      key,
    );
  const delivery = verify('Hello, World!', signature);
  assert.ok(typeof delivery === 'object' && delivery.event === 'push');
  assert.match(String(verify('Hello, World?', signature)), /does not match/);
  assert.match(String(verify('Hello, World!', signature, 'another')), /does not match/);
  assert.match(String(verify('Hello, World!', undefined)), /missing/);
  const other = hookKinds.github.verify(
    { headers: { 'x-hub-signature-256': signature, 'x-github-event': 'made up' }, body: Buffer.from('Hello, World!') },
    secret,
  );
  assert.equal((other as Delivery).id, delivery.id, 'the event is not signed, so it makes no other delivery');
  assert.match(String(verify('Hello, World!', signature.replace('256', '1'))), /malformed/);
});

// The example of the specification's libraries.
test("Standard Webhooks' example is accepted within five minutes, and variations are rejected", () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const [id, time] = ['msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330'];
  const body = '{"test": 2432232314}';
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const verify = (more: object, now = 1614265330_000) =>
    hookKinds.standard.verify(
      {
        headers: { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature, ...more },
        body: Buffer.from(body),
      },
      secret,
      now,
    );
  assert.deepEqual(verify({}), { id, event: 'webhook' });
  assert.deepEqual(verify({ 'webhook-signature': `v1,AAAA v2,x ${signature}` }), { id, event: 'webhook' });
  assert.match(String(verify({ 'webhook-id': 'msg_other' })), /does not match/);
  assert.match(String(verify({ 'webhook-signature': '' })), /does not match/);
  assert.match(String(verify({}, 1614265330_000 + 301_000)), /more than 5 minutes/);
  assert.match(String(verify({ 'webhook-timestamp': 'now' })), /malformed/);
  for (const none of ['whsec_', 'no base64!', 'whsec_c2hvcnQ=']) {
    const key = Buffer.from(none.replace(/^whsec_/, ''), 'base64');
    const forged = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
    const headers = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${forged}` };
    assert.match(
      String(hookKinds.standard.verify({ headers, body: Buffer.from(body) }, none, 1614265330_000)),
      /must be whsec_/,
      none,
    );
  }
});

test("GitLab's token is compared", () => {
  const verify = (token: string | undefined) =>
    hookKinds.gitlab.verify(
      {
        headers: { 'x-gitlab-token': token, 'x-gitlab-event': 'Push Hook', 'x-gitlab-event-uuid': 'u-1' },
        body: new Uint8Array(),
      },
      'secret',
    );
  assert.deepEqual(verify('secret'), { id: 'u-1', event: 'Push Hook' });
  assert.match(String(verify('secret ')), /does not match/);
  assert.match(String(verify(undefined)), /missing/);
});

const HOOK = {
  pipeline: 'arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/web',
  kind: 'github',
  secretFile: '/etc/ingot/hooks/web',
  parameters: [{ component: 'app', parameter: 'Revision', from: 'head_commit.id' }],
};

test('a parameter from a body is one line of text, at the configured path', () => {
  const hook = readHooks({ web: HOOK }).get('web')!;
  const from = (id: unknown) => parametersFrom(hook, { head_commit: { id } });
  assert.deepEqual(from('abc'), { values: [{ ...HOOK.parameters[0], value: 'abc' }] });
  assert.match(JSON.stringify(from('a\nb')), /in one line/);
  assert.match(JSON.stringify(from('x'.repeat(1025))), /1 to 1024/);
  assert.match(JSON.stringify(from({})), /no text at 'head_commit.id'/);
  assert.match(JSON.stringify(parametersFrom(hook, [])), /no text/);
  assert.equal(memberAt({ a: 1 }, 'constructor.name'), undefined);
});

for (const [given, fault] of [
  [{ Web: HOOK }, /hooks\.Web: must be a name/],
  [{ web: { ...HOOK, pipeline: 'web' } }, /hooks\.web\.pipeline: must be the ARN/],
  [{ web: { ...HOOK, kind: 'email' } }, /hooks\.web\.kind: must be one of github, gitlab, standard/],
  [{ web: { ...HOOK, secretFile: 'secret' } }, /secretFile: must be the absolute path/],
  [{ web: { ...HOOK, parameters: [{ component: 'app' }] } }, /parameters\[0\]\.parameter: is required/],
  [{ web: { ...HOOK, secret: 'x' } }, /hooks\.web\.secret: unknown setting/],
] as const)
  test(`${JSON.stringify(Object.keys(given))} with ${String(fault)} is rejected`, () =>
    assert.throws(() => readHooks(given), fault));

test('a signature with another key is rejected', () => {
  const body = Buffer.from('{}');
  const signature = `sha256=${createHmac('sha256', '').update(body).digest('hex')}`;
  assert.match(
    String(hookKinds.github.verify({ headers: { 'x-hub-signature-256': signature }, body }, 'secret')),
    /does not match/,
  );
});
