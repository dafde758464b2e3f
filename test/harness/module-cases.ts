/**
 * Runs the tables of the modules on an instance: what is given for all cases of a module in one script, then the steps,
 * then the looks in one script.
 */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { before, describe, test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import type { ModuleCase } from '../../src/runner/module-case.ts';
import { modules } from '../../src/runner/modules.ts';
import { runText, type Ran } from './runner-cases.ts';

const TABLES = new URL('../../src/runner/modules/', import.meta.url);
const MARK = '--- the next case ---';

/** Every table by the name of its module. */
export const tables: ReadonlyMap<string, readonly ModuleCase[]> = new Map(
  await Promise.all(
    globSync('*.cases.ts', { cwd: TABLES })
      .sort()
      .map(async (file) => {
        const { cases } = (await import(new URL(file, TABLES).href)) as { readonly cases: readonly ModuleCase[] };
        const stem = basename(file, '.cases.ts').replaceAll('-', '');
        const name = [...modules.keys()].find((each) => each.toLowerCase() === stem);
        assert.ok(name, `${file} is no table of a module`);
        return [name, cases] as const;
      }),
  ),
);

interface CaseEnd {
  readonly ran: Ran;
  readonly shown: string;
}

/**
 * Declares the tests.
 * @param folder an absolute path in the instance that they may fill
 */
export function moduleCases(instance: () => Instance, folder: () => string): void {
  for (const [name, cases] of tables) {
    describe(name, () => {
      let ends: readonly CaseEnd[] = [];
      before(async () => {
        ends = await runAll(instance(), name, cases, `${folder()}/${name}`);
      });
      for (const [index, each] of cases.entries())
        test(each.it, () => verify(each, ends[index]!, directoryOf(`${folder()}/${name}`, index)));
    });
  }
}

function directoryOf(folder: string, index: number): string {
  return `${folder}/${index + 1}`;
}

async function runAll(
  instance: Instance,
  name: string,
  cases: readonly ModuleCase[],
  folder: string,
): Promise<readonly CaseEnd[]> {
  await printed(
    instance,
    cases.map(
      (each, index) =>
        `(set -e; mkdir -p '${directoryOf(folder, index)}'; cd ` +
        `'${directoryOf(folder, index)}'\n${each.given ?? ':'}\n) || exit 1`,
    ),
  );
  const ran: Ran[] = [];
  for (const [index, each] of cases.entries()) {
    const directory = directoryOf(folder, index);
    ran.push(
      await runText(
        instance,
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Step
        action: ${name}
        inputs: ${each.inputs.replaceAll('DIR', directory).replaceAll('\n', '\n          ')}
`,
        { workingDirectory: directory },
      ),
    );
  }
  const looks = cases.map(
    (each, index) =>
      `(cd '${directoryOf(folder, index)}'\n${(each.look ?? ':').replaceAll('DIR', directoryOf(folder, index))}\n) ` +
      `2>&1; echo '${MARK}'`,
  );
  const shown = (await printed(instance, looks)).split(`${MARK}\n`);
  return ran.map((each, index) => ({ ran: each, shown: shown[index]! }));
}

async function printed(instance: Instance, parts: readonly string[]): Promise<string> {
  const chunks: Buffer[] = [];
  const ended = await instance.run({
    script: `${parts.join('\n')}\n`,
    timeoutSeconds: 120,
    onOutput: (_, chunk) => chunks.push(chunk),
  });
  const text = Buffer.concat(chunks).toString('utf8');
  assert.equal(ended.exitCode, 0, text);
  return text;
}

function verify(each: ModuleCase, { ran, shown }: CaseEnd, directory: string): void {
  const { outcome } = ran;
  const here = (text: string): string => text.replaceAll('DIR', directory);
  if (each.fails === undefined) assert.equal(outcome.failure?.message, undefined);
  else if (typeof each.fails === 'string') assert.equal(outcome.failure?.message, here(each.fails));
  else assert.match(outcome.failure?.message ?? 'it did not fail', each.fails);
  if (each.outputs !== undefined)
    assert.deepEqual(
      outcome.phases[0]?.steps[0]?.outputs,
      Object.fromEntries(Object.entries(each.outputs).map(([name, value]) => [name, here(value)])),
    );
  if (each.shows !== undefined) assert.equal(shown.trimEnd(), here(each.shows));
}
