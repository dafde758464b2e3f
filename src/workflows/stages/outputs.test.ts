import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { insertAmi } from '../../catalog/amis.ts';
import { openCatalog } from '../../catalog/catalog.ts';
import { outputResources } from './outputs.ts';

const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-outputs-'));
const catalog = await openCatalog(dataDirectory);
after(async () => {
  await catalog.close();
  rmSync(dataDirectory, { recursive: true });
});

test('the AMI of the home Region comes first, whenever it was recorded', async () => {
  const arn = 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1';
  for (const [index, region] of ['eu-west-1', 'us-east-1', 'ap-south-1'].entries()) {
    await insertAmi(catalog.db, {
      id: `ami-0000000000000000${index}`,
      image_arn: arn,
      account: '123456789012',
      region,
      layer_id: null,
      name: 'web',
      description: null,
      tags: '{}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      state: 'available',
      file: `regions/${region}/x.qcow2`,
      created: `2026-11-30T00:00:0${index}.000Z`,
    });
  }

  const { amis } = await outputResources({ arn, region: 'us-east-1' }, catalog);

  assert.deepEqual(
    amis?.map(({ region }) => region),
    ['us-east-1', 'eu-west-1', 'ap-south-1'],
  );
});
