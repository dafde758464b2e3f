/**
 * The first image of a new installation: an empty data directory, no base image on the host, the tutorial's template.
 *   node bench/first-run.ts [--runs N] [--json FILE]
 * Debian's and npm's packages of the host are there already: `./ingot` installs them before anything here is measured.
 */
import { parseArgs } from 'node:util';
import { build, NGINX_TEMPLATE, withEmptyDirectory } from './lib/build.ts';
import { medianOf, seconds, spanTable, writeResults, type Span } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';
import { BASE, READY, spansOf, WHOLE } from './lib/timeline.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1' }, json: { type: 'string' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1');

const host = await hostFacts([
  ['mmdebstrap', '--version'],
  ['qemu-system-x86_64', '--version'],
  ['systemd-nspawn', '--version'],
]);
process.stdout.write(`${describeHost(host)}\nload: ${load()}\n`);

const measured: (readonly Span[])[] = [];
for (let number = 1; number <= runs; number++) {
  const spans = await withEmptyDirectory(async (dataDirectory) =>
    spansOf(await build(dataDirectory, NGINX_TEMPLATE, [], { INGOT_BASE_CACHE: 'off' })),
  );
  // A base image that came from elsewhere would be a figure of something else.
  if (!spans.some(({ name }) => name === BASE)) throw new Error('no base image was made');
  measured.push(spans);
}
process.stdout.write(`\n${spanTable(measured)}\n\n`);
for (const name of [BASE, READY, WHOLE]) process.stdout.write(`${name}: ${seconds(medianOf(measured, name)!)}\n`);
process.stdout.write(`\nwritten to ${await writeResults('first-run', { host, runs: measured }, values.json)}\n`);
