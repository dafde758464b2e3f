/** Who makes a base image when several processes of this host need it, and who has it from the host's cache. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { chown, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { newestBaseImage } from '../../src/catalog/layers.ts';
import { cacheUsage, sweepCache } from '../../src/images/base/base-cache.ts';
import { freeLeftMemory, memoryMounts } from '../../src/images/base/left-memory.ts';
import { until } from '../../src/platform/clock.ts';
import { sweepAtStart } from '../../src/storage/sweeper.ts';
import { assertNothingLeft, hostState } from '../harness/host-state.ts';
import { run, start } from '../harness/processes.ts';

const MAKER = fileURLToPath(new URL('../harness/base-maker.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ingot-base-once-'));
const stateBefore = await hostState();

after(async () => {
  await rm(folder, { recursive: true, force: true });
  await assertNothingLeft(stateBefore, folder);
});

interface Made {
  readonly key: string;
  readonly path: string;
  readonly version: string;
}

/** A data directory, a witness and a cache that nothing else uses. */
function place(name: string): {
  readonly data: string;
  readonly cache: string;
  /** A process that needs the base image, to its end. */
  need(options: {
    readonly data?: string;
    /** Whether making it takes until `end`. */
    readonly long?: boolean;
    readonly cache?: string;
    readonly onOutput?: (output: string) => void;
  }): Promise<{
    readonly said: string;
    readonly made: Made;
  }>;
  readonly argv: (long: boolean) => readonly string[];
  /** Ends what takes long. */
  end(): void;
  /** How often it was made. */
  makings(): number;
} {
  const data = join(folder, `${name}-data`);
  const cache = join(folder, `${name}-cache`);
  const witness = join(folder, `${name}-witness`);
  appendFileSync(witness, '');
  const until = join(folder, `${name}-end`);
  const argv = (long: boolean, directory = data): readonly string[] => [
    process.execPath,
    MAKER,
    directory,
    witness,
    ...(long ? [until] : []),
  ];
  return {
    data,
    cache,
    argv,
    async need({ data: directory, long = false, cache: given = cache, onOutput }) {
      let output = '';
      await run(argv(long, directory), {
        env: { INGOT_BASE_CACHE: given },
        timeoutMs: 60_000,
        onStdout: (chunk) => {
          output += chunk.toString();
          onOutput?.(output);
        },
      });
      const lines = output.trim().split('\n');
      return { said: lines.slice(0, -1).join('\n'), made: JSON.parse(lines.at(-1)!) as Made };
    },
    end: () => appendFileSync(until, ''),
    makings: () => readFileSync(witness, 'utf8').split('\n').length - 1,
  };
}

test('two processes that need it in one empty data directory: one makes it, the other waits and says so', async () => {
  const { need, makings, end } = place('two');
  const first = need({ long: true, cache: 'off' });
  await until('the first to make it', 60_000, async () => makings() === 1 || undefined);
  // The first goes on only when the second has said that it waits.
  const second = need({
    long: true,
    cache: 'off',
    onOutput: (said) => {
      if (said.includes('waiting for the base image test-base, which another process on this host is making')) end();
    },
  });
  const made = (await first).made;
  assert.match((await first).said, /^base image test-base does not exist yet: it is made now/);
  assert.deepEqual((await second).made, made);
  assert.equal(makings(), 1);
});

test('one that is killed while it makes it: the next one frees what it left, and makes it', async () => {
  const { need, makings, argv, data } = place('killed');
  const killed = await start(argv(true), { env: { INGOT_BASE_CACHE: 'off' }, stdio: ['ignore', 'ignore', 'inherit'] });
  await until('the first to make it', 60_000, async () => makings() === 1 || undefined);
  const next = need({ cache: 'off' });
  killed.kill('SIGKILL');
  const { made } = await next;
  assert.equal(makings(), 2);
  assert.equal(readFileSync(made.path, 'utf8'), 'a disk');
  assert.equal(readdirSync(join(data, 'layers')).length, 1);
});

test('memory that a killed process left in another data directory is freed, and that of one that runs is not', async () => {
  const { need, makings, argv, data, end } = place('memory');
  const other = place('no-memory');
  const mounted = (): boolean =>
    memoryMounts(readFileSync('/proc/self/mountinfo', 'utf8')).some(({ path }) => path === work);
  const work = join(data, 'work', 'test-base');
  const making = await start(argv(true), {
    env: { INGOT_BASE_CACHE: 'off', IN_MEMORY: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await until('it to be made in memory', 60_000, async () => existsSync(join(work, 'mounted')) || undefined);
  await freeLeftMemory();
  assert.ok(mounted());
  making.kill('SIGKILL');
  await making.exited;
  assert.ok(mounted());
  await other.need({ cache: 'off' });
  assert.equal(mounted(), false);
  end();
  await need({ cache: 'off' });
  assert.equal(makings(), 2);
});

test('a server that starts meanwhile leaves it alone', async () => {
  const { need, makings, data, end } = place('server');
  const making = need({ long: true, cache: 'off' });
  await until('it to be made', 60_000, async () => makings() === 1 || undefined);
  const catalog = await openCatalog(data);
  await sweepAtStart(catalog);
  end();
  const { made } = await making;
  assert.equal((await newestBaseImage(catalog.db, 'test-base'))?.version, made.version);
  await catalog.close();
  assert.equal(readFileSync(made.path, 'utf8'), 'a disk');
});

test('a second data directory has it from the cache, under the same key; with the cache off it makes its own', async () => {
  const { need, makings, cache, data } = place('second');
  const first = await need({});
  const second = await need({ data: `${data}-2` });
  assert.equal(makings(), 1);
  assert.deepEqual(
    { key: second.made.key, version: second.made.version },
    { key: first.made.key, version: first.made.version },
  );
  assert.match(second.said, /^base image test-base \S+ (?:cloned|linked|copied) from \S+ and verified in \d+ s$/);
  assert.equal(readFileSync(second.made.path, 'utf8'), 'a disk');
  assert.equal(statSync(cache).mode & 0o777, 0o700);
  assert.equal((await cacheUsage(cache))?.images, 1);
  await need({ data: `${data}-3`, cache: 'off' });
  assert.equal(makings(), 2);
});

/** What is done to a cache that a base image was kept in, and what the next one says. */
const DISTRUST: readonly (readonly [what: string, RegExp, (cache: string) => void | Promise<void>])[] = [
  [
    'its content was changed',
    /not have the SHA-256/,
    (cache) => {
      appendFileSync(fileIn(cache, '.qcow2'), 'x');
    },
  ],
  ['others may write to it', /only root may write/, (cache) => chmodSync(fileIn(cache, '.qcow2'), 0o666)],
  ['it belongs to another user', /only root may write/, (cache) => chown(fileIn(cache, '.qcow2'), 65534, 65534)],
  ['its record belongs to another', /only root may write/, (cache) => chown(fileIn(cache, '.json'), 65534, 65534)],
  ['its folder belongs to another user', /not a folder that only root/, (cache) => chown(cache, 65534, 65534)],
  ['others may write to its folder', /not a folder that only root/, (cache) => chmodSync(cache, 0o777)],
];

function fileIn(cache: string, end: string): string {
  return join(cache, readdirSync(cache).find((name) => name.endsWith(end))!);
}

for (const [index, [what, reason, spoil]] of DISTRUST.entries())
  test(`what is in the cache is not used when ${what}`, async () => {
    const { need, makings, cache, data } = place(`distrust-${index}`);
    const first = await need({});
    // A file that is linked would change in the first data directory as well, as a broken disk would have it.
    await rm(first.made.path);
    await spoil(cache);
    const second = await need({ data: `${data}-2` });
    assert.equal(makings(), 2);
    assert.match(second.said, reason);
    assert.equal(readFileSync(second.made.path, 'utf8'), 'a disk');
  });

test('what has not been used for a week is deleted, and a folder of another user is not touched', async () => {
  const { need, cache } = place('old');
  await need({});
  assert.deepEqual(await sweepCache(cache, 3600), { images: 0, bytes: 0 });
  const old = new Date(Date.now() - 8 * 86_400_000);
  utimesSync(fileIn(cache, '.json'), old, old);
  await chown(cache, 65534, 65534);
  assert.equal((await sweepCache(cache, 7 * 86_400)).images, 0);
  await chown(cache, 0, 0);
  assert.equal((await sweepCache(cache, 7 * 86_400)).images, 1);
  assert.deepEqual(readdirSync(cache), []);
});
