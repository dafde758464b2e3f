/**
 * What a step costs beside its own work, on this host and in a container, and a loop of 1,000 CreateFile steps.
 *   node bench/runner.ts [--steps 100] [--json FILE]
 */
import { parseArgs } from 'node:util';
import { parseComponentDocument } from '../src/documents/component/parse.ts';
import type { Instance } from '../src/instances/instance.ts';
import { runDocument } from '../src/runner/run-document.ts';
import { sharedBase } from '../test/harness/base.ts';
import { launchOn } from '../test/harness/launch-on.ts';
import { localInstance } from '../test/harness/local-instance.ts';
import { table, writeResults } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';

const { values } = parseArgs({ options: { steps: { type: 'string', default: '100' }, json: { type: 'string' } } });
const steps = Number(values.steps);
if (!Number.isInteger(steps) || steps < 1) throw new Error('--steps takes a number from 1');

const STEPS: readonly (readonly [name: string, text: string])[] = [
  ['ExecuteBash', "action: ExecuteBash, inputs: {commands: [':']}"],
  ['ExecuteBinary', 'action: ExecuteBinary, inputs: {path: /bin/true}'],
  ['CreateFile', "action: CreateFile, inputs: [{path: '/var/tmp/ingot-bench/file', content: x}]"],
  ['Assert', 'action: Assert, inputs: {fileExists: /etc/passwd}'],
];
const LOOP = `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Loop
        action: CreateFile
        loop: {for: {start: 1, end: 1000, updateBy: 1}}
        inputs: [{path: '/var/tmp/ingot-bench/{{ loop.index }}', content: x}]
`;

const host = await hostFacts([['systemd-nspawn', '--version']]);
process.stdout.write(`${describeHost(host)}\n\n`);
const results: { instance: string; what: string; milliseconds: number; load: number }[] = [];
const local = await localInstance();
const container = await launchOn('nspawn', await sharedBase());
try {
  for (const [name, instance] of [
    ['local', local],
    ['nspawn', container.instance],
  ] as const) {
    for (const [what, step] of STEPS) {
      const text =
        'schemaVersion: 1.0\nphases:\n  - name: build\n    ' +
        `steps:\n${Array.from({ length: steps }, (_, index) => `      - {name: S${index}, ${step}}\n`).join('')}`;
      results.push({ instance: name, what, milliseconds: (await milliseconds(instance, text)) / steps, load: load() });
    }
    results.push({
      instance: name,
      what: 'a loop of 1,000 CreateFile',
      milliseconds: await milliseconds(instance, LOOP),
      load: load(),
    });
    await instance.run({ argv: ['rm', '-rf', '/var/tmp/ingot-bench'] });
  }
} finally {
  await container.end();
  await local.terminate();
}
process.stdout.write(
  `${table([
    ['instance', 'step', 'ms', 'load'],
    ...results.map((each) => [each.instance, each.what, each.milliseconds.toFixed(1), String(each.load)]),
  ])}\n\nwritten to ${await writeResults('runner', { host, steps, results }, values.json)}\n`,
);

async function milliseconds(instance: Instance, text: string): Promise<number> {
  const { document, faults } = parseComponentDocument(text);
  if (document === undefined) throw new Error(JSON.stringify(faults));
  const started = performance.now();
  const outcome = await runDocument({
    document,
    name: 'bench',
    phases: ['build'],
    parameters: {},
    instance,
    report: () => {},
  });
  if (outcome.status !== 'success') throw new Error(JSON.stringify(outcome.failure));
  return performance.now() - started;
}
