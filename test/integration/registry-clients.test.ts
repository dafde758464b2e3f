/** The registry and Amazon ECR as people use them: the AWS CLI, boto3, docker, skopeo and buildah. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findProgram } from '../../src/platform/files.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { writeLayout } from '../harness/oci-layout.ts';
import { run } from '../harness/processes.ts';

describe('clients of the registry', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-registry-clients-'));
  const aws = findProgram('aws');
  let api: TestApi;
  let digest: string;

  before(async () => {
    api = await startApi();
    digest = writeLayout(join(folder, 'image'));
  });
  after(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const host = (): string => new URL(api.endpoint).host;
  const address = (name: string): string => `${host()}/${ACCOUNT}/${REGION}/${name}`;
  const environment = (): Record<string, string> => {
    const { credentials } = api.connectionOf('same');
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      DOCKER_CONFIG: join(folder, 'docker'),
      REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
      AWS_ENDPOINT_URL: api.endpoint,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_PAGER: '',
    };
  };
  const sh = (script: string, ...argv: string[]) =>
    run(['bash', '-euo', 'pipefail', '-c', script, 'bash', ...argv], {
      env: environment(),
      cwd: folder,
      timeoutMs: 120_000,
      okCodes: 'any',
    });
  async function good(script: string, ...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await sh(script, ...argv);
    assert.equal(code, 0, `${script}\n${stdout}\n${stderr}`);
    return stdout;
  }

  test('the AWS CLI makes a repository and logs skopeo in; what is pushed is pulled under its digest', async (t) => {
    if (aws === undefined) return t.skip('the AWS CLI is not on this machine (pipx install awscli)');
    const uri = (
      await good('aws ecr create-repository --repository-name cli/web --query repository.repositoryUri --output text')
    ).trim();
    assert.equal(uri, address('cli/web'));
    await good(
      'aws ecr get-login-password | skopeo login --tls-verify=false --username AWS --password-stdin "$1"',
      host(),
    );
    await good(
      'skopeo --insecure-policy copy --preserve-digests --dest-tls-verify=false oci:image docker://"$1":1.0',
      uri,
    );
    await good(
      'skopeo --insecure-policy copy --preserve-digests --src-tls-verify=false docker://"$1":1.0 oci:back',
      uri,
    );
    const index = JSON.parse(readFileSync(join(folder, 'back/index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    assert.equal(index.manifests[0]?.digest, digest);
    const described = JSON.parse(await good('aws ecr describe-images --repository-name cli/web')) as {
      imageDetails: { imageDigest: string; imageTags: string[] }[];
    };
    assert.deepEqual(
      described.imageDetails.map(({ imageDigest, imageTags }) => [imageDigest, imageTags]),
      [[digest, ['1.0']]],
    );
    // The recipe of AWS's guide for another tag.
    await good(
      `manifest=$(aws ecr batch-get-image --repository-name cli/web --image-ids imageTag=1.0 \
        --query 'images[].imageManifest' --output text)
       aws ecr put-image --repository-name cli/web --image-tag stable --image-manifest "$manifest"`,
    );
    const full = await sh('aws ecr delete-repository --repository-name cli/web');
    assert.match(full.stderr, /\(RepositoryNotEmptyException\).*still contains images/);
    const ids = 'imageTag=1.0';
    assert.match(
      await good('aws ecr batch-delete-image --repository-name cli/web --image-ids "$1"', ids),
      /stable|1\.0/,
    );
    await good('aws ecr delete-repository --repository-name cli/web --force');
    const gone = await sh('aws ecr list-images --repository-name cli/web');
    assert.match(gone.stderr, /\(RepositoryNotFoundException\)/);
  });

  test('buildah builds, pushes and pulls', async (t) => {
    if (aws === undefined) return t.skip('the AWS CLI is not on this machine (pipx install awscli)');
    await good('aws ecr create-repository --repository-name built/app');
    await good(
      'aws ecr get-login-password | buildah login --tls-verify=false --username AWS --password-stdin "$1"',
      host(),
    );
    writeFileSync(join(folder, 'file'), 'content');
    const buildah = `buildah() {
        command buildah --root "$PWD/store" --runroot "$PWD/run" --storage-driver vfs "$@"
      }`;
    await good(
      `${buildah}
       container=$(buildah from scratch)
       buildah copy "$container" file /file
       buildah commit --format docker "$container" made
       buildah push --tls-verify=false made docker://"$1":docker
       buildah rmi --all --force
       buildah pull --tls-verify=false "$1":docker`,
      address('built/app'),
    );
    const seen = JSON.parse(await good('aws ecr describe-images --repository-name built/app')) as {
      imageDetails: { imageManifestMediaType: string; imageSizeInBytes: number }[];
    };
    assert.equal(seen.imageDetails[0]?.imageManifestMediaType, 'application/vnd.docker.distribution.manifest.v2+json');
    assert.ok(seen.imageDetails[0]!.imageSizeInBytes > 0);
  });

  test('docker logs in, and is told when a password is wrong', async (t) => {
    if (findProgram('docker') === undefined || aws === undefined)
      return t.skip('docker and the AWS CLI are not on this machine');
    const running = await sh('docker info');
    if (running.code !== 0) return t.skip(`docker has no daemon here: ${running.stderr.trim().split('\n')[0]}`);
    const said = await good(
      'aws ecr get-login-password | docker login --username AWS --password-stdin "$1" 2>/dev/null',
      host(),
    );
    assert.match(said, /Login Succeeded/);
    const wrong = await sh('echo wrong | docker login --username AWS --password-stdin "$1"', host());
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /unauthorized|Not Authorized/i);
  });

  test('boto3 pages through repositories, and knows the errors by their classes', async (t) => {
    const python = findProgram('python3');
    const has = python !== undefined && (await run([python, '-c', 'import boto3'], { okCodes: 'any' })).code === 0;
    if (!has) return t.skip('python3 with boto3 is not on this machine (pip install boto3)');
    writeFileSync(
      join(folder, 'ecr.py'),
      `
import boto3, base64, json
ecr = boto3.client('ecr')
for name in ('py/a1', 'py/b2', 'py/c3'):
    ecr.create_repository(repositoryName=name, imageTagMutability='IMMUTABLE')
pages = ecr.get_paginator('describe_repositories').paginate(PaginationConfig={'PageSize': 1})
names = [r['repositoryName'] for page in pages for r in page['repositories'] if r['repositoryName'].startswith('py/')]
known = []
for call in (
    lambda: ecr.create_repository(repositoryName='py/a1'),
    lambda: ecr.list_images(repositoryName='none'),
    lambda: ecr.get_lifecycle_policy(repositoryName='py/a1'),
    lambda: ecr.describe_images(repositoryName='py/a1', imageIds=[{'imageTag': 'none'}]),
    lambda: ecr.put_image_tag_mutability(repositoryName='py/a1', imageTagMutability='SOMETIMES'),
):
    try: call()
    except ecr.exceptions.ClientError as error: known.append(type(error).__name__)
user = base64.b64decode(ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']).split(b':')[0]
print(json.dumps([names, known, user.decode()]))
`,
    );
    assert.deepEqual(JSON.parse(await good('"$1" ecr.py', python)), [
      ['py/a1', 'py/b2', 'py/c3'],
      [
        'RepositoryAlreadyExistsException',
        'RepositoryNotFoundException',
        'LifecyclePolicyNotFoundException',
        'ImageNotFoundException',
        'InvalidParameterException',
      ],
      'AWS',
    ]);
  });
});
