import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DATA_NAMES, dataPath, instanceDisk, layerFile, regionFolder, workFolder } from './data-layout.ts';

/** `join(dataDirectory, 'name'` and `${dataDirectory}/name` */
const NAMED = /join\(\s*(?:\w+\.)*dataDirectory,\s*['"`]|dataDirectory\}\//g;
const SOURCE = join(import.meta.dirname, '..');

test('the paths of existing data directories', () => {
  assert.equal(dataPath('/data', 'catalog'), '/data/catalog.db');
  assert.equal(dataPath('/data', 'serverRecord'), '/data/server.json');
  assert.equal(regionFolder('/data', 'eu-west-1'), '/data/regions/eu-west-1');
  assert.equal(instanceDisk('/data', 'i-1'), '/data/instances/i-1.qcow2');
  assert.equal(workFolder('/data', 'debian-12-x86'), '/data/work/debian-12-x86');
  assert.equal(layerFile('lay-1'), 'layers/lay-1.qcow2');
  assert.equal(layerFile('lay-1', true), 'layers/lay-1-flat.qcow2');
  assert.equal(new Set(Object.values(DATA_NAMES)).size, Object.keys(DATA_NAMES).length);
});

test('no other module joins a name to the data directory', () => {
  const found = globSync('**/*.ts', { cwd: SOURCE })
    .filter((path) => !path.endsWith('.test.ts') && path !== 'platform/data-layout.ts')
    .flatMap((path) =>
      // Paths in records are relative to the data directory; only names in the code count.
      [...readFileSync(join(SOURCE, path), 'utf8').matchAll(NAMED)].map(([text]) => `${path}: ${text}`),
    );
  assert.deepEqual(found, []);
});
