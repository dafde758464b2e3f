/**
 * Instance profiles and networks belong to accounts: at create, at launch, and again when an image or an instance
 * begins.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  AccessDeniedException,
  CreateComponentCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  GetImageCommand,
  UpdateInfrastructureConfigurationCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { insertAmi } from '../../src/catalog/amis.ts';
import { getInstance, insertInstance } from '../../src/catalog/instances.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { makeLaunched } from '../../src/worker/launches.ts';
import { runImage } from '../../src/workflows/stages/run-image.ts';
import { DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

const OTHER = '210987654321';
const CREDENTIALS = 'credentials: {accessKeyId: AKIDOUTSIDE, secretAccessKey: secret}';

let api: TestApi;
let other: ImagebuilderClient;
before(async () => {
  api = await startApi();
  other = api.clientOf('other', REGION);
});
after(() => api.close());

function configure(text: string): void {
  writeFileSync(join(api.catalog.dataDirectory, 'config.yaml'), text);
}

const CLOSED = `
instanceProfiles: {builds: {${CREDENTIALS}}}
networks: {default: none, subnets: {subnet-1: lab}, securityGroups: {sg-1: lab}, profiles: {lab: {access: full}}}
`;
const OPEN = `
instanceProfiles: {builds: {${CREDENTIALS}, accounts: ['${OTHER}']}}
networks:
  {default: none, subnets: {subnet-1: lab}, securityGroups: {sg-1: lab},
   profiles: {lab: {access: full, accounts: ['${OTHER}']}}}
`;
const PROFILE =
  /the instance profile 'builds' is not open to account 210987654321: .* instanceProfiles\.builds\.accounts in config\.yaml/;
const NETWORK =
  /in the network profile 'lab', is not open to account 210987654321: .* networks\.profiles\.lab\.accounts in config\.yaml/;

let made = 0;
const create = async (client: ImagebuilderClient, settings: object): Promise<string> =>
  (
    await client.send(
      new CreateInfrastructureConfigurationCommand({
        name: `infrastructure ${++made}`,
        instanceProfileName: 'free',
        ...settings,
      }),
    )
  ).infrastructureConfigurationArn!;

const refused =
  (message: RegExp) =>
  (error: Error): boolean =>
    error instanceof AccessDeniedException && message.test(error.message);

const wishes: readonly (readonly [settings: object, message: RegExp])[] = [
  [{ instanceProfileName: 'builds' }, PROFILE],
  [{ securityGroupIds: ['sg-1'] }, NETWORK],
  [{ securityGroupIds: ['sg-9'], subnetId: 'subnet-1' }, NETWORK],
];

test('at create and at update: another account is refused until the operator names it', async () => {
  configure(CLOSED);
  const theirs = await create(other, {});
  for (const [settings, message] of wishes) {
    await assert.rejects(create(other, settings), refused(message));
    await assert.rejects(
      other.send(
        new UpdateInfrastructureConfigurationCommand({
          infrastructureConfigurationArn: theirs,
          instanceProfileName: 'free',
          ...settings,
        }),
      ),
      refused(message),
    );
    // The account of the first key pair has what names no account.
    await create(api.client, settings);
  }
  configure(OPEN);
  for (const [settings, message] of wishes) {
    await create(other, settings);
    // A list is the whole list.
    await assert.rejects(
      create(api.client, settings),
      (error: Error) => error instanceof AccessDeniedException && !message.test(error.message),
    );
  }
});

test('when the image begins: an account that is not named any more is refused', async () => {
  configure(OPEN);
  const component = (
    await other.send(
      new CreateComponentCommand({
        name: 'component',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: documentOf('true'),
      }),
    )
  ).componentBuildVersionArn!;
  const recipe = (
    await other.send(
      new CreateImageRecipeCommand({
        name: 'recipe',
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn: component }],
      }),
    )
  ).imageRecipeArn!;
  const images: string[] = [];
  for (const [settings] of wishes) {
    const infrastructureConfigurationArn = await create(other, settings);
    images.push(
      (await other.send(new CreateImageCommand({ imageRecipeArn: recipe, infrastructureConfigurationArn })))
        .imageBuildVersionArn!,
    );
  }
  configure(CLOSED);
  for (const [index, arn] of images.entries()) {
    const never = new AbortController().signal;
    await runImage({ catalog: api.catalog, dataDirectory: api.catalog.dataDirectory, arn, signal: never, over: never });
    const { image } = await other.send(new GetImageCommand({ imageBuildVersionArn: arn }));
    assert.equal(image?.state?.status, 'FAILED');
    assert.match(image?.state?.reason ?? '', wishes[index]![1]);
  }
});

test('when an instance is launched, and when it begins', async () => {
  configure(CLOSED);
  await insertAmi(api.catalog.db, {
    id: 'ami-0123456789abcdef0',
    region: REGION,
    account: OTHER,
    name: 'web',
    description: null,
    image_arn: `arn:aws:imagebuilder:${REGION}:${OTHER}:image/web/1.0.0/1`,
    layer_id: null,
    file: 'x',
    state: 'available',
    tags: '{}',
    platform: 'Linux',
    os_version: null,
    architecture: 'x86_64',
    created: '2026-11-20T12:00:00.000Z',
  });
  const launch = (profile: string) =>
    signedJson(api.connectionOf('other'), {
      method: 'POST',
      path: '/ingot/instances',
      body: { image: 'ami-0123456789abcdef0', publish: [], sshKeys: [], instanceProfile: profile },
    });
  await assert.rejects(
    launch('builds'),
    (error: Error & { code?: string }) => error.code === 'AccessDeniedException' && PROFILE.test(error.message),
  );
  await assert.rejects(launch('unknown'), /'unknown' has no credentials/);
  configure(OPEN);
  await launch('builds');
  configure(CLOSED);
  const id = 'i-0123456789abcdef0';
  await insertInstance(api.catalog.db, {
    id,
    purpose: 'launch',
    account: OTHER,
    region: REGION,
    image_arn: null,
    ami_id: 'ami-0123456789abcdef0',
    driver: 'qemu',
    instance_type: 't3.micro',
    state: 'pending',
    reason: null,
    handle: null,
    request: JSON.stringify({ publish: [], sshKeys: [], instanceProfile: 'builds' }),
    created: new Date().toISOString(),
    kept_until: null,
  });
  await makeLaunched(api.catalog, (await getInstance(api.catalog.db, id))!, new AbortController().signal);
  const { state, reason } = (await getInstance(api.catalog.db, id))!;
  assert.equal(state, 'failed');
  assert.match(reason ?? '', PROFILE);
});
