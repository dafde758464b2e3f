/** Amazon ECR on the endpoint, by the SDK's client, and the registry behind it, by skopeo. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DeleteLifecyclePolicyCommand,
  DeleteRepositoryCommand,
  DeleteRepositoryPolicyCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  GetLifecyclePolicyCommand,
  GetRepositoryPolicyCommand,
  ListImagesCommand,
  ListTagsForResourceCommand,
  paginateDescribeRepositories,
  PutImageCommand,
  PutImageScanningConfigurationCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  SetRepositoryPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-ecr';
import { sealRegistryToken } from '../../src/distribution/registry/token.ts';
import { recordsOf, signedRequest } from '../../src/platform/api-client.ts';
import { run } from '../../src/platform/processes.ts';
import { sha256, writeLayout } from '../harness/oci-layout.ts';
import { ACCOUNT, addUser, REGION, startApi, type TestApi } from './server.ts';

const OTHER = '210987654321';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

describe('Amazon ECR', () => {
  let api: TestApi;
  const folder = mkdtempSync(join(tmpdir(), 'ingot ecr '));
  const clients: ECRClient[] = [];
  let digest = '';

  before(async () => {
    api = await startApi();
    digest = writeLayout(join(folder, 'image'));
    writeLayout(join(folder, 'third'), () => {}, { Labels: { version: '3' } });
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await api.close();
    rmSync(folder, { recursive: true });
  });

  const clientOf = (credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }): ECRClient => {
    const client = new ECRClient({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });
    clients.push(client);
    return client;
  };
  const own = (): ECRClient => clientOf({ accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' });
  const foreign = (): ECRClient => clientOf({ accessKeyId: 'AKIDOTHER', secretAccessKey: 'hidden' });
  const host = (): string => new URL(api.endpoint).host;
  const uriOf = (name: string): string => `${host()}/${ACCOUNT}/${REGION}/${name}`;

  async function passwordOf(client: ECRClient): Promise<string> {
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    const [{ authorizationToken = '', proxyEndpoint } = {}] = authorizationData!;
    assert.equal(proxyEndpoint, api.endpoint);
    const pair = Buffer.from(authorizationToken, 'base64').toString('utf8');
    assert.ok(pair.startsWith('AWS:'));
    return pair.slice('AWS:'.length);
  }

  const skopeo = (...argv: string[]) => run(['skopeo', '--insecure-policy', ...argv], { cwd: folder, okCodes: 'any' });
  const push = async (client: ECRClient, name: string, layout = 'image') =>
    skopeo(
      'copy',
      '--preserve-digests',
      '--dest-tls-verify=false',
      `--dest-creds=AWS:${await passwordOf(client)}`,
      `oci:${layout}`,
      `docker://${uriOf(name)}`,
    );
  const inspect = async (client: ECRClient, name: string) =>
    skopeo('inspect', '--tls-verify=false', `--creds=AWS:${await passwordOf(client)}`, `docker://${uriOf(name)}`);

  function ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Buffer | string,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(api.endpoint, { method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
  const basic = (password: string) => ({
    authorization: `Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`,
  });
  const codeOf = ({ text }: Answer): string | undefined =>
    (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code;

  test('a repository is created, described, changed and deleted', async () => {
    const client = own();
    const { repository } = await client.send(
      new CreateRepositoryCommand({ repositoryName: 'team/web', tags: [{ Key: 'team', Value: 'web' }] }),
    );
    assert.equal(repository?.repositoryArn, `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/team/web`);
    assert.equal(repository?.repositoryUri, uriOf('team/web'));
    assert.equal(repository?.imageTagMutability, 'MUTABLE');
    assert.ok(repository?.createdAt instanceof Date);
    await assert.rejects(client.send(new CreateRepositoryCommand({ repositoryName: 'team/web' })), {
      name: 'RepositoryAlreadyExistsException',
      message: `The repository with name 'team/web' already exists in the registry with id '${ACCOUNT}'`,
    });
    for (const repositoryName of ['a', '../web', 'Web', 'web//x', 'x'.repeat(257)])
      await assert.rejects(client.send(new CreateRepositoryCommand({ repositoryName })), {
        name: 'InvalidParameterException',
        message: /repositoryName/,
      });
    await assert.rejects(
      client.send(
        new CreateRepositoryCommand({ repositoryName: 'kms', encryptionConfiguration: { encryptionType: 'KMS' } }),
      ),
      { name: 'InvalidParameterException', message: /no key service/ },
    );
    await client.send(
      new PutImageScanningConfigurationCommand({
        repositoryName: 'team/web',
        imageScanningConfiguration: { scanOnPush: true },
      }),
    );
    const described = await client.send(new DescribeRepositoriesCommand({ repositoryNames: ['team/web'] }));
    assert.equal(described.repositories?.[0]?.imageScanningConfiguration?.scanOnPush, true);
    await assert.rejects(client.send(new DescribeRepositoriesCommand({ repositoryNames: ['team/db'] })), {
      name: 'RepositoryNotFoundException',
      message: `The repository with name 'team/db' does not exist in the registry with id '${ACCOUNT}'`,
    });
    const resourceArn = repository!.repositoryArn!;
    await client.send(new TagResourceCommand({ resourceArn, tags: [{ Key: 'a', Value: '1' }] }));
    await client.send(new UntagResourceCommand({ resourceArn, tagKeys: ['team'] }));
    const { tags } = await client.send(new ListTagsForResourceCommand({ resourceArn }));
    assert.deepEqual(tags, [{ Key: 'a', Value: '1' }]);
    const { repository: deleted } = await client.send(new DeleteRepositoryCommand({ repositoryName: 'team/web' }));
    assert.equal(deleted?.repositoryName, 'team/web');
    const again = await client.send(new CreateRepositoryCommand({ repositoryName: 'team/web' }));
    assert.deepEqual(
      (await client.send(new ListTagsForResourceCommand({ resourceArn: again.repository!.repositoryArn! }))).tags,
      [],
    );
    const { repositories } = await foreign().send(new DescribeRepositoriesCommand({}));
    assert.deepEqual(repositories, []);
  });

  test('lists have pages', async () => {
    const client = own();
    for (const name of ['page/a1', 'page/b2', 'page/c3'])
      await client.send(new CreateRepositoryCommand({ repositoryName: name }));
    const names: (string | undefined)[] = [];
    for await (const { repositories = [] } of paginateDescribeRepositories({ client, pageSize: 2 }, {}))
      names.push(...repositories.map(({ repositoryName }) => repositoryName));
    assert.deepEqual(
      names.filter((name) => name?.startsWith('page/')),
      ['page/a1', 'page/b2', 'page/c3'],
    );
    assert.deepEqual(names, names.toSorted());
  });

  test('an image is pushed, found by the API, pulled under its digest, tagged again and deleted', async () => {
    const client = own();
    const repositoryName = 'team/web';
    const pushed = await push(client, 'team/web:1.0');
    assert.equal(pushed.code, 0, pushed.stderr);
    const { imageDetails } = await client.send(new DescribeImagesCommand({ repositoryName }));
    assert.equal(imageDetails?.length, 1);
    const [image] = imageDetails!;
    assert.equal(image?.imageDigest, digest);
    assert.deepEqual(image?.imageTags, ['1.0']);
    assert.equal(image?.imageSizeInBytes, 10240);
    assert.equal(image?.imageManifestMediaType, MANIFEST);
    assert.ok(image?.imagePushedAt instanceof Date);

    const { images = [], failures } = await client.send(
      new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag: '1.0' }, { imageTag: 'none' }] }),
    );
    assert.equal(`sha256:${sha256(images[0]!.imageManifest!)}`, digest);
    assert.deepEqual(failures, [
      { imageId: { imageTag: 'none' }, failureCode: 'ImageNotFound', failureReason: 'Requested image not found' },
    ]);
    await client.send(
      new PutImageCommand({ repositoryName, imageManifest: images[0]!.imageManifest!, imageTag: 'stable' }),
    );
    await assert.rejects(
      client.send(
        new PutImageCommand({ repositoryName, imageManifest: images[0]!.imageManifest!, imageTag: 'stable' }),
      ),
      { name: 'ImageAlreadyExistsException' },
    );
    const other = images[0]!.imageManifest!.replaceAll(/"digest":"sha256:./g, '"digest":"sha256:0');
    await assert.rejects(client.send(new PutImageCommand({ repositoryName, imageManifest: other })), {
      name: 'LayersNotFoundException',
    });
    const seen = await inspect(client, 'team/web:stable');
    assert.equal(seen.code, 0, seen.stderr);
    const facts = JSON.parse(seen.stdout) as { Digest: string; RepoTags: string[] };
    assert.deepEqual([facts.Digest, facts.RepoTags], [digest, ['1.0', 'stable']]);
    const { imageIds } = await client.send(new ListImagesCommand({ repositoryName, filter: { tagStatus: 'TAGGED' } }));
    assert.deepEqual(imageIds, [
      { imageDigest: digest, imageTag: '1.0' },
      { imageDigest: digest, imageTag: 'stable' },
    ]);

    await assert.rejects(client.send(new DeleteRepositoryCommand({ repositoryName })), {
      name: 'RepositoryNotEmptyException',
    });
    await client.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: '1.0' }] }));
    assert.notEqual((await inspect(client, 'team/web:1.0')).code, 0);
    assert.equal((await inspect(client, 'team/web:stable')).code, 0);
    await client.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest: digest }] }));
    const gone = await inspect(client, `team/web@${digest}`);
    assert.match(gone.stderr, /manifest unknown|Requested image not found/);
    await assert.rejects(
      client.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: 'stable' }] })),
      { name: 'ImageNotFoundException', message: /\{imageDigest:'null', imageTag:'stable'\} does not exist within/ },
    );
    // The registry still has its layers: only the manifest is sent.
    assert.equal((await push(client, 'team/web:again')).code, 0);
    await client.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
    await client.send(new CreateRepositoryCommand({ repositoryName }));
    assert.equal((await client.send(new ListImagesCommand({ repositoryName }))).imageIds?.length, 0);
    assert.notEqual((await inspect(client, `team/web@${digest}`)).code, 0);
  });

  test('a repository that does not exist takes no image', async () => {
    const { code, stderr } = await push(own(), 'team/missing:1');
    assert.notEqual(code, 0);
    assert.match(stderr, /The repository with name 'team\/missing' does not exist in the registry/);
  });

  test('tags of an immutable repository stay, but for those that are excluded', async () => {
    const client = own();
    const repositoryName = 'kept';
    await client.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' }));
    assert.equal((await push(client, 'kept:1')).code, 0);
    assert.equal((await push(client, 'kept:1')).code, 0, 'the same image again');
    writeLayout(join(folder, 'second'), () => {}, { Labels: { version: '2' } });
    const refused = await push(client, 'kept:1', 'second');
    assert.match(refused.stderr, /tag '1' already exists in the 'kept' repository and cannot be overwritten/);
    await client.send(
      new PutImageTagMutabilityCommand({
        repositoryName,
        imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
        imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'dev-*' }],
      }),
    );
    assert.equal((await push(client, 'kept:dev-1')).code, 0);
    assert.equal((await push(client, 'kept:dev-1', 'second')).code, 0);
    assert.notEqual((await push(client, 'kept:1', 'second')).code, 0);
  });

  test('policies of repositories and lifecycle policies are kept as they are given', async () => {
    const client = own();
    const repositoryName = 'policies';
    await client.send(new CreateRepositoryCommand({ repositoryName }));
    await assert.rejects(client.send(new GetRepositoryPolicyCommand({ repositoryName })), {
      name: 'RepositoryPolicyNotFoundException',
    });
    await assert.rejects(client.send(new GetLifecyclePolicyCommand({ repositoryName })), {
      name: 'LifecyclePolicyNotFoundException',
      message:
        `Lifecycle policy does not exist for the repository with name 'policies' in the registry with id ` +
        `'${ACCOUNT}'`,
    });
    const rule = {
      rulePriority: 1,
      selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 },
      action: { type: 'expire' },
    };
    const lifecyclePolicyText = JSON.stringify({ rules: [rule] });
    await client.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }));
    assert.equal(
      (await client.send(new GetLifecyclePolicyCommand({ repositoryName }))).lifecyclePolicyText,
      lifecyclePolicyText,
    );
    for (const wrong of ['{', '{"rules":[]}', JSON.stringify({ rules: [{ ...rule, rulePriority: 0 }] })])
      await assert.rejects(client.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: wrong })), {
        name: 'InvalidParameterException',
        message: /Lifecycle policy validation failure/,
      });
    await client.send(new DeleteLifecyclePolicyCommand({ repositoryName }));
    const policyText = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 'ecr:BatchGetImage' }],
    });
    await client.send(new SetRepositoryPolicyCommand({ repositoryName, policyText }));
    assert.equal((await client.send(new GetRepositoryPolicyCommand({ repositoryName }))).policyText, policyText);
    await assert.rejects(client.send(new SetRepositoryPolicyCommand({ repositoryName, policyText: '{}' })), {
      name: 'InvalidParameterException',
    });
    await client.send(new DeleteRepositoryPolicyCommand({ repositoryName }));
  });

  test('another account reaches what a repository policy opens, and nothing else', async () => {
    const client = own();
    await client.send(new CreateRepositoryCommand({ repositoryName: 'shared' }));
    assert.equal((await push(client, 'shared:1')).code, 0);
    const refused = await inspect(foreign(), 'shared:1');
    assert.match(refused.stderr, /denied|not authorized/);
    await assert.rejects(foreign().send(new DescribeImagesCommand({ registryId: ACCOUNT, repositoryName: 'shared' })), {
      name: 'AccessDeniedException',
      message: /not authorized to perform: ecr:DescribeImages on resource/,
    });
    // Whether it exists or not.
    assert.equal(
      (await inspect(foreign(), 'missing:1')).stderr.replaceAll(/missing/g, 'shared').replaceAll(/time="[^"]*"/g, ''),
      refused.stderr.replaceAll(/time="[^"]*"/g, ''),
    );
    await client.send(
      new SetRepositoryPolicyCommand({
        repositoryName: 'shared',
        policyText: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { AWS: `arn:aws:iam::${OTHER}:root` },
              Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:ListImages'],
            },
          ],
        }),
      }),
    );
    const allowed = await inspect(foreign(), 'shared:1');
    assert.equal(allowed.code, 0, allowed.stderr);
    const pushed = await push(foreign(), 'shared:2');
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.stderr, /403 \(Forbidden\)|denied/);
  });

  test("a user's policies hold at both doors", async () => {
    const client = own();
    for (const repositoryName of ['ours/app', 'theirs/app'])
      await client.send(new CreateRepositoryCommand({ repositoryName }));
    const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/pusher`, [
      { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
      { Effect: 'Allow', Action: 'ecr:*', Resource: `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/ours/*` },
    ]);
    const user = clientOf(key);
    const good = await push(user, 'ours/app:1');
    assert.equal(good.code, 0, good.stderr);
    const bad = await push(user, 'theirs/app:1');
    assert.match(bad.stderr, /403 \(Forbidden\)|denied/);
    await assert.rejects(user.send(new ListImagesCommand({ repositoryName: 'theirs/app' })), {
      name: 'AccessDeniedException',
    });
    // A layer of a repository that the user may not read is not mounted from there.
    assert.equal((await push(client, 'theirs/app:1', 'second')).code, 0);
    const layer = `sha256:${sha256(Buffer.alloc(10240))}`;
    const headers = basic(await passwordOf(user));
    const mounts = (from: string) =>
      ask(
        'POST',
        `/v2/${ACCOUNT}/${REGION}/ours/app/blobs/uploads/?mount=${layer}&from=${ACCOUNT}/${REGION}/${from}`,
        headers,
      );
    assert.equal((await mounts('theirs/app')).status, 202);
    assert.equal((await mounts('ours/app')).status, 201);
  });

  test('without a good password nothing is answered', async () => {
    const { sealer } = api.services.identities;
    const path = `/v2/${ACCOUNT}/${REGION}/shared/manifests/1`;
    const unsigned = await ask('GET', '/v2/');
    assert.equal(unsigned.status, 401);
    assert.equal(unsigned.headers['www-authenticate'], `Basic realm="${api.endpoint}/",service="ecr"`);
    assert.equal(codeOf(unsigned), 'UNAUTHORIZED');
    const good = await passwordOf(own());
    assert.equal((await ask('GET', '/v2/', basic(good))).status, 200);
    const changed = `${good.slice(0, -6)}${good.at(-6) === 'A' ? 'B' : 'A'}${good.slice(-5)}`;
    const expired = sealRegistryToken(sealer, { kind: 'caller', accessKeyId: 'AKIDTEST', expires: Date.now() - 1 });
    const unknown = sealRegistryToken(sealer, {
      kind: 'caller',
      accessKeyId: 'AKIDGONE',
      expires: Date.now() + 60_000,
    });
    const otherUse = sealer.seal(JSON.stringify({ kind: 'caller', accessKeyId: 'AKIDTEST', expires: 9e15 }), 'x');
    for (const [what, headers, status] of [
      ['changed', basic(changed), 401],
      ['expired', basic(expired), 403],
      ['of a key that is gone', basic(unknown), 401],
      ['sealed for another use', basic(otherUse), 401],
      ['of another user', { authorization: `Basic ${Buffer.from(`root:${good}`).toString('base64')}` }, 401],
      ['no password', { authorization: 'Bearer x' }, 401],
    ] as const)
      for (const each of ['/v2/', path]) {
        const answer = await ask('GET', each, headers);
        assert.equal(answer.status, status, `${what}: ${each}`);
        assert.ok(!answer.text.includes('config'), answer.text);
      }
  });

  test("the password of an image's push opens one repository, to push to", async () => {
    const { sealer } = api.services.identities;
    const headers = basic(
      sealRegistryToken(sealer, {
        kind: 'image',
        image: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/web/1.0.0/1`,
        repository: `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/kept`,
        expires: Date.now() + 60_000,
      }),
    );
    const at = (name: string, tail: string) => `/v2/${ACCOUNT}/${REGION}/${name}/${tail}`;
    assert.equal((await ask('POST', at('kept', 'blobs/uploads/'), headers)).status, 202);
    for (const [method, path] of [
      ['POST', at('shared', 'blobs/uploads/')],
      ['GET', at('shared', 'manifests/1')],
      ['GET', at('kept', 'tags/list')],
      ['DELETE', at('kept', 'manifests/1')],
    ] as const)
      assert.equal((await ask(method, path, headers)).status, 403, `${method} ${path}`);
  });

  test('odd names and large bodies are refused, and reach no other repository', async () => {
    const headers = basic(await passwordOf(own()));
    for (const path of [
      `/v2/../../etc/passwd`,
      `/v2/${ACCOUNT}/${REGION}/../shared/manifests/1`,
      `/v2/${ACCOUNT}/${REGION}/ours/%2e%2e/manifests/1`,
      `/v2/${ACCOUNT}/${REGION}/ours/app/blobs/../manifests/1`,
      `/v2/${ACCOUNT}/${REGION}/ours/app/manifests/..`,
      `/v2/${ACCOUNT}/${REGION}/ours/app/blobs/uploads/..%2f..%2fx`,
      `/v2/${ACCOUNT}/${REGION}/ours/app/blobs/sha256:${'../'.repeat(21)}x`,
      `/v2/_catalog`,
      `/v2//manifests/1`,
    ]) {
      const answer = await ask('GET', path, headers);
      assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status} ${answer.text}`);
      assert.match(codeOf(answer)!, /^(NAME_INVALID|NAME_UNKNOWN|UNSUPPORTED)$/);
    }
    const put = (body: Buffer | string, type = MANIFEST) =>
      ask('PUT', `/v2/${ACCOUNT}/${REGION}/ours/app/manifests/large`, { ...headers, 'content-type': type }, body);
    for (const body of [Buffer.alloc((4 << 20) + 1, 32), '{', '[]', '{"layers":[{"digest":"../x","size":1}]}'])
      assert.deepEqual(await put(body).then((answer) => [answer.status, codeOf(answer)]), [400, 'MANIFEST_INVALID']);
    assert.equal(codeOf(await put('{"layers":[]}', 'text/html')), 'MANIFEST_INVALID');
    const length = String(53_000 * 2 ** 20);
    const { status, headers: more } = await ask('POST', `/v2/${ACCOUNT}/${REGION}/ours/app/blobs/uploads/`, headers);
    assert.equal(status, 202);
    const location = String(more['location']);
    assert.match(location, new RegExp(`^/v2/${ACCOUNT}/${REGION}/ours/app/blobs/uploads/`));
    // The client says a length and sends nothing of it.
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(api.endpoint).port), '127.0.0.1', () =>
        socket.write(
          `PATCH ${location} HTTP/1.1\r\nhost: ${host()}\r\nauthorization: ${headers.authorization}\r\n` +
            `content-length: ${length}\r\n\r\n`,
        ),
      );
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
      socket.once('error', reject);
    });
    assert.match(said, /^HTTP\/1\.1 413 /);
    // An upload of one repository is none of another.
    const elsewhere = location.replace('/ours/app/', '/theirs/app/');
    const unknownUpload = await ask('PATCH', elsewhere, headers, 'x');
    assert.equal(unknownUpload.status, 404, unknownUpload.text);
  });

  test('other users of the host find no registry to speak to', async () => {
    const { stdout } = await run([
      'find',
      join(api.services.dataDirectory, 'registry'),
      '-maxdepth',
      '1',
      '-type',
      's',
    ]);
    assert.match(stdout, /\.sock\n$/);
    const nobody = await run(
      ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'ls', api.services.dataDirectory],
      { okCodes: 'any' },
    );
    assert.notEqual(nobody.code, 0);
  });

  test('garbage of deleted images and repositories is freed, and nothing else', async () => {
    const client = own();
    const collect = () => api.services.storage.collect({ olderThanSeconds: 0, hostCache: false });
    const blobs = async (): Promise<number> =>
      Number(
        (await run(['sh', '-c', 'find "$1" -name data -size +0 | wc -l', 'sh', api.services.dataDirectory])).stdout,
      );
    for (const repositoryName of ['heap/a1', 'heap/b2']) {
      await client.send(new CreateRepositoryCommand({ repositoryName }));
      assert.equal(
        (await push(client, `${repositoryName}:1`, repositoryName === 'heap/a1' ? 'image' : 'third')).code,
        0,
      );
    }
    await client.send(new DeleteRepositoryCommand({ repositoryName: 'heap/b2', force: true }));
    const before = await blobs();
    // Uploads that other tests began and gave up look like pushes.
    assert.equal((await collect()).bytes, 0);
    assert.equal(await blobs(), before);
    await api.restart();
    await collect();
    assert.ok((await blobs()) < before);
    const there = await inspect(own(), 'heap/a1:1');
    assert.equal(there.code, 0, there.stderr);
    await run(
      [
        'skopeo',
        '--insecure-policy',
        'copy',
        '--src-tls-verify=false',
        `--src-creds=AWS:${await passwordOf(own())}`,
        `docker://${uriOf('heap/a1:1')}`,
        'oci:pulled',
      ],
      { cwd: folder },
    );
    assert.equal((await push(own(), 'heap/a1:again')).code, 0);
  });

  test('calls at both doors are in the audit log, without passwords', async () => {
    const password = await passwordOf(own());
    await ask('GET', `/v2/${ACCOUNT}/${REGION}/shared/manifests/none`, basic(password));
    const events: { readonly eventName?: string; readonly errorCode?: string }[] = [];
    for await (const event of recordsOf<{ readonly eventName?: string; readonly errorCode?: string }>(
      await signedRequest(api.connectionOf('same'), { method: 'GET', path: '/ingot/audit' }),
    ))
      events.push(event);
    const text = JSON.stringify(events);
    for (const name of ['CreateRepository', 'PutImage', 'InitiateLayerUpload', 'GetAuthorizationToken', 'RegistryPing'])
      assert.ok(text.includes(`"eventName":"${name}"`), name);
    assert.ok(events.some(({ eventName, errorCode }) => eventName === 'BatchGetImage' && errorCode !== undefined));
    assert.ok(!text.includes(password));
  });
});
