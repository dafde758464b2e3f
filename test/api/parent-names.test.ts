/** Names in people's files: what a parent image and a managed component mean, and what is refused with the way out. */
import {
  CreateImageRecipeCommand,
  GetComponentCommand,
  GetImageCommand,
  GetImageRecipeCommand,
  ListComponentsCommand,
  ListImagesCommand,
  type CreateImageRecipeCommandInput,
} from '@aws-sdk/client-imagebuilder';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { insertAmi } from '../../src/catalog/amis.ts';
import { createImage, transitionImage } from '../../src/catalog/images.ts';
import { namedImages, parentNames } from '../../src/images/names/names.ts';
import { ACCOUNT, documentOf, REGION, startApi, type TestApi } from './server.ts';

const AMI = 'ami-0aaaaaaaaaaaaaaaa';
const folder = mkdtempSync(join(tmpdir(), 'ingot-names-'));
let api: TestApi;
let recipes = 0;

before(async () => {
  const file = join(folder, 'python.yaml');
  writeFileSync(file, documentOf('apt-get install -y python3'));
  api = await startApi(
    {
      names: {
        accounts: {},
        organizations: {},
        parentImages: {
          'amazon-linux-2-x86': AMI,
          'suse-linux-enterprise-server-15-x86': 'image/golden/x.x.x',
          'our-own-name': 'debian-12-x86',
          'red-hat-enterprise-linux-9-x86': 'red-hat-enterprise-linux-8-x86',
          'one-way': 'the-other',
          'the-other': 'one-way',
          'debian-13-x86': 'debian-13-x86',
          'ami-0cccccccccccccccc': 'debian-12-x86',
          'ami-0dddddddddddddddd': 'ami-0eeeeeeeeeeeeeeee',
          'ami-0eeeeeeeeeeeeeeee': 'ami-0dddddddddddddddd',
        },
        managedComponents: {
          'python-3-linux': [
            { file, version: '1.2.3', platform: 'Linux' },
            { file, version: '1.1.0', platform: 'Linux' },
          ],
        },
        parameters: { '/golden/base': AMI, '/golden/name': 'debian-12-x86', circle: 'ami-0bbbbbbbbbbbbbbbb' },
        vendors: {},
      },
    },
    namedImages,
  );
  await insertAmi(api.catalog.db, {
    id: AMI,
    region: REGION,
    account: ACCOUNT,
    name: 'n',
    description: null,
    image_arn: 'arn',
    layer_id: null,
    file: 'f',
    state: 'available',
    tags: '{}',
    platform: 'Linux',
    os_version: 'Amazon Linux 2',
    architecture: 'x86_64',
    created: '2026-01-01T00:00:00.000Z',
  });
});
after(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const managed = (name: string): string => `arn:aws:imagebuilder:${REGION}:aws:image/${name}/x.x.x`;
const recipe = (more: Partial<CreateImageRecipeCommandInput>) =>
  api.client.send(
    new CreateImageRecipeCommand({
      name: `recipe-${++recipes}`,
      semanticVersion: '1.0.0',
      parentImage: managed('debian-12-x86'),
      ...more,
    }),
  );
const refused = (work: Promise<unknown>, message: RegExp) =>
  assert.rejects(work, { name: 'InvalidParameterValueException', message });

/** An image of the account, as an import leaves it. */
async function imported(slug: string, buildType: 'IMPORT' | 'USER_INITIATED'): Promise<string> {
  const { arn } = await api.catalog.transaction((trx) =>
    createImage(trx, {
      place: { account: ACCOUNT, region: REGION },
      slug,
      version: { major: 1, minor: 0, patch: 0 },
      image: { type: 'AMI', name: slug, platform: 'Linux', osVersion: 'Red Hat Enterprise Linux 8', buildType },
    }),
  );
  for (const to of ['CREATING', 'AVAILABLE'] as const)
    await api.catalog.transaction((trx) => transitionImage(trx, arn, to));
  return arn;
}

describe('a parent image', () => {
  test('of every name is taken, or refused with the command that supplies it', async () => {
    for (const { name, supply, type } of parentNames) {
      if (supply.kind === 'made' && type === 'DOCKER')
        await refused(
          recipe({ parentImage: managed(name) }),
          /is a container image, and an AMI cannot be built on it: use it in a container recipe\./,
        );
      else if (supply.kind !== 'refused') await recipe({ parentImage: managed(name) });
      else if (
        !['amazon-linux-2-x86', 'suse-linux-enterprise-server-15-x86', 'red-hat-enterprise-linux-9-x86'].includes(name)
      ) {
        await refused(
          recipe({ parentImage: managed(name) }),
          type === 'DOCKER'
            ? /It is a container image: a container recipe names it as '[a-z.]+\//
            : new RegExp(
                `'${name}' .*is not available here\\. ` +
                  `[A-Z].*${supply.canRun ? `\\./ingot import FILE --name ${name}.*or set` : 'Set'} ` +
                  'parentImages: ' +
                  `\\{${name}: ami-…\\} in config\\.yaml`,
              ),
        );
      }
    }
  });

  test('that is unknown is refused with the known ones', async () => {
    await refused(
      recipe({ parentImage: managed('plan-9-x86') }),
      /Unknown managed image 'plan-9-x86'.*\.\/ingot import FILE --name plan-9-x86.*Available parent images: .*debian-12-x86/,
    );
  });

  test('that is nearly right is refused with the right one', async () => {
    await refused(
      recipe({ parentImage: managed('debain-12-x86') }),
      /Unknown managed image 'debain-12-x86'\. Did you mean 'debian-12-x86'\? Import its disk/,
    );
  });

  test('is what the configuration says; without a value the error says how to set it', async () => {
    const { imageRecipeArn } = await recipe({ parentImage: managed('amazon-linux-2-x86') });
    assert.ok(imageRecipeArn);
    await recipe({ parentImage: managed('our-own-name') });
    await recipe({ parentImage: managed('debian-13-x86') });
    await refused(
      recipe({ parentImage: managed('suse-linux-enterprise-server-15-x86') }),
      new RegExp(
        'suse-linux-enterprise-server-15-x86 is image/golden/x\\.x\\.x by config\\.yaml: No ' +
          `build of 'arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/golden/x\\.x\\.x'`,
      ),
    );
    await refused(
      recipe({ parentImage: managed('red-hat-enterprise-linux-9-x86') }),
      /red-hat-enterprise-linux-9-x86 is red-hat-enterprise-linux-8-x86 by config\.yaml: The managed image 'red-hat-enterprise-linux-8-x86'/,
    );
    await refused(
      recipe({ parentImage: managed('one-way') }),
      /one-way is the-other by config\.yaml, the-other is one-way by config\.yaml: Unknown managed image/,
    );
  });

  test('by an AMI of AWS is what the configuration says; without a value the error says how to set it', async () => {
    const { imageRecipeArn } = await recipe({ parentImage: 'ami-0cccccccccccccccc' });
    const { imageRecipe: stored } = await api.client.send(new GetImageRecipeCommand({ imageRecipeArn }));
    assert.equal(stored?.parentImage, 'ami-0cccccccccccccccc');
    await refused(
      recipe({ parentImage: 'ami-0123456789abcdef0' }),
      /The AMI 'ami-0123456789abcdef0' does not exist in .*set parentImages: \{ami-0123456789abcdef0: debian-12-x86\}/,
    );
    await refused(
      recipe({ parentImage: 'ami-0dddddddddddddddd' }),
      /ami-0d+ is ami-0e+ by config\.yaml, ami-0e+ is ami-0d+ by config\.yaml: The AMI 'ami-0d+' does not exist/,
    );
  });

  test('is what was imported under its name, and nothing else of that name', async () => {
    const name = 'red-hat-enterprise-linux-8-x86';
    await imported(name, 'USER_INITIATED');
    await refused(recipe({ parentImage: managed(name) }), /is not available here/);
    await imported(name, 'IMPORT');
    await recipe({ parentImage: managed(name) });
    await recipe({ parentImage: managed('red-hat-enterprise-linux-9-x86') });
    await assert.rejects(
      api
        .clientOf('other', REGION)
        .send(new CreateImageRecipeCommand({ name: 'other', semanticVersion: '1.0.0', parentImage: managed(name) })),
      /is not available here/,
    );
  });

  test('by a parameter: one of the configuration, a public one of AWS, by name and by ARN', async () => {
    for (const parameter of [
      '/golden/base',
      '/golden/name',
      `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/golden/base`,
      '/aws/service/debian/release/12/latest/amd64',
      '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    ]) {
      await recipe({ parentImage: `ssm:${parameter}` });
    }
    await refused(
      recipe({ parentImage: 'ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64' }),
      /\(parameters: \{\/aws\/\S+minimal\S+: amazon-linux-2023-x86\}, which is Amazon Linux 2023\)/,
    );
    await refused(recipe({ parentImage: 'prod-1234567890abc' }), /is a product of AWS Marketplace, which only AWS has/);
    await refused(
      recipe({ parentImage: 'ssm:/nothing' }),
      /parameter '\/nothing' has no value here.*parameters: \{\/nothing: ami-…\}/,
    );
    await refused(
      recipe({ parentImage: 'ssm:circle' }),
      /the parameter circle is ami-0bbbbbbbbbbbbbbbb: The AMI .* does not exist/,
    );
    await refused(
      recipe({ parentImage: 'ssm:/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base' }),
      /is windows-server-2022-english-full-base-x86: .*Microsoft.*--platform Windows --os-version "Microsoft Windows Server 2022"/,
    );
  });
});

describe('images of Amazon', () => {
  test('are listed when they can be built on', async () => {
    const listed: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await api.client.send(
        new ListImagesCommand({ owner: 'Amazon', ...(nextToken === undefined ? {} : { nextToken }) }),
      );
      listed.push(...page.imageVersionList!.map(({ name }) => name!));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    for (const name of ['debian-12-x86', 'ubuntu-server-24-lts-x86', 'amazon-linux-2023-x86', 'amazon-linux-2-x86'])
      assert.ok(listed.includes(name), name);
    for (const name of [
      'windows-server-2022-english-full-base-x86',
      'macos-sonoma-x86',
      'amazon-linux-x86-latest',
      'amazon-linux-2023-arm64',
    ])
      assert.ok(!listed.includes(name), name);
  });

  test('tell what they are, or why they are not', async () => {
    const get = async (name: string) =>
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: managed(name) }))).image!;
    assert.deepEqual(
      (({ name, osVersion, platform, version }) => [name, osVersion, platform, version])(
        await get('ubuntu-server-24-lts-x86'),
      ),
      ['Ubuntu Server 24 LTS x86', 'Ubuntu 24.04', 'Linux', '2026.11.20/1'],
    );
    assert.equal((await get('our-own-name')).osVersion, 'Debian 12');
    const mapped = await get('amazon-linux-2-x86');
    assert.deepEqual(
      [mapped.arn, mapped.name, mapped.version, mapped.dateCreated, mapped.osVersion],
      [
        managed('amazon-linux-2-x86').replace('x.x.x', '2026.1.1/1'),
        'Amazon Linux 2 x86',
        '2026.1.1/1',
        '2026-01-01T00:00:00.000Z',
        'Amazon Linux 2',
      ],
    );
    assert.deepEqual(mapped.outputResources, { amis: [{ region: REGION, image: AMI, name: 'n' }] });
    const { imageVersionList = [] } = await api.client.send(new ListImagesCommand({ owner: 'Amazon' }));
    for (const { arn, osVersion, platform } of imageVersionList) {
      const image = (await api.client.send(new GetImageCommand({ imageBuildVersionArn: arn! }))).image!;
      assert.deepEqual([image.osVersion, image.platform], [osVersion, platform], arn);
      assert.match(image.arn!, /\/\d+\.\d+\.\d+\/1$/);
      assert.match(image.version!, /^\d+\.\d+\.\d+\/1$/);
      assert.ok(!Number.isNaN(Date.parse(image.dateCreated!)));
      assert.equal(image.outputResources?.amis?.length, 1, arn);
      // Its own ARN finds it.
      assert.deepEqual((await api.client.send(new GetImageCommand({ imageBuildVersionArn: image.arn! }))).image, image);
    }
    await assert.rejects(get('windows-server-2022-english-full-base-x86'), {
      name: 'ResourceNotFoundException',
      message:
        /does not exist\. .*\.\/ingot import FILE --name windows-server-2022-english-full-base-x86 --platform Windows/,
    });
  });
});

describe('a managed component', () => {
  const component = (name: string): string => `arn:aws:imagebuilder:${REGION}:aws:component/${name}/x.x.x`;

  test('that AWS has and Ingot has not is refused with the line that supplies it', async () => {
    await refused(
      recipe({ components: [{ componentArn: component('amazon-corretto-11') }] }),
      /components\[0\]\.componentArn.*AWS publishes it.*managedComponents: \{amazon-corretto-11: \{file: \/PATH\/amazon-corretto-11\.yaml\}\}/,
    );
    await refused(
      recipe({ components: [{ componentArn: component('nobodys-component') }] }),
      /'arn:[^']*nobodys-component\/x\.x\.x' does not exist\.$/,
    );
    await assert.rejects(
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: component('stig-build-windows-high') })),
      { name: 'ResourceNotFoundException', message: /platform: Windows/ },
    );
  });

  test('is the document that the configuration names', async () => {
    await recipe({ components: [{ componentArn: component('python-3-linux') }] });
    const found = (
      await api.client.send(new GetComponentCommand({ componentBuildVersionArn: component('python-3-linux') }))
    ).component!;
    assert.deepEqual([found.version, found.owner], ['1.2.3', 'Amazon']);
    assert.match(found.description!, /by this server's configuration/);
    const { componentVersionList } = await api.client.send(
      new ListComponentsCommand({ owner: 'Amazon', filters: [{ name: 'name', values: ['python-3-linux'] }] }),
    );
    assert.deepEqual(
      componentVersionList!.map(({ version }) => version),
      ['1.1.0', '1.2.3'],
    );
    for (const [asked, meant] of [
      ['1.1.x', '1.1.0'],
      ['1.1.0/1', '1.1.0'],
      ['3.8.2/4', '1.2.3'],
    ] as const) {
      const componentBuildVersionArn = component('python-3-linux').replace('x.x.x', asked);
      const { component: pinned } = await api.client.send(new GetComponentCommand({ componentBuildVersionArn }));
      assert.equal(pinned!.version, meant, asked);
      await recipe({ components: [{ componentArn: componentBuildVersionArn }] });
    }
  });
});
