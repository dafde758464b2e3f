/** AMIs with disks for images of the tests' API: what a build would have made. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { insertAmi } from '../../src/catalog/amis.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { newAmiId } from '../../src/platform/ids.ts';
import { ACCOUNT, type TestApi } from './server.ts';

/** An AMI, and the file of its disk. */
export interface TestAmi {
  readonly id: string;
  readonly layer: string;
  readonly file: string;
}

/** An AMI of an image in a Region, with a layer of its own. @param parent the layer that it lies over */
export async function addAmi(
  api: TestApi,
  imageArn: string,
  region: string,
  parent: string | null = null,
): Promise<TestAmi> {
  const layers = new LayerStore(api.catalog, api.catalog.dataDirectory);
  const open = await layers.announce(parent);
  await mkdir(dirname(open.path), { recursive: true });
  await writeFile(open.path, 'disk');
  const layer = await layers.seal(open, open.id, {});
  const id = newAmiId();
  await insertAmi(api.catalog.db, {
    id,
    region,
    account: ACCOUNT,
    name: id,
    description: null,
    image_arn: imageArn,
    layer_id: layer.id,
    file: relative(api.catalog.dataDirectory, open.path),
    state: 'available',
    tags: '{"team":"web"}',
    platform: 'Linux',
    os_version: null,
    architecture: 'x86_64',
    created: new Date().toISOString(),
  });
  return { id, layer: layer.id, file: open.path };
}

/** Brings an image that waits to AVAILABLE, with these AMIs in these Regions. */
export async function makeAvailable(
  api: TestApi,
  arn: string,
  amis: readonly TestAmi[],
  regions: readonly string[],
): Promise<void> {
  const outputResources = {
    amis: amis.map(({ id }, index) => ({
      image: id,
      region: regions[index]!,
      state: { status: 'AVAILABLE' as const },
    })),
  };
  for (const to of ['CREATING', 'BUILDING'] as const)
    await api.catalog.transaction((trx) => transitionImage(trx, arn, to));
  await api.catalog.transaction((trx) => transitionImage(trx, arn, 'AVAILABLE', { patch: { outputResources } }));
}
