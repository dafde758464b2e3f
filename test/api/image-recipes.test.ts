/** Image recipes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  CreateImageRecipeCommand,
  DeleteImageCommand,
  DeleteImageRecipeCommand,
  GetImageRecipeCommand,
  ListImageRecipesCommand,
} from '@aws-sdk/client-imagebuilder';
import { insertAmi } from '../../src/catalog/amis.ts';
import { beginLayer } from '../../src/catalog/layers.ts';
import { amazon, fails, own, makersOf } from './makers.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const { component, recipe, image, move, unique } = makersOf(() => api);

describe('image recipes', () => {
  test('count their versions up', async () => {
    const name = unique('count');
    for (const [semanticVersion, expected] of [
      ['1.0.x', '1.0.0'],
      ['1.0.x', '1.0.1'],
      ['1.x.0', '1.1.0'],
      ['1.x.x', '1.2.0'],
      ['x.x.x', '2.0.0'],
      ['1.0.x', '1.0.2'],
    ] as const) {
      assert.equal((await recipe(name, { semanticVersion })).imageRecipeArn, own(`image-recipe/${name}/${expected}`));
    }
    await fails(
      recipe(name, { semanticVersion: '1.0.2' }),
      'ResourceAlreadyExistsException',
      new RegExp(`^The following resource 'ImageRecipe' already exists: '${own(`image-recipe/${name}/1.0.2`)}'\\.$`),
    );
    for (const semanticVersion of ['1.x.8', 'x.1.x'])
      await fails(recipe(name, { semanticVersion }), 'InvalidVersionNumberException');
    assert.equal(
      (await api.client.send(new GetImageRecipeCommand({ imageRecipeArn: own(`image-recipe/${name}/1.0.x`) })))
        .imageRecipe!.version,
      '1.0.2',
    );
    const { imageRecipeSummaryList } = await api.client.send(
      new ListImageRecipesCommand({ filters: [{ name: 'name', values: [name] }] }),
    );
    assert.deepEqual(
      imageRecipeSummaryList!.map(({ arn }) => arn!.split('/').at(-1)),
      ['1.0.0', '1.0.1', '1.0.2', '1.1.0', '1.2.0', '2.0.0'],
    );
  });

  test('refuse a parent image that is not there, and say what is', async () => {
    for (const parentImage of [
      'ami-0123456789abcdef0',
      amazon('image/debian-99-x86/x.x.x'),
      own('image/nothing/x.x.x'),
      'nonsense',
      'arn:aws:ec2:eu-west-1::image/ami-1',
      DEBIAN.replace(REGION, 'us-east-1'),
    ]) {
      await fails(
        recipe(unique('orphan'), { parentImage }),
        'InvalidParameterValueException',
        /'parentImage' is not valid.*aws:image\/debian-12-x86\/x\.x\.x/,
      );
    }
    await fails(
      recipe(unique('ssm'), { parentImage: 'ssm:/a/b' }),
      'InvalidParameterValueException',
      /parameter '\/a\/b' has no value here/,
    );
  });

  test("take an AMI and an image of one's own as parents", async () => {
    const ami: Parameters<typeof insertAmi>[1] = {
      id: 'ami-0aaaaaaaaaaaaaaaa',
      region: REGION,
      account: ACCOUNT,
      name: 'n',
      description: null,
      image_arn: own('image/x/1.0.0/1'),
      layer_id: null,
      file: 'f',
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: 'Debian 12',
      architecture: 'x86_64',
      created: '2026-01-01T00:00:00.000Z',
    };
    await insertAmi(api.catalog.db, ami);
    await recipe(unique('of-ami'), { parentImage: 'ami-0aaaaaaaaaaaaaaaa' });
    await fails(
      api.clientOf('other', REGION).send(
        new CreateImageRecipeCommand({
          name: unique('thief'),
          semanticVersion: '1.0.0',
          parentImage: 'ami-0aaaaaaaaaaaaaaaa',
        }),
      ),
      'InvalidParameterValueException',
    );

    const parent = await image();
    const anyBuild = parent.replace(/\/[^/]+\/\d+$/, '/x.x.x');
    await fails(recipe(unique('too-early'), { parentImage: anyBuild }), 'InvalidParameterValueException');
    await fails(recipe(unique('too-early'), { parentImage: parent }), 'InvalidParameterValueException', /PENDING/);
    await move(parent, 'CREATING', 'BUILDING', 'AVAILABLE');
    const { imageRecipeArn } = await recipe(unique('child'), { parentImage: anyBuild });
    await insertAmi(api.catalog.db, { ...ami, id: 'ami-0bbbbbbbbbbbbbbbb', image_arn: parent, state: 'deregistered' });
    await fails(
      recipe(unique('too-late'), { parentImage: anyBuild }),
      'InvalidParameterValueException',
      /was deregistered/,
    );
    await fails(
      api.client.send(new DeleteImageCommand({ imageBuildVersionArn: parent })),
      'ResourceDependencyException',
      /image-recipe\/child/,
    );
    await api.client.send(new DeleteImageRecipeCommand({ imageRecipeArn }));
    await api.client.send(new DeleteImageCommand({ imageBuildVersionArn: parent }));
  });

  test("refuse a root volume that is smaller than the parent's disk, with both sizes", async () => {
    const volume = (volumeSize: number, deviceName = '/dev/xvda') => [{ deviceName, ebs: { volumeSize } }];
    const smaller = (size: number, gib: string, parentImage: string) =>
      fails(
        recipe(unique('small'), { parentImage, blockDeviceMappings: volume(size) }),
        'InvalidParameterValueException',
        new RegExp(`'blockDeviceMappings' is not valid.*has ${size} GiB.*has ${gib} GiB \\(.*: give ${gib} or more`),
      );
    await smaller(1, '3', DEBIAN);
    await recipe(unique('equal'), { blockDeviceMappings: volume(3) });
    await recipe(unique('other-device'), { blockDeviceMappings: volume(1, '/dev/xvdb') });

    // The disk of an image of one's own, by its AMI and by its ARN.
    const parent = await image();
    await move(parent, 'CREATING', 'BUILDING', 'AVAILABLE');
    const file = 'size.qcow2';
    const disk = join(api.services.dataDirectory, file);
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '5G']);
    const ami = 'ami-0cccccccccccccccc';
    await beginLayer(api.catalog.db, { id: 'lay-size', parentId: null, path: file, origin: 'made' });
    await insertAmi(api.catalog.db, {
      id: ami,
      region: REGION,
      account: ACCOUNT,
      name: 'n',
      description: null,
      image_arn: parent,
      layer_id: 'lay-size',
      file,
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: 'Debian 12',
      architecture: 'x86_64',
      created: '2026-01-01T00:00:00.000Z',
    });
    for (const parentImage of [ami, parent]) {
      await smaller(4, '5', parentImage);
      await recipe(unique('equal'), { parentImage, blockDeviceMappings: volume(5) });
    }
    await api.catalog.db.updateTable('layers').set({ origin: 'trusted' }).where('id', '=', 'lay-size').execute();
    await recipe(unique('foreign'), { parentImage: ami, blockDeviceMappings: volume(4) });
  });

  test('check their components', async () => {
    const name = unique('greeter');
    await component(name, {
      data: documentOf('echo {{ Greeting }}', 'parameters:\n  - Greeting:\n      type: string\n'),
    });
    const componentArn = own(`component/${name}/1.x.x`);
    await fails(recipe(unique('r'), { components: [{ componentArn }] }), 'InvalidParameterValueException', /Greeting/);
    await recipe(unique('r'), { components: [{ componentArn, parameters: [{ name: 'Greeting', value: ['hello'] }] }] });
    await fails(
      recipe(unique('r'), {
        components: [1, 2].map(() => ({ componentArn, parameters: [{ name: 'Greeting', value: ['hello'] }] })),
      }),
      'InvalidParameterValueException',
      /once/,
    );
    await fails(
      recipe(unique('r'), {
        components: [{ componentArn: own('component/missing/1.0.0') }, { componentArn: own('component/absent/1.0.0') }],
      }),
      'InvalidParameterValueException',
      /missing[\s\S]*absent/,
    );
    await fails(
      recipe(unique('r'), { parentImage: amazon('image/windows-11/x.x.x') }),
      'InvalidParameterValueException',
      /for Linux, but the parent image is Windows/,
    );
    const many = [];
    for (let index = 0; index < 21; index++)
      many.push({ componentArn: (await component(unique('many'))).componentBuildVersionArn! });
    await fails(recipe(unique('r'), { components: many }), 'ServiceQuotaExceededException');
  });
});
