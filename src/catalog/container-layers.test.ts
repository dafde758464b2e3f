import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCatalog } from './catalog.ts';
import { compressedLayers, forgetCompressedLayer, OWN_TIMES, saveCompressedLayers } from './container-layers.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-layers-'));
const catalog = await openCatalog(folder);
after(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});

const layer = (account: string, diffId: string, epoch = OWN_TIMES) => ({
  account,
  diff_id: diffId,
  epoch,
  out_diff_id: diffId,
  digest: `${diffId} compressed`,
  size: 1,
});
const known = async (account: string, epoch = OWN_TIMES, limit = 10): Promise<readonly string[]> =>
  (await compressedLayers(catalog.db, account, epoch, limit)).map(({ diff_id }) => diff_id).sort();

test("a build is told its own account's layers, with its own times, and forgets those whose blobs are gone", async () => {
  await saveCompressedLayers(catalog.db, [layer('a', 'shared'), layer('a', 'own'), layer('a', 'cut', 7)]);
  await saveCompressedLayers(catalog.db, [layer('b', 'shared')]);
  assert.deepEqual(await known('a'), ['own', 'shared']);
  assert.deepEqual(await known('b'), ['shared']);
  assert.deepEqual(await known('a', 7), ['cut']);
  assert.equal((await known('a', OWN_TIMES, 1)).length, 1);
  await forgetCompressedLayer(catalog.db, 'own compressed');
  assert.deepEqual(await known('a'), ['shared']);
});
