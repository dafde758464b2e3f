/**
 * The tutorial's build, beside the same commands by Packer and bare. README.md says how to run it and what it found.
 *   node bench/tutorial.ts [--runs N] [--only ingot|packer|bare] [--json FILE]
 */
import { parseArgs } from 'node:util';
import { sharedBase } from '../test/harness/base.ts';
import { build, NGINX_TEMPLATE, withDataDirectory } from './lib/build.ts';
import { medianOf, seconds, spanTable, table, writeResults, type Span } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';
import { COMMANDS, READY, spansOf, WHOLE } from './lib/timeline.ts';
import { runBare, withTree } from './tutorial/bare.ts';
import { requirePacker, runPacker } from './tutorial/packer.ts';

const CONTENDERS = ['ingot', 'packer', 'bare'] as const;
type Contender = (typeof CONTENDERS)[number];

/** What one contender took in one run. */
interface Measured {
  readonly contender: Contender;
  /** Of the host, just before. */
  readonly load: number;
  readonly spans: readonly Span[];
}

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, only: { type: 'string' }, json: { type: 'string' } },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1');
if (values.only !== undefined && !(CONTENDERS as readonly string[]).includes(values.only))
  throw new Error(`--only takes ${CONTENDERS.join(', ')}`);
const wanted = CONTENDERS.filter((name) => values.only === undefined || name === values.only);

if (wanted.includes('packer')) await requirePacker();
const base = await sharedBase();
const host = await hostFacts([
  ['qemu-system-x86_64', '--version'],
  ['systemd-nspawn', '--version'],
  ...(wanted.includes('packer') ? [['packer', 'version']] : []),
]);
process.stdout.write(`${describeHost(host)}\n\n`);

const measured: Measured[] = [];
await (wanted.includes('bare') ? withTree(base, measureAll) : measureAll(''));
report();
process.stdout.write(`\nwritten to ${await writeResults('tutorial', { host, runs: measured }, values.json)}\n`);

/** One contender after the other in each run: what else happens on the host then meets all of them. */
async function measureAll(tree: string): Promise<void> {
  const run: Readonly<Record<Contender, () => Promise<readonly Span[]>>> = {
    ingot: () => withDataDirectory(async (dataDirectory) => spansOf(await build(dataDirectory, NGINX_TEMPLATE))),
    packer: () => runPacker(base),
    bare: () => runBare(tree),
  };
  for (let number = 1; number <= runs; number++) {
    for (const contender of wanted) {
      const before = load();
      const spans = await run[contender]();
      measured.push({ contender, load: before, spans });
      process.stdout.write(
        `run ${number} of ${runs}: ${contender} ${seconds(spans.find(({ name }) => name === WHOLE)!.seconds)} ` +
          `(load before: ${before})\n`,
      );
    }
  }
}

function report(): void {
  const of = (contender: Contender): readonly (readonly Span[])[] =>
    measured.filter((each) => each.contender === contender).map(({ spans }) => spans);
  for (const contender of wanted) process.stdout.write(`\n${contender}\n${spanTable(of(contender))}\n`);
  const cell = (contender: Contender, name: string): string => {
    const value = medianOf(of(contender), name);
    return value === undefined ? '' : seconds(value);
  };
  process.stdout.write(
    '\n' +
      table([
        ['median', ...wanted],
        ...[READY, COMMANDS, WHOLE].map((name) => [name, ...wanted.map((contender) => cell(contender, name))]),
      ]) +
      '\n',
  );
  const own = medianOf(of('ingot'), COMMANDS);
  const bare = medianOf(of('bare'), COMMANDS);
  if (own !== undefined && bare !== undefined)
    process.stdout.write(`\nThe commands take ${(own / bare).toFixed(2)} times as long as bare.\n`);
}
