/**
 * What the registry has and no record names: repositories that were deleted, manifests of deleted images, and layers
 * that only those needed.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import { manifestsOnRecord, repositoryIds } from '../catalog/repositories.ts';
import type { LocalRegistry } from '../distribution/registry/local-registry.ts';
import { run } from '../platform/processes.ts';
import { filesBelow } from './files-below.ts';

const OUTPUT_LIMIT = 64 << 20;

/**
 * Frees it. While somebody pulls or pushes nothing is freed: docker-registry cannot collect beside that.
 * @returns bytes
 */
export async function collectRegistry(catalog: Catalog, registry: LocalRegistry): Promise<{ readonly bytes: number }> {
  const freed = await registry.alone(async (folder) => {
    const before = await sizeBelow(folder);
    const repositories = join(folder, 'files/docker/registry/v2/repositories');
    // The folders are read before the records: a repository is recorded before it has one.
    const found = await names(repositories);
    const known = await repositoryIds(catalog.db);
    for (const id of found) if (!known.has(id)) await rm(join(repositories, id), { recursive: true, force: true });
    const manifests = await manifestsOnRecord(catalog.db);
    for (const id of found.filter((each) => known.has(each))) {
      const revisions = join(repositories, id, '_manifests/revisions/sha256');
      for (const digest of await names(revisions))
        if (!manifests.has(`${id} sha256:${digest}`))
          await rm(join(revisions, digest), { recursive: true, force: true });
    }
    if (found.length > 0)
      await run(['docker-registry', 'garbage-collect', join(folder, 'config.yml')], {
        cwd: folder,
        maxOutput: OUTPUT_LIMIT,
      });
    return Math.max(0, before - (await sizeBelow(folder)));
  });
  return { bytes: freed ?? 0 };
}

async function sizeBelow(folder: string): Promise<number> {
  return (await filesBelow(folder)).reduce((sum, { bytes }) => sum + bytes, 0);
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
