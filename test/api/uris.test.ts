/**
 * Documents that requests and templates name by `uri`: read from a server that speaks S3, with the credentials of an
 * instance profile of `config.yaml`, as far as the caller's policies allow it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateContainerRecipeCommand,
  CreateWorkflowCommand,
  GetComponentCommand,
  GetContainerRecipeCommand,
  GetWorkflowCommand,
  ImportComponentCommand,
  type CreateComponentCommandInput,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import type { DryRunAnswer } from '../../src/api/dry-run/answers.ts';
import { deployResource } from '../../src/commands/deploy/deploy.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { parseTemplate, planTemplate, resolveResource } from '../../src/templates/template.ts';
import { s3Server, type S3Server } from '../harness/s3-server.ts';
import { ACCOUNT, addUser, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

const USER = { accessKeyId: 'AKIDS3', secretAccessKey: 'of-s3' };
const DOCKERFILE =
  'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n';
const WORKFLOW = `schemaVersion: 1.0
steps:
  - name: Launch
    action: LaunchInstance
    onFailure: Abort
    inputs: {waitFor: ssmAgent}
`;

let api: TestApi;
let s3: S3Server;
const folder = mkdtempSync(join(tmpdir(), 'ingot-uris-'));
before(async () => {
  api = await startApi();
  s3 = await s3Server(USER, { region: REGION });
});
after(async () => {
  await api.close();
  await s3.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => configure('uriProfiles: [reader]'));

/** @param more a line of config.yaml */
function configure(more: string, secret = USER.secretAccessKey): void {
  writeFileSync(
    join(api.catalog.dataDirectory, 'config.yaml'),
    `instanceProfiles:\n  reader:\n    credentials: {accessKeyId: ${USER.accessKeyId}, secretAccessKey: ${secret}}\n` +
      `    endpoints: {s3: '${s3.endpoint}'}\n${more}\n`,
  );
}

function put(key: string, content: string | Buffer): string {
  s3.objects.set(`docs/${key}`, Buffer.from(content));
  return `s3://docs/${key}`;
}

function component(name: string, uri: string, more: Partial<CreateComponentCommandInput> = {}, client = api.client) {
  const input = { name, semanticVersion: '1.0.0', platform: 'Linux', uri, ...more } as const;
  return client.send(new CreateComponentCommand(input));
}

const refusedFor = (message: RegExp, name = 'InvalidParameterValueException') => ({ name, message });

describe('a uri', () => {
  test('of each kind is read once, and its text is what Get returns', async () => {
    const long = documentOf('true', `description: ${'x'.repeat(40_000)}\n`);
    const uri = put('a b/c+d%20e.yaml', long);
    const { componentBuildVersionArn } = await component('by-uri', uri);
    const found = await api.client.send(new GetComponentCommand({ componentBuildVersionArn }));
    assert.equal(found.component!.data, long);

    const { workflowBuildVersionArn } = await api.client.send(
      new CreateWorkflowCommand({ name: 'by-uri', semanticVersion: '1.0.0', type: 'BUILD', uri: put('w', WORKFLOW) }),
    );
    const workflow = await api.client.send(new GetWorkflowCommand({ workflowBuildVersionArn }));
    assert.equal(workflow.workflow!.data, WORKFLOW);

    const { containerRecipeArn } = await api.client.send(
      new CreateContainerRecipeCommand({
        name: 'by-uri',
        semanticVersion: '1.0.0',
        containerType: 'DOCKER',
        parentImage: 'debian:12',
        dockerfileTemplateUri: put('Dockerfile', DOCKERFILE),
        targetRepository: { service: 'ECR', repositoryName: 'web' },
        components: [{ componentArn: `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x` }],
      }),
    );
    const recipe = await api.client.send(new GetContainerRecipeCommand({ containerRecipeArn }));
    assert.equal(recipe.containerRecipe!.dockerfileTemplateData, DOCKERFILE);

    const imported = await api.client.send(
      new ImportComponentCommand({
        name: 'script-by-uri',
        semanticVersion: '1.0.0',
        type: 'BUILD',
        format: 'SHELL',
        platform: 'Linux',
        uri: put('script.sh', 'echo imported\n'),
      }),
    );
    const script = await api.client.send(
      new GetComponentCommand({ componentBuildVersionArn: imported.componentBuildVersionArn }),
    );
    assert.match(script.component!.data!, /echo imported/);
  });

  test('is refused in words: form, missing, too long, no UTF-8, a faulty document', async () => {
    for (const [uri, message] of [
      [
        'https://example.com/c.yaml',
        /'uri' is not valid\. The URI 'https:.*' is not an object in S3\. .*s3:\/\/BUCKET/,
      ],
      ['http://169.254.169.254/latest', /is not an object in S3/],
      ['s3://docs/', /is not an object in S3/],
      ['s3://docs/../secrets/key', /is not an object in S3/],
      ['s3://docs/missing.yaml', /s3:\/\/docs\/missing\.yaml cannot be read: NoSuchKey: The specified key/],
      ['s3://nowhere/c.yaml', /cannot be read: NoSuchBucket/],
      [put('long', 'x'.repeat(65_537)), /has more than 65536 bytes/],
      [put('latin', Buffer.from([0x61, 0xe9, 0x0a])), /is not UTF-8: byte 0xe9 in line 1/],
      [put('bad', 'schemaVersion: 1.0\nphases: 1\n'), /'uri' is not valid\. The document has a fault[^]*2:9: error/],
    ] as const)
      await assert.rejects(component('refused', uri), refusedFor(message), uri);
    assert.ok(!s3.log.some((line) => line.includes('secrets')));
  });

  test('needs a profile that the account may use, and good credentials', async () => {
    const uri = put('plain.yaml', documentOf('true'));
    configure('uriProfiles: []');
    await assert.rejects(component('none', uri), refusedFor(/has no credentials to read .* uriProfiles: \[NAME\]/));
    configure('uriProfiles: [reader]');
    await assert.rejects(
      component('none', uri, {}, api.clientOf('other', REGION)),
      refusedFor(/no credentials to read .* for account 210987654321/),
    );
    configure('uriProfiles: [reader]', 'wrong');
    await assert.rejects(component('none', uri), (error: Error) => {
      assert.match(error.message, /cannot be read: SignatureDoesNotMatch/);
      return !error.message.includes('wrong');
    });
  });

  test('asks the policies of the caller for s3:GetObject on that object', async () => {
    const open = put('open/c.yaml', documentOf('true'));
    const closed = put('closed/c.yaml', documentOf('true'));
    const { accessKeyId, secretAccessKey } = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/reader`, [
      { Effect: 'Allow', Action: ['imagebuilder:*', 'ingot:DryRun'], Resource: '*' },
      { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::docs/open/*' },
    ]);
    const client: ImagebuilderClient = api.clientWith({ accessKeyId, secretAccessKey });
    await component('of-user', open, {}, client);
    const asked = s3.log.length;
    await assert.rejects(
      component('of-user-2', closed, {}, client),
      refusedFor(/s3:GetObject on resource: arn:aws:s3:::docs\/closed\/c\.yaml/, 'AccessDeniedException'),
    );
    const connection = { ...api.connectionOf('same'), credentials: { accessKeyId, secretAccessKey } };
    const [answer] = await dryRun([request('of-user-3', closed)], connection);
    assert.equal(answer!.faults![0]!.code, 'AccessDeniedException');
    assert.equal(s3.log.length, asked, 'S3 is not asked for what the caller may not read');
  });

  test('a client token gets its first answer, though the object has gone', async () => {
    const uri = put('gone.yaml', documentOf('true'));
    const first = await component('token', uri, { clientToken: 'of-uri' });
    s3.objects.delete('docs/gone.yaml');
    const second = await component('token', uri, { clientToken: 'of-uri' });
    assert.equal(second.componentBuildVersionArn, first.componentBuildVersionArn);
  });
});

const request = (name: string, uri: string) => ({
  id: name,
  operation: 'CreateComponent',
  input: { name, semanticVersion: '1.0.0', platform: 'Linux', uri },
});

async function dryRun(requests: readonly object[], connection = api.connectionOf('same')) {
  const body = { requests };
  const path = '/ingot/dry-run';
  return (await signedJson<{ answers: readonly DryRunAnswer[] }>(connection, { method: 'POST', path, body })).answers;
}

describe('a dry run', () => {
  test('reads what it names: unchanged, replaced, refused, and the rest is checked', async () => {
    const uri = put('dry.yaml', documentOf('echo one'));
    await component('dry', uri);
    const recipe = {
      id: 'recipe',
      operation: 'CreateImageRecipe',
      input: {
        name: 'dry-uri',
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:component/dry-missing/1.0.0/1` }],
      },
    };
    const before = await dryRun([request('dry', uri), request('dry-missing', 's3://docs/none'), recipe]);
    assert.deepEqual(
      before.map(({ action, faults }) => [action, faults?.map(({ path }) => path)]),
      [
        ['unchanged', undefined],
        ['refused', ['uri']],
        ['create', undefined],
      ],
    );
    put('dry.yaml', documentOf('echo two'));
    const [changed] = await dryRun([request('dry', uri)]);
    assert.deepEqual([changed!.action, changed!.changes], ['replace', ['data']]);
  });
});

describe('a template', () => {
  const deploy = (version: string) => {
    const plan = planTemplate(
      parseTemplate(`Resources:
  Web:
    Type: AWS::ImageBuilder::ContainerRecipe
    Properties:
      Name: of-template
      Version: ${version}
      ContainerType: DOCKER
      ParentImage: debian:12
      DockerfileTemplateUri: s3://docs/of-template
      TargetRepository: {Service: ECR, RepositoryName: web}
      Components: [{ComponentArn: !Sub 'arn:aws:imagebuilder:\${AWS::Region}:aws:component/hello-world-linux/x.x.x'}]
`),
      new Map(),
      { region: REGION, accountId: ACCOUNT, partition: 'aws', stackName: 's' },
    );
    const [resource] = plan.resources;
    return deployResource(
      {
        client: api.client,
        region: REGION,
        account: ACCOUNT,
        connection: api.connectionOf('same'),
        folder,
        signal: new AbortController().signal,
      },
      resource!,
      resolveResource(plan, resource!, new Map()),
    );
  };

  test('names a Dockerfile in S3: made once, and again when the object changes', async () => {
    put('of-template', DOCKERFILE);
    assert.equal((await deploy('1.0.x')).what, 'created');
    assert.equal((await deploy('1.0.x')).what, 'unchanged');
    put('of-template', `${DOCKERFILE}RUN true\n`);
    await assert.rejects(deploy('1.0.0'), /exists with different content \(dockerfileTemplateData\)/);
    const second = await deploy('1.0.x');
    assert.deepEqual([second.what, second.answers.attributes['Version']], ['created', '1.0.1']);
  });
});
