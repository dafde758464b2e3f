/** WebDownload and the S3 modules on this host, against servers that the test starts. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/platform/processes.ts';
import type { S3Access } from '../../src/platform/s3-requests.ts';
import { fileSourceCases } from '../harness/file-source-cases.ts';
import { localInstance, type LocalInstance } from '../harness/local-instance.ts';
import { runText, type Ran } from '../harness/runner-cases.ts';
import { s3Server, type S3Server } from '../harness/s3-server.ts';
import { webCases } from '../harness/web-cases.ts';

let instance: LocalInstance;

before(async () => {
  instance = await localInstance();
});
after(() => instance.terminate());

webCases(
  () => instance,
  () => `${instance.directory}/the web`,
);

fileSourceCases(
  () => instance,
  () => `${instance.directory}/files`,
);

describe('S3', () => {
  let server: S3Server;
  let access: S3Access;
  const folder = (): string => `${instance.directory}/s3`;

  async function step(
    action: string,
    inputs: string,
    s3Access: (() => Promise<S3Access | undefined>) | undefined = async () => access,
  ): Promise<Ran> {
    return runText(
      instance,
      `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Step, action: ${action}, inputs: ${inputs}}
`,
      { workingDirectory: folder(), ...(s3Access === undefined ? {} : { s3Access }) },
    );
  }

  before(async () => {
    await mkdir(`${folder()}/tree/deep`, { recursive: true });
    for (const [name, text] of [
      ['a.txt', 'a'],
      ['tree/b c+d.txt', 'b'],
      ['tree/deep/é.txt', 'c'],
    ] as const)
      await writeFile(`${folder()}/${name}`, text);
    const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' };
    server = await s3Server(credentials);
    access = { credentials, region: 'us-east-1', endpoint: server.endpoint };
  });
  after(() => server.close());

  test('what was uploaded can be downloaded', async () => {
    const sent = await step(
      'S3Upload',
      '[{source: a.txt, destination: "s3://the-bucket/one/a.txt"}, {source: a.txt, destination: ' +
        '"s3://the-bucket/one/"}, {source: "tree/*", destination: "s3://the-bucket/all", recurse: true}]',
    );
    assert.equal(sent.outcome.failure?.message, undefined);
    await mkdir(`${folder()}/got`);
    const got = await step(
      'S3Download',
      '[{source: "s3://the-bucket/one/a.txt", destination: got/a}, {source: "s3://the-bucket/all/*", destination: ' +
        'got/}]',
    );
    assert.equal(got.outcome.failure?.message, undefined);
    assert.equal(await readFile(`${folder()}/got/a`, 'utf8'), 'a');
    assert.equal(await readFile(`${folder()}/got/b c+d.txt`, 'utf8'), 'b');
    assert.equal(await readFile(`${folder()}/got/deep/é.txt`, 'utf8'), 'c');
  });

  test('without recurse folders stay', async () => {
    const sent = await step('S3Upload', '[{source: "tree/*", destination: "s3://the-bucket/flat/*"}]');
    assert.equal(sent.outcome.failure?.message, undefined);
    await mkdir(`${folder()}/flat`);
    await step('S3Download', '[{source: "s3://the-bucket/flat/*", destination: flat}]');
    assert.equal((await run(['find', `${folder()}/flat`, '-type', 'f'])).stdout.trim(), `${folder()}/flat/b c+d.txt`);
  });

  const bad: readonly [action: string, inputs: string, message: string][] = [
    [
      'S3Download',
      '[{source: "s3://the-bucket/none", destination: none}]',
      's3://the-bucket/none: NoSuchKey: The specified key does not exist.',
    ],
    [
      'S3Download',
      '[{source: "s3://no-such-bucket/none/*", destination: .}]',
      's3://no-such-bucket/none/*: NoSuchBucket: The specified bucket does not exist',
    ],
    ['S3Download', '[{source: "s3://the-bucket/none/*", destination: .}]', 's3://the-bucket/none/* has no objects'],
    [
      'S3Download',
      '[{source: "s3://the-bucket/one/a.txt", destination: no/folder}]',
      'the folder DIR/no does not exist; S3Download makes none',
    ],
    [
      'S3Download',
      '[{source: "s3://the-bucket/one/a.txt", destination: tree/}]',
      'destination: "DIR/tree/" must include the name of the file',
    ],
    [
      'S3Download',
      '[{source: "s3://the-bucket/one/a.txt", destination: a.txt, overwrite: false}]',
      'DIR/a.txt exists, and overwrite is false',
    ],
    [
      'S3Upload',
      '[{source: tree, destination: "s3://the-bucket/x"}]',
      'DIR/tree is a folder; recurse: true sends what is in it',
    ],
    ['S3Upload', '[{source: none, destination: "s3://the-bucket/x"}]', 'DIR/none does not exist'],
    ['S3Upload', '[{source: "none*", destination: "s3://the-bucket/x"}]', 'nothing matches DIR/none*'],
  ];
  for (const [action, inputs, message] of bad) {
    test(`${action} fails: ${message}`, async () => {
      const { outcome } = await step(action, inputs);
      assert.equal(outcome.failure?.message, message.replaceAll('DIR', folder()));
    });
  }

  test('a wrong key is refused', async () => {
    const { outcome } = await step(
      'S3Download',
      '[{source: "s3://the-bucket/one/a.txt", destination: x}]',
      async () => ({ ...access, credentials: { ...access.credentials, secretAccessKey: 'other' } }),
    );
    assert.match(outcome.failure?.message ?? '', /^s3:\/\/the-bucket\/one\/a\.txt: SignatureDoesNotMatch: /);
  });

  test('no request reaches S3 without credentials of the profile', async () => {
    const { outcome } = await step(
      'S3Download',
      '[{source: "s3://the-bucket/one/a.txt", destination: x}]',
      async () => undefined,
    );
    assert.equal(
      outcome.failure?.message,
      'the instance profile has no credentials in config.yaml, and S3 requests use only those',
    );
  });
});
