/**
 * Garbage: layers that nothing refers to, and files without a record. It can run during builds, because it includes
 * nothing of theirs.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { allAmis, forsakenAmis } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { forsakeContainers } from '../catalog/container-outputs.ts';
import { heldPaths } from '../catalog/held.ts';
import { allLayers } from '../catalog/layers.ts';
import { withdrawAmi } from '../distribution/withdraw.ts';
import { LayerStore, type Freed } from '../images/layer-store.ts';
import { sweepContainerBlobs } from './container-blobs.ts';
import { sweepKeptFiles } from './kept-files.ts';
import { strayFiles } from './stray-files.ts';
import { DATA_NAMES, dataPath, regionFolder } from '../platform/data-layout.ts';

/** What was freed. */
export interface Collected extends Freed {
  /** Files without a record, and those of deleted components. */
  readonly files: number;
  /** Base images that this host kept for other data directories; absent if none was freed. */
  readonly cachedBaseImages?: number;
}

/**
 * Frees what nothing refers to.
 * @param before ISO-8601. Layers of components that were used after it stay for later builds, and outputs of failed
 * images that were made after it stay for retries
 */
export async function collectGarbage(catalog: Catalog, before: string): Promise<Collected> {
  const layers = new LayerStore(catalog, catalog.dataDirectory);
  for (const ami of await forsakenAmis(catalog.db, before))
    await withdrawAmi(catalog, layers, ami, { keepReusable: true, keepDisk: true });
  await forsakeContainers(catalog.db, before);
  const freed = await layers.discardUnreferenced(before);
  const kept = await sweepKeptFiles(catalog);
  const blobs = await sweepContainerBlobs(catalog);
  let files = kept.files + blobs.files;
  let bytes = freed.bytes + kept.bytes + blobs.bytes;
  for (const path of await findStrays(catalog)) {
    const size = await sizeOf(join(catalog.dataDirectory, path));
    if (size === undefined) continue;
    await rm(join(catalog.dataDirectory, path), { force: true });
    files++;
    bytes += size;
  }
  return { layers: freed.layers, files, bytes };
}

/** Paths, relative to the data directory, of disks and manifests without a record. */
export async function findStrays(catalog: Catalog): Promise<readonly string[]> {
  // Directories are read before the records: every file is recorded before it is created, so a new file is either in
  // neither list or in the records.
  const regions = await names(dataPath(catalog.dataDirectory, 'regions'));
  const files = (await names(dataPath(catalog.dataDirectory, 'layers'))).map((name) => join(DATA_NAMES.layers, name));
  for (const region of regions)
    files.push(
      ...(await names(regionFolder(catalog.dataDirectory, region))).map((name) =>
        join(DATA_NAMES.regions, region, name),
      ),
    );
  return catalog.transaction(async (trx) => {
    const held = (await heldPaths(trx)).map((path) => relative(catalog.dataDirectory, path));
    return strayFiles(files, await allLayers(trx), await allAmis(trx), new Set(held));
  });
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ blocks }) => 512 * blocks,
    () => undefined,
  );
}
