/** Garbage among the blobs of container images: blobs that no recorded image uses. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import { forgetCompressedLayer } from '../catalog/container-layers.ts';
import { blobsOfContainers } from '../catalog/container-outputs.ts';
import { dataPath } from '../platform/data-layout.ts';

/**
 * How long an unused blob stays, in milliseconds. A build writes its blobs before its record, and touches those that it
 * reuses.
 */
const FRESH_MS = 6 * 3_600_000;

/** Deletes blobs that no image needs. @param now milliseconds since 1970 */
export async function sweepContainerBlobs(
  catalog: Catalog,
  now: number = Date.now(),
): Promise<{ readonly files: number; readonly bytes: number }> {
  const folder = join(dataPath(catalog.dataDirectory, 'containers'), 'sha256');
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return { files: 0, bytes: 0 };
  const needed = await blobsOfContainers(catalog.db);
  let files = 0;
  let bytes = 0;
  for (const name of names) {
    if (needed.has(`sha256:${name}`)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || now - found.mtimeMs < FRESH_MS) continue;
    await forgetCompressedLayer(catalog.db, `sha256:${name}`);
    await rm(path, { force: true });
    files++;
    bytes += 512 * found.blocks;
  }
  return { files, bytes };
}
