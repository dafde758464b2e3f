import { deepEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCatalog } from '../catalog/catalog.ts';
import { saveContainerOutput } from '../catalog/container-outputs.ts';
import { sweepContainerBlobs } from './container-blobs.ts';

test('unused blobs are deleted once they are not fresh any more', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-blobs-'));
  const catalog = await openCatalog(dataDirectory);
  try {
    const folder = join(dataDirectory, 'containers/sha256');
    mkdirSync(folder, { recursive: true });
    const [needed, old, fresh] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
    const now = Date.parse('2026-11-30T12:00:00Z');
    for (const [name, hours] of [
      [needed, 100],
      [old, 7],
      [fresh, 1],
    ] as const) {
      writeFileSync(join(folder, name), 'x');
      utimesSync(join(folder, name), now / 1000 - hours * 3600, now / 1000 - hours * 3600);
    }
    await saveContainerOutput(catalog.db, {
      image_arn: 'arn:x',
      layer_id: 'lay-1',
      output_key: 'k',
      digest: `sha256:${needed}`,
      media_type: 'm',
      size: 1,
      blobs: JSON.stringify([`sha256:${needed}`]),
      created: '2026-11-01T00:00:00.000Z',
    });
    deepEqual((await sweepContainerBlobs(catalog, now)).files, 1);
    deepEqual(readdirSync(folder).sort(), [needed, fresh]);
  } finally {
    await catalog.close();
    rmSync(dataDirectory, { recursive: true });
  }
});
