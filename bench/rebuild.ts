/**
 * Builds again: with nothing changed, and with the last of three components changed. Two Regions, no boot test, the
 *   server runs already. node bench/rebuild.ts [--runs N] [--json FILE]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, withDataDirectory } from './lib/build.ts';
import { median, seconds, spanTable, writeResults, type Span } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';
import { componentSeconds, spansOf, WHOLE, type BuildRun } from './lib/timeline.ts';

const TEMPLATE = join(import.meta.dirname, 'three-components.yaml');

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, json: { type: 'string' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1');

const host = await hostFacts([
  ['qemu-img', '--version'],
  ['systemd-nspawn', '--version'],
]);
process.stdout.write(`${describeHost(host)}\nload: ${load()}\n`);

const unchanged: (readonly Span[])[] = [];
const changed: (readonly Span[])[] = [];
const beyond: number[] = [];
const processes: { readonly unchanged: number[]; readonly changed: number[] } = { unchanged: [], changed: [] };
await withDataDirectory(async (dataDirectory) => {
  await build(dataDirectory, TEMPLATE);
  for (let number = 1; number <= runs; number++) {
    const same = await build(dataDirectory, TEMPLATE, number === 1 ? [] : ['--parameter', `Page=page ${number - 1}`]);
    expectHits(same, 3);
    processes.unchanged.push(processesOf(same));
    unchanged.push(spansOf(same));
    const other = await build(dataDirectory, TEMPLATE, ['--parameter', `Page=page ${number}`]);
    expectHits(other, 2);
    processes.changed.push(processesOf(other));
    changed.push(spansOf(other));
    beyond.push((other.ended - other.started) / 1000 - componentSeconds(other.records, 'content'));
  }
});

process.stdout.write(
  `\nnothing changed\n${spanTable(unchanged)}\n\nthe last of three components changed\n${spanTable(changed)}\n`,
);
const whole = (of: readonly (readonly Span[])[]): number =>
  median(of.map((spans) => spans.find(({ name }) => name === WHOLE)!.seconds));
process.stdout.write(
  `\nnothing changed: ${seconds(whole(unchanged))}\nlast component changed: ${seconds(whole(changed))}, ` +
    `${seconds(median(beyond))} beyond the component's own time\n`,
);
process.stdout.write(
  `processes that Ingot started: ${median(processes.unchanged)} where nothing changed, ` +
    `${median(processes.changed)} where the last component changed\n`,
);
process.stdout.write(
  `\nwritten to ${await writeResults('rebuild', { host, unchanged, changed, beyond, processes }, values.json)}\n`,
);

/** What the worker started, not counting what those processes started. */
function processesOf({ records }: BuildRun): number {
  const told = records.map(({ text }) => /^(\d+) processes were started/.exec(text)?.[1]).find(Boolean);
  if (told === undefined) throw new Error('the log does not say how many processes were started');
  return Number(told);
}

/** A figure for layers that were not used again would be one of something else. */
function expectHits({ records }: BuildRun, hits: number): void {
  const found = records.filter(({ text }) => /^layer of \S+: hit/.test(text)).length;
  if (found !== hits) throw new Error(`${found} layers were used again, not ${hits}`);
}
