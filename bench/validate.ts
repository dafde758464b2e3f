/**
 * Validates component documents of usual size: some 2 kB, as the one in `docs/components.md`, each a little different.
 *   node bench/validate.ts [--documents N] [--runs N]
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { parseComponentDocument } from '../src/documents/component/parse.ts';

const { values } = parseArgs({
  options: { documents: { type: 'string', default: '1000' }, runs: { type: 'string', default: '5' } },
});
const [documents, runs] = [Number(values.documents), Number(values.runs)];

const example = /```yaml\n(name: [\s\S]*?)```/.exec(
  readFileSync(new URL('../docs/components.md', import.meta.url), 'utf8'),
)?.[1];
if (example === undefined) throw new Error('docs/components.md has no example');
const texts = Array.from({ length: documents }, (_, index) => example.replaceAll('Motd', `Motd${index}`));

process.stdout.write(
  `${documents} documents of ${Math.round(Buffer.byteLength(example))} bytes, ${cpus().length} cores ` +
    `(${cpus()[0]?.model}), load ${loadavg()[0]!.toFixed(2)}\n`,
);
const seconds: number[] = [];
const processor: number[] = [];
for (let run = 0; run < runs; run += 1) {
  const started = performance.now();
  const before = process.cpuUsage();
  for (const text of texts)
    if (parseComponentDocument(text, { platform: 'Linux' }).document === undefined)
      throw new Error('the example does not validate');
  seconds.push((performance.now() - started) / 1000);
  const used = process.cpuUsage(before);
  processor.push((used.user + used.system) / 1e6);
}
const sorted = seconds.toSorted((a, b) => a - b);
process.stdout.write(
  `first ${seconds[0]!.toFixed(2)} s, median ${sorted[Math.floor(runs / 2)]!.toFixed(2)} s, least ` +
    `${sorted[0]!.toFixed(2)} s; processor time, least ${Math.min(...processor).toFixed(2)} s\n`,
);
