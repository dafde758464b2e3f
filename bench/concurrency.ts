/**
 * One, two and four builds of the tutorial's template at once, on one server.
 *   node bench/concurrency.ts [--builds 1,2,4] [--no-tests] [--json FILE]
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, NGINX_TEMPLATE, withDataDirectory } from './lib/build.ts';
import { median, seconds, table, writeResults } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';

const SAMPLE_MS = 100;

const { values } = parseArgs({
  options: {
    builds: { type: 'string', default: '1,2,4' },
    'no-tests': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const counts = values.builds.split(',').map(Number);
if (!counts.every((count) => Number.isInteger(count) && count > 0))
  throw new Error('--builds takes numbers from 1, with commas between them');

const host = await hostFacts([
  ['qemu-system-x86_64', '--version'],
  ['systemd-nspawn', '--version'],
]);
process.stdout.write(`${describeHost(host)}\n\n`);
const results: {
  builds: number;
  load: number;
  wholeSeconds: number;
  buildSeconds: readonly number[];
  peakMemoryMiB: number;
}[] = [];
for (const builds of counts) {
  const result = { builds, load: load(), ...(await measure(builds)) };
  results.push(result);
  process.stdout.write(`${builds} at once: ${seconds(result.wholeSeconds)}\n`);
}
process.stdout.write(
  `\n${table([
    ['builds', 'all of them', 'each (median)', 'for each image', 'peak memory', 'load before'],
    ...results.map((each) => [
      String(each.builds),
      seconds(each.wholeSeconds),
      seconds(median(each.buildSeconds)),
      seconds(each.wholeSeconds / each.builds),
      `${each.peakMemoryMiB} MiB`,
      String(each.load),
    ]),
  ])}\n\nwritten to ${await writeResults('concurrency', { host, tests: !values['no-tests'], results }, values.json)}\n`,
);

/** Builds of templates that differ in their names, so that none takes another's layers, on a server that they share. */
async function measure(
  builds: number,
): Promise<{ wholeSeconds: number; buildSeconds: readonly number[]; peakMemoryMiB: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-concurrency-'));
  try {
    return await withDataDirectory(async (dataDirectory) => {
      const text = (await readFile(NGINX_TEMPLATE, 'utf8')).replace(
        'ImageTestsEnabled: true',
        `ImageTestsEnabled: ${!values['no-tests']}`,
      );
      const templates: string[] = [];
      for (let number = 1; number <= builds; number++) {
        const path = join(folder, `nginx-${number}.yaml`);
        await writeFile(path, text.replaceAll('Name: nginx', `Name: nginx-${number}`));
        templates.push(path);
      }
      const before = availableMiB();
      let least = before;
      const sampling = setInterval(() => {
        least = Math.min(least, availableMiB());
      }, SAMPLE_MS);
      const started = Date.now();
      try {
        const ended = await Promise.all(templates.map((template) => build(dataDirectory, template, ['--no-cache'])));
        return {
          wholeSeconds: (Date.now() - started) / 1000,
          buildSeconds: ended.map((each) => (each.ended - each.started) / 1000),
          peakMemoryMiB: before - least,
        };
      } finally {
        clearInterval(sampling);
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the host could still give, with caches that it would give up. */
function availableMiB(): number {
  return Math.round(Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) / 1024);
}
