import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateComponentCommand, GetImageCommand } from '@aws-sdk/client-imagebuilder';
import { own, pipeline, recipe, runs } from './scheduled.ts';
import { documentOf, startApi, type TestApi } from './server.ts';

let api: TestApi;
let arn: string;
before(async () => {
  api = await startApi();
  await api.client.send(
    new CreateComponentCommand({
      name: 'web-app',
      semanticVersion: '1.0.0',
      platform: 'Linux',
      data: documentOf(
        "echo '{{ Revision }}'",
        'parameters:\n  - Revision:\n      type: string\n      default: main\n      description: d\n',
      ),
    }),
  );
  arn = await pipeline(api, 'web', await recipe(api, 'web', [own('component/web-app/1.0.0/1')]), {
    imageTags: { from: 'hook' },
  });
  const secretFile = join(api.catalog.dataDirectory, 'hook secret');
  writeFileSync(secretFile, 'open sesame\n', { mode: 0o600 });
  const hook = (more: object) => ({ pipeline: arn, kind: 'github', secretFile, ...more });
  const parameter = { component: 'web-app', parameter: 'Revision', from: 'head_commit.id' };
  // JSON is YAML.
  writeFileSync(
    join(api.catalog.dataDirectory, 'config.yaml'),
    JSON.stringify({
      hooks: {
        web: hook({ events: ['push'], match: { ref: 'refs/heads/main' }, parameters: [parameter] }),
        undeclared: hook({ parameters: [{ ...parameter, parameter: 'Owner' }] }),
        'no-secret': hook({ secretFile: '/nowhere/at/all' }),
      },
    }),
  );
});
after(() => api.close());

async function deliver(name: string, body: string, more: Readonly<Record<string, string>> = {}, key = 'open sesame') {
  const signature = createHmac('sha256', key).update(body).digest('hex');
  const response = await fetch(`${api.endpoint}/hooks/${name}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${signature}`,
      ...more,
    },
  });
  return { status: response.status, answer: (await response.json()) as Readonly<Record<string, unknown>> };
}

const push = (id: string, ref = 'refs/heads/main') => JSON.stringify({ ref, head_commit: { id } });

/** Who has no secret learns nothing of which hooks there are. */
const REFUSED = /^There is no such hook, or the request does not carry the signature of its secret\./;

describe('a web hook', () => {
  test('starts its pipeline once for each delivery, with the parameters that it may set', async () => {
    const { status, answer } = await deliver('web', push('4f2a'));
    assert.equal(status, 202);
    assert.equal(answer['started'], true);
    const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn: answer['image'] as string }));
    assert.deepEqual(image!.imageRecipe!.components![0]!.parameters, [{ name: 'Revision', value: ['4f2a'] }]);
    assert.deepEqual([image!.tags, image!.buildType], [{ from: 'hook' }, 'SCHEDULED']);
    const again = await deliver('web', push('4f2a'));
    assert.equal(again.status, 200);
    assert.deepEqual(again.answer, { started: false, image: answer['image'], reason: 'This delivery came before.' });
    const [run, ...others] = await runs(api, arn);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [run!.cause, run!.by, run!.because],
      ['hook', 'hook web (github push)', 'A signed delivery came. It set web-app.Revision=4f2a.'],
    );
  });

  test('starts nothing for what it is not for, and says so', async () => {
    const before_ = (await runs(api, arn)).length;
    for (const [body, headers, reason] of [
      [push('1', 'refs/heads/other'), {}, /for ref refs\/heads\/main only/],
      [push('1'), { 'x-github-event': 'issues' }, /not for the event 'issues'/],
      [push('1'), { 'x-github-event': 'ping' }, /A ping starts nothing/],
    ] as const) {
      const { status, answer } = await deliver('web', body, headers);
      assert.equal(status, 200);
      assert.match(String(answer['reason']), reason);
    }
    assert.equal((await runs(api, arn)).length, before_);
  });

  test('is refused without its secret, without its name, and with what it may not set', async () => {
    const before_ = (await runs(api, arn)).length;
    for (const [name, body, headers, key, status, message] of [
      ['web', push('2'), {}, 'another', 403, REFUSED],
      ['web', push('2'), { 'x-hub-signature-256': 'sha256=' }, undefined, 403, REFUSED],
      ['none', push('2'), {}, undefined, 403, REFUSED],
      ['no-secret', push('2'), {}, '', 403, REFUSED],
      ['undeclared', push('2'), {}, undefined, 400, /not defined in the provided component: Owner/],
      ['web', push('a\nb'), {}, undefined, 400, /in one line/],
      ['web', JSON.stringify({ ref: 'refs/heads/main' }), {}, undefined, 400, /no text at 'head_commit.id'/],
      ['web', 'not json', {}, undefined, 400, /./],
    ] as const) {
      const found = await deliver(name, body, headers, key);
      assert.equal(found.status, status, JSON.stringify(found));
      assert.match(String(found.answer['message']), message);
    }
    assert.equal((await runs(api, arn)).length, before_);
  });
});
