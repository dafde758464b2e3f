/**
 * A process that needs a base image, for tests of who makes it: `node base-maker.ts DATA-DIRECTORY WITNESS [UNTIL]`.
 * Its base image is a file of a few bytes; making it takes until the file UNTIL is there. WITNESS gets a line for each
 * making; stdout gets what is reported, and at the end the layer's key and path.
 */
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { openCatalog } from '../../src/catalog/catalog.ts';
import type { BaseImage } from '../../src/images/base/base-images.ts';
import { ensureBaseImage } from '../../src/images/base/ensure.ts';
import { memorySource } from '../../src/images/base/left-memory.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { sleep } from '../../src/platform/clock.ts';
import { takeDataDirectory } from '../../src/platform/data-directory.ts';
import { release } from '../../src/platform/held.ts';
import { run } from '../../src/platform/processes.ts';

const [dataDirectory, witness, end] = process.argv.slice(2) as [string, string, string?];

const base: BaseImage = {
  name: 'test-base',
  description: 'of a test',
  osVersion: 'Debian 12',
  platform: 'Linux',
  architecture: 'x86_64',
  origin: 'made',
  missing: () => [],
  recipe: () => ({ test: 1 }),
  async make({ target, workDirectory, held, signal }) {
    appendFileSync(witness, `${process.pid}\n`);
    const id = await held.record({ kind: 'path', path: workDirectory });
    // Fails where another makes it in the same folder.
    mkdirSync(workDirectory.replace(/\/[^/]*$/, ''), { recursive: true });
    mkdirSync(workDirectory);
    let memory: string | undefined;
    if (process.env['IN_MEMORY'] !== undefined) {
      memory = await held.record({ kind: 'mount', path: workDirectory });
      await run(['mount', '-t', 'tmpfs', '-o', 'mode=0700,size=1m', memorySource(), workDirectory]);
      writeFileSync(`${workDirectory}/mounted`, '');
    }
    while (end !== undefined && !existsSync(end)) await sleep(50, signal);
    writeFileSync(target, 'a disk', { mode: 0o600, flag: 'wx' });
    if (memory !== undefined) await release(held, memory);
    rmSync(workDirectory, { recursive: true });
    await release(held, id);
  },
};

takeDataDirectory(dataDirectory);
const catalog = await openCatalog(dataDirectory);
const { layer, version } = await ensureBaseImage(base, {
  catalog,
  layers: new LayerStore(catalog, dataDirectory),
  dataDirectory,
  report: (event) => process.stdout.write(`${event.text}\n`),
  signal: new AbortController().signal,
});
process.stdout.write(`${JSON.stringify({ key: layer.key, path: layer.path, version })}\n`);
await catalog.close();
