/** Copies that are written ahead, while the tests run: on real disks and a real catalogue. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { allAmis } from '../../src/catalog/amis.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import { heldPaths } from '../../src/catalog/held.ts';
import type { RegionPlan } from '../../src/distribution/plan.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { findStrays } from '../../src/storage/garbage.ts';
import { until } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/processes.ts';
import type { BuiltAmi } from '../../src/distribution/ami-record.ts';
import { CopiesAhead, copyToRegion, type CopyPlace } from '../../src/distribution/region-copies.ts';

const ACCOUNT = '123456789012';
const ARN = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}:image/web/1.0.0/1`;
const plan = (region: string): RegionPlan => ({
  region,
  home: false,
  name: `web in ${region}`,
  tags: {},
  path: '',
  targetAccounts: [],
  configurations: { region },
});
const going = new AbortController().signal;

let dataDirectory: string;
let catalog: Catalog;
let ami: BuiltAmi;

before(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'ingot-copies-'));
  const flat = ['eu-west-1', 'eu-west-2', 'ap-south-1', 'ap-south-2', 'sa-east-1', 'ca-west-1'];
  await writeFile(
    join(dataDirectory, 'config.yaml'),
    `regions: { ${flat.map((region) => `${region}: { layout: flat }`).join(', ')} }\n`,
  );
  catalog = await openCatalog(dataDirectory);
  const layers = new LayerStore(catalog, dataDirectory);
  const layer = await layers.announce(null);
  await mkdir(dirname(layer.path), { recursive: true });
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', layer.path, '64M']);
  await run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 8M', layer.path]);
  ami = { id: 'ami-0123456789abcdef0', layer: await layers.seal(layer, 'a key', {}) };
});

after(async () => {
  await catalog.close();
  await rm(dataDirectory, { recursive: true, force: true });
});

function newWork(signal = going): CopyPlace & { copiesAhead?: CopiesAhead } & { readonly signal: AbortSignal } {
  return { signal, catalog, dataDirectory, layers: new LayerStore(catalog, dataDirectory) };
}

/** Copies the AMI to a Region. @returns the id there */
async function copy(
  work: CopyPlace & { readonly copiesAhead?: CopiesAhead },
  region: string,
  signal = going,
): Promise<string> {
  const source = { arn: ARN, account: ACCOUNT, image: { name: 'web' } };
  const wanted = { source, ami, plan: plan(region), osVersion: undefined, ahead: work.copiesAhead };
  return (await copyToRegion(work, wanted, () => {}, signal)).amiId;
}

const inRegion = (region: string): Promise<string[]> => readdir(join(dataDirectory, 'regions', region)).catch(() => []);
/** Waits until the copies for Regions are written, without a name. */
const written = (...regions: readonly string[]): Promise<true> =>
  until('the copies', 10_000, async () => {
    const all = await Promise.all(regions.map(inRegion));
    return all.every((names) => names.length === 1 && names[0]!.endsWith('.qcow2.partial')) ? true : undefined;
  });

test('a copy that is written ahead has no name, no record and is no garbage, until it is wanted', async () => {
  const work = newWork();
  work.copiesAhead = new CopiesAhead(work, ARN, ami, [plan('eu-west-1'), plan('eu-west-2')], work.signal);
  await written('eu-west-1', 'eu-west-2');
  deepEqual(await allAmis(catalog.db), []);
  deepEqual(await findStrays(catalog), []);

  const ids = [await copy(work, 'eu-west-1'), await copy(work, 'eu-west-2')];

  for (const [index, region] of ['eu-west-1', 'eu-west-2'].entries()) {
    deepEqual((await inRegion(region)).sort(), [`${ids[index]}.json`, `${ids[index]}.qcow2`]);
    await run([
      'qemu-img',
      'compare',
      '-q',
      ami.layer.path,
      join(dataDirectory, 'regions', region, `${ids[index]}.qcow2`),
    ]);
  }
  deepEqual(
    (await allAmis(catalog.db)).map(({ id, region, state, name }) => [id, region, state, name]).sort(),
    ids.map((id, index) => [id, `eu-west-${index + 1}`, 'available', `web in eu-west-${index + 1}`]).sort(),
  );
  // Distributing twice makes a second one.
  const second = await copy(work, 'eu-west-1');
  equal(ids.includes(second), false);
  await work.copiesAhead.drop();
  equal((await inRegion('eu-west-1')).length, 4);
  deepEqual(await heldPaths(catalog.db), []);
});

test('what is not wanted leaves nothing, and what is wanted of another disk is written again', async () => {
  const work = newWork();
  work.copiesAhead = new CopiesAhead(work, ARN, ami, [plan('ap-south-1'), plan('ap-south-2')], work.signal);
  await written('ap-south-1');
  await work.copiesAhead.drop();
  deepEqual([await inRegion('ap-south-1'), await inRegion('ap-south-2'), await heldPaths(catalog.db)], [[], [], []]);
  equal(new CopiesAhead(work, ARN, ami, [], work.signal).take('ap-south-1', ami, going), undefined);
  const other = new CopiesAhead(work, ARN, ami, [plan('ap-south-1')], work.signal);
  equal(other.take('ap-south-1', { ...ami, layer: { ...ami.layer, id: 'lay-other' } }, going), undefined);
  await other.drop();
});

test('a cancellation ends them', async () => {
  const controller = new AbortController();
  const work = newWork(controller.signal);
  work.copiesAhead = new CopiesAhead(work, ARN, ami, [plan('sa-east-1')], work.signal);
  await written('sa-east-1');
  controller.abort(new Error('cancelled'));
  await rejects(copy(work, 'sa-east-1', controller.signal), /cancelled/);
  await work.copiesAhead.drop();
  deepEqual([await inRegion('sa-east-1'), await heldPaths(catalog.db)], [[], []]);
});

test('one that fails is tried again when it is wanted, and says then what is wrong', async () => {
  const work = newWork();
  await writeFile(join(dataDirectory, 'regions', 'ca-west-1'), 'in the way');
  work.copiesAhead = new CopiesAhead(work, ARN, ami, [plan('ca-west-1')], work.signal);
  await rejects(copy(work, 'ca-west-1'), (error: Error) => {
    match(error.message, /ca-west-1/);
    return true;
  });
  work.copiesAhead = new CopiesAhead(work, ARN, ami, [plan('ca-west-1')], work.signal);
  await work.copiesAhead.take('ca-west-1', ami, going)!.complete();
  work.copiesAhead = new CopiesAhead(work, ARN, ami, [plan('ca-west-1')], work.signal);
  await until('the failure', 5000, async () => ((await heldPaths(catalog.db)).length === 0 ? true : undefined));
  await rm(join(dataDirectory, 'regions', 'ca-west-1'));
  const id = await copy(work, 'ca-west-1');
  equal(existsSync(join(dataDirectory, 'regions', 'ca-west-1', `${id}.qcow2`)), true);
});
