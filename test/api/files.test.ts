/** `file:` sources: files that come in parts, components that name them, and the commands that read them. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateComponentCommand, DeleteComponentCommand, GetComponentCommand } from '@aws-sdk/client-imagebuilder';
import type { AuditEvent } from '../../src/catalog/audit-log.ts';
import type { Received } from '../../src/storage/kept-files.ts';
import { sweepKeptFiles } from '../../src/storage/kept-files.ts';
import { fileSourcesOf } from '../../src/documents/component/file-sources.ts';
import { parseComponentDocument } from '../../src/documents/component/parse.ts';
import { findLocalFile } from '../../src/commands/local-files/find.ts';
import { sendFile } from '../../src/commands/local-files/send.ts';
import { recordsOf, signedJson, signedRequest } from '../../src/platform/api-client.ts';
import { dataPath, keptFile } from '../../src/platform/data-layout.ts';
import { keptFileFinder } from '../../src/workflows/machines/kept-files.ts';
import { ingot, startServer, type TestServer } from '../harness/service.ts';
import { ACCOUNT, addUser, startApi, type TestApi } from './server.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

function documentOf(source: string, action = 'S3Download'): string {
  return `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Copy
        action: ${action}
        inputs:
          - {source: '${source}', destination: /opt/it}
`;
}

describe('files', () => {
  let api: TestApi;
  let folder: string;
  before(async () => {
    api = await startApi({ files: { maxBytes: 3_000_000, accountBytes: 5_000_000 } });
    folder = mkdtempSync(join(tmpdir(), 'ingot-files-'));
  });
  after(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = (
    sha256: string,
    body: Buffer,
    { size = body.length, offset = 0, account = 'same' as 'same' | 'other' } = {},
  ) =>
    signedJson<Received>(api.connectionOf(account), {
      method: 'POST',
      path: `/ingot/files/${sha256}`,
      query: { size: String(size), offset: String(offset) },
      body,
    });
  const list = async (account: 'same' | 'other' = 'same') =>
    (
      await signedJson<{ files: readonly Received[] }>(api.connectionOf(account), {
        method: 'GET',
        path: '/ingot/files',
      })
    ).files;
  const create = (name: string, data: string, client = api.client) =>
    client.send(new CreateComponentCommand({ name, semanticVersion: '1.0.0', platform: 'Linux', data }));
  const pathOf = (sha256: string) => keptFile(api.catalog.dataDirectory, ACCOUNT, sha256);

  test('come in parts, go on where they stopped, and are there when all of them is', async () => {
    const content = randomBytes(2_500_000);
    const path = join(folder, 'big');
    writeFileSync(path, content);
    const file = await findLocalFile('file:big', { folder, root: folder });
    assert.equal(file.sha256, digest(content));
    const first = content.subarray(0, 1_000_000);
    assert.deepEqual(await put(file.sha256, first, { size: file.size }), {
      sha256: file.sha256,
      size: file.size,
      received: first.length,
      complete: false,
    });
    // The same part again changes nothing, and the answer says where to go on.
    assert.equal((await put(file.sha256, first, { size: file.size })).received, first.length);
    assert.equal(existsSync(pathOf(file.sha256)), false);
    await assert.rejects(create('half', documentOf(`file:big#sha256=${file.sha256}`)), /no such file here/);
    await api.restart();
    assert.equal(await sendFile(api.connectionOf('same'), file, signal), true);
    assert.deepEqual(readFileSync(pathOf(file.sha256)), content);
    assert.equal(await sendFile(api.connectionOf('same'), file, signal), false);
    assert.deepEqual(await list(), [{ sha256: file.sha256, size: file.size, received: file.size, complete: true }]);
    assert.deepEqual(await list('other'), []);
  });

  test('with another content, too large or too many are refused, and nothing of them stays', async () => {
    const wrong = digest(Buffer.from('another'));
    await assert.rejects(put(wrong, Buffer.from('this')), { message: /What came has the SHA-256/ });
    await assert.rejects(put(wrong, Buffer.alloc(0), { size: 3_000_001 }), /at most 3000000 bytes/);
    await assert.rejects(put(wrong, Buffer.from('four'), { size: 3 }), /these parts have 4 bytes/);
    await put(digest(Buffer.from('x')), Buffer.from('x'));
    await assert.rejects(put(digest(Buffer.from('y')), Buffer.alloc(0), { size: 2_999_999 }), {
      code: 'ServiceQuotaExceededException',
    });
    await assert.rejects(put('zz', Buffer.from('x')), { code: 'ResourceNotFoundException' });
    await assert.rejects(
      signedJson(api.connectionOf('same'), { method: 'POST', path: `/ingot/files/${wrong}`, body: Buffer.from('x') }),
      /size/,
    );
    const there = readdirSync(join(dataPath(api.catalog.dataDirectory, 'files'), ACCOUNT));
    assert.ok(!there.some((name) => name.startsWith(wrong) && !name.endsWith('.part')), there.join());
  });

  test('an empty file is a file', async () => {
    const empty = Buffer.alloc(0);
    assert.equal((await put(digest(empty), empty)).complete, true);
    assert.equal(readFileSync(pathOf(digest(empty))).length, 0);
  });

  test('are put by those who may, and each call is audited', async () => {
    const user = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/reader`, {
      Effect: 'Allow',
      Action: ['imagebuilder:*', 'ingot:ListFiles'],
      Resource: '*',
    });
    const connection = { ...api.connectionOf('same'), credentials: user };
    const path = `/ingot/files/${digest(Buffer.from('x'))}`;
    await assert.rejects(
      signedJson(connection, { method: 'POST', path, query: { size: '1' }, body: Buffer.from('x') }),
      { code: 'AccessDeniedException', message: /ingot:PutFile on resource: arn:aws:ingot:.*:file\// },
    );
    const answer = await signedRequest(api.connectionOf('same'), {
      method: 'GET',
      path: '/ingot/audit',
      query: { event: 'PutFile', error: 'AccessDenied*' },
    });
    const events = await Array.fromAsync(recordsOf<AuditEvent>(answer));
    assert.deepEqual(
      events.map(({ requestParameters }) => requestParameters),
      [{ sha256: path.slice('/ingot/files/'.length), size: '1' }],
    );
  });

  test('are named by components of their account only, and swept when none names them', async () => {
    const content = Buffer.from('configuration');
    const sha256 = digest(content);
    await put(sha256, content);
    const data = documentOf(`file:it.conf#sha256=${sha256}`);
    await assert.rejects(create('not-theirs', data, api.clientOf('other', 'eu-west-1')), /no such file here/);
    await assert.rejects(create('unpacked', documentOf('file:it.conf')), {
      name: 'InvalidParameterValueException',
      message: /file:it\.conf.*which only Ingot's commands can read.*ingot build/s,
    });
    const { componentBuildVersionArn: arn } = await create('names-it', data);
    const find = keptFileFinder({ catalog: api.catalog }, new Set([arn!]));
    const found = await find(`file:it.conf#sha256=${sha256}`);
    assert.ok(typeof found !== 'string', String(found));
    const read: Buffer[] = [];
    for await (const chunk of found.read()) read.push(chunk);
    assert.deepEqual(Buffer.concat(read), content);
    assert.match(
      String(await keptFileFinder({ catalog: api.catalog }, new Set())(`file:x#sha256=${sha256}`)),
      /no component/,
    );
    assert.match(String(await find('file:it.conf')), /packed when/);

    await sweepKeptFiles(api.catalog, Date.now() + 2 * DAY);
    assert.deepEqual(
      (await list()).map((file) => file.sha256),
      [sha256],
    );
    await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: arn }));
    await sweepKeptFiles(api.catalog);
    assert.ok(existsSync(pathOf(sha256)), 'a component may be on its way');
    writeFileSync(join(dataPath(api.catalog.dataDirectory, 'files'), ACCOUNT, 'stray'), 'x');
    await sweepKeptFiles(api.catalog, Date.now() + 2 * DAY);
    assert.deepEqual(await list(), []);
    assert.deepEqual(readdirSync(join(dataPath(api.catalog.dataDirectory, 'files'), ACCOUNT)), []);
  });
});

describe('a template with file: sources', () => {
  let server: TestServer;
  let folder: string;
  let data: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ingot-file-templates-'));
    data = join(folder, 'data');
    server = await startServer(data);
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const component = (document: string) =>
    `Resources:
  Tool:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: tool
      Version: 1.0.0
      Platform: Linux
      ${document}
`;
  const inline = (source: string) => component(`Data: |\n${documentOf(source).replace(/^/gm, '        ')}`);
  const stored = async (build: number): Promise<string> => {
    const componentBuildVersionArn = `arn:aws:imagebuilder:us-east-1:123456789012:component/tool/1.0.0/${build}`;
    const arn = componentBuildVersionArn.replace('123456789012', await account());
    return (await server.client.send(new GetComponentCommand({ componentBuildVersionArn: arn }))).component!.data!;
  };
  const account = async (): Promise<string> =>
    (JSON.parse(readFileSync(join(data, 'credentials.json'), 'utf8')) as { account: string }).account;

  test('is built with the content of its files: another content is another build', async () => {
    const template = join(folder, 'template.yaml');
    writeFileSync(template, inline('file:it.conf'));
    writeFileSync(join(folder, 'it.conf'), 'one');
    const run = (...args: readonly string[]) => ingot(data, args);
    for (const command of ['validate', 'plan']) assert.equal((await run(command, template)).code, 0, command);
    assert.equal(existsSync(join(data, 'files')), false, 'validate and plan send nothing');
    const built = await run('build', template);
    assert.equal(built.code, 0, built.stderr);
    assert.match(await stored(1), new RegExp(`file:it.conf#sha256=${digest(Buffer.from('one'))}"`));
    assert.match((await run('build', template)).stdout, /unchanged Tool/);
    writeFileSync(join(folder, 'it.conf'), 'two');
    assert.match((await run('plan', template)).stdout, /Tool/);
    const again = await run('build', template);
    assert.match(again.stdout, /created {3}Tool.*\/2/);
    const { document } = parseComponentDocument(await stored(2));
    assert.equal(fileSourcesOf(document!)[0]!.file.packed!.sha256, digest(Buffer.from('two')));
  });

  test('reads beside a document that Uri names, and nothing outside of the template', async () => {
    const own = mkdtempSync(join(folder, 'nested '));
    mkdirSync(join(own, 'components/conf'), { recursive: true });
    const template = join(own, 'template.yaml');
    const check = async (source: string, ...more: readonly string[]) => {
      writeFileSync(join(own, 'components/doc.yaml'), documentOf(source));
      const { code: exitCode, stdout, stderr } = await ingot(data, ['validate', template, ...more]);
      return { exitCode, told: stdout + stderr };
    };
    writeFileSync(template, component('Uri: components/doc.yaml'));
    writeFileSync(join(own, 'beside-template'), 'x');
    writeFileSync(join(own, 'components/beside-document'), 'x');
    writeFileSync(join(folder, 'outside'), 'x');
    symlinkSync('../../outside', join(own, 'components/link'));
    for (const source of ['file:beside-document', 'file:../beside-template', 'file:./conf/../beside-document'])
      assert.deepEqual([source, (await check(source)).exitCode], [source, 0]);
    for (const source of ['file:../../outside', 'file:link', `file:${join(folder, 'outside')}`, 'file:/etc/passwd']) {
      const { exitCode, told } = await check(source);
      assert.equal(exitCode, 1, source);
      assert.match(told, /template\.yaml:8:\d+ .*leads out of .*--file-root DIR/s);
    }
    assert.equal((await check('file:../../outside', '--file-root', folder)).exitCode, 0);
    assert.match((await check('file:nothing')).told, /does not exist in/);
    assert.match((await check('file:conf')).told, /is a folder: write file:conf\/\*/);
    assert.match((await check('file:conf/*')).told, /is an empty folder/);
    symlinkSync('../../../outside', join(own, 'components/conf/link'));
    assert.match((await check('file:conf/*')).told, /the link link leads out of the folder/);
    writeFileSync(join(data, 'config.yaml'), 'files: {maxMegabytes: 1}\n');
  });

  test('a folder is the same content as long as what is in it is', async () => {
    const top = mkdtempSync(join(folder, 'tree-'));
    for (const name of ['b', 'a', 'sub/c']) {
      mkdirSync(join(top, 'sub'), { recursive: true });
      writeFileSync(join(top, name), name);
    }
    const sha = async () => (await findLocalFile('file:./*', { folder: top, root: top })).sha256;
    const before = await sha();
    writeFileSync(join(top, 'a'), 'a');
    assert.equal(await sha(), before);
    chmodSync(join(top, 'a'), 0o755);
    assert.notEqual(await sha(), before);
  });
});
