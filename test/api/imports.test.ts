/**
 * Imports on record: what a task names, and what ImportVmImage makes of it. The worker's part is in
 * test/integration/imports.test.ts.
 */
import {
  GetImageCommand,
  ImportDiskImageCommand,
  ImportVmImageCommand,
  ListImagesCommand,
  type ImportVmImageCommandInput,
} from '@aws-sdk/client-imagebuilder';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { imageTask } from '../../src/catalog/image-task.ts';
import { getImportTask } from '../../src/catalog/import-tasks.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

const SUM = 'A'.repeat(64);
let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const nameDisk = async (body: object, account: 'same' | 'other' = 'same') =>
  (
    await signedJson<{ importTaskId: string }>(api.connectionOf(account), {
      method: 'POST',
      path: '/ingot/imports',
      body,
    })
  ).importTaskId;
const importVm = (input: Partial<ImportVmImageCommandInput>) =>
  api.client.send(
    new ImportVmImageCommand({
      name: 'Golden Disk',
      semanticVersion: '1.0.0',
      platform: 'Linux',
      vmImportTaskId: 'import-ami-0',
      ...input,
    } as ImportVmImageCommandInput),
  );

describe('an import task', () => {
  test('is what was named', async () => {
    const id = await nameDisk({ source: 'http://example.com/d.vmdk', sha256: SUM, trusted: true });
    assert.match(id, /^import-ami-[0-9a-f]{17}$/);
    const { created: _created, ...task } = (await getImportTask(api.catalog.db, id))!;
    assert.deepEqual(task, {
      id,
      account: ACCOUNT,
      region: REGION,
      source: 'http://example.com/d.vmdk',
      sha256: SUM.toLowerCase(),
      trusted: 1,
      image_arn: null,
    });
  });

  test('has a source that can be read, and a checksum where the way is open', async () => {
    for (const [body, message] of [
      [{}, /'source'.*required/],
      [{ source: 'disk.qcow2' }, /'source'.*absolute path/],
      [{ source: 'http://example.com/d' }, /'source'.*give its sha256/],
      [{ source: '/d', sha256: 'short' }, /'sha256'.*64 hexadecimal digits/],
      [{ source: '/d', trusted: 'yes' }, /'trusted'.*true or false/],
      [{ source: '/d', format: 'raw' }, /'format'.*Unknown member/],
    ] as const)
      await assert.rejects(nameDisk(body), { code: 'InvalidParameterValueException', message }, JSON.stringify(body));
  });

  test("is of the account that the server belongs to: it is read with the server's rights", async () => {
    await assert.rejects(nameDisk({ source: '/etc/shadow' }, 'other'), {
      code: 'AccessDeniedException',
      message: /ingot:NameImport/,
    });
  });
});

describe('ImportVmImage', () => {
  test('makes an image that waits for the worker, once for a task', async () => {
    const woken = api.woken();
    const vmImportTaskId = await nameDisk({ source: '/var/tmp/disk.vmdk' });
    const input = {
      vmImportTaskId,
      osVersion: 'Debian 12',
      description: 'the golden disk',
      tags: { team: 'web' },
      clientToken: 'import-once',
    };
    const { imageArn, requestId } = await importVm(input);
    assert.equal(imageArn, `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/golden-disk/1.0.0/1`);
    assert.ok(requestId);
    assert.equal(api.woken(), woken + 1);
    const { image } = await api.client.send(new GetImageCommand({ imageBuildVersionArn: imageArn! }));
    assert.deepEqual(
      (({ name, version, type, platform, osVersion, state, buildType, imageSource, tags }) => ({
        name,
        version,
        type,
        platform,
        osVersion,
        state,
        buildType,
        imageSource,
        tags,
      }))(image!),
      {
        name: 'Golden Disk',
        version: '1.0.0/1',
        type: 'AMI',
        platform: 'Linux',
        osVersion: 'Debian 12',
        state: { status: 'PENDING' },
        buildType: 'IMPORT',
        imageSource: 'IMPORTED',
        tags: { team: 'web' },
      },
    );
    assert.deepEqual(await imageTask(api.catalog.db, imageArn!), {
      kind: 'import',
      importTaskId: vmImportTaskId,
      description: 'the golden disk',
    });

    assert.equal((await importVm(input)).imageArn, imageArn);
    await assert.rejects(importVm({ vmImportTaskId }), {
      name: 'ClientException',
      message: new RegExp(`has already been used for the image '${imageArn}'`),
    });
    assert.equal(
      (await importVm({ vmImportTaskId: await nameDisk({ source: '/var/tmp/disk.vmdk' }) })).imageArn,
      `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/golden-disk/1.0.0/2`,
    );
    const { imageVersionList } = await api.client.send(new ListImagesCommand({}));
    assert.deepEqual(
      imageVersionList!.map(({ buildType, imageSource }) => [buildType, imageSource]),
      [['IMPORT', 'IMPORTED']],
    );
  });

  test('refuses what cannot be', async () => {
    const vmImportTaskId = await nameDisk({ source: '/var/tmp/disk.vmdk' });
    for (const [input, name, message] of [
      [
        { vmImportTaskId: 'import-ami-1' },
        'ClientException',
        /The import task 'import-ami-1' does not exist in eu-west-1.*\.\/ingot import/,
      ],
      [{ vmImportTaskId, name: 'x' }, 'InvalidParameterValueException', /'name' is not valid/],
      [{ vmImportTaskId, semanticVersion: '1.0.1073741824' }, 'InvalidVersionNumberException', /1073741824/],
      [{ vmImportTaskId, platform: 'macOS' }, 'InvalidParameterValueException', /'platform'.*macOS/],
    ] as const)
      await assert.rejects(importVm(input as Partial<ImportVmImageCommandInput>), { name, message });
    await assert.rejects(
      api.clientOf('same', 'us-east-1').send(
        new ImportVmImageCommand({
          name: 'else',
          semanticVersion: '1.0.0',
          platform: 'Linux',
          vmImportTaskId,
        } as never),
      ),
      { name: 'ClientException' },
    );
    await assert.rejects(
      api.clientOf('other', REGION).send(
        new ImportVmImageCommand({
          name: 'else',
          semanticVersion: '1.0.0',
          platform: 'Linux',
          vmImportTaskId,
        } as never),
      ),
      { name: 'ClientException' },
    );
    assert.equal((await getImportTask(api.catalog.db, vmImportTaskId))!.image_arn, null);
  });
});

test('ImportDiskImage takes no medium, and says which', async () => {
  await assert.rejects(
    api.client.send(
      new ImportDiskImageCommand({
        name: 'windows',
        semanticVersion: '1.0.0',
        platform: 'Windows',
        osVersion: 'Windows 11',
        uri: 's3://media/windows.iso',
        infrastructureConfigurationArn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:infrastructure-configuration/web`,
      } as never),
    ),
    { name: 'ClientException', message: /'s3:\/\/media\/windows\.iso' \(Windows, Windows 11\) is not supported/ },
  );
});
