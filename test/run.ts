/**
 * The test command. `npm test` runs the unit tests and the integration tests of the gate; `npm run test:long` those in `test/long`.
 * Ends with one line, `N passed, N failed`, over all lists.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../src/platform/processes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const lists: Readonly<Record<string, readonly { readonly name: string; readonly files: string; readonly concurrency: number }[]>> = {
  gate: [
    { name: 'unit', files: '{src,docs}/**/*.test.ts', concurrency: 2 },
    { name: 'api', files: 'test/api/*.test.ts', concurrency: 2 },
    // One file at a time: each compares the host before and after itself, and emulated machines are timed by their deadlines.
    { name: 'integration', files: 'test/integration/*.test.ts', concurrency: 1 },
  ],
  long: [{ name: 'long', files: 'test/long/*.test.ts', concurrency: 1 }],
};

const folder = mkdtempSync(join(tmpdir(), 'ingot-tests-'));
const summaryFile = join(folder, 'summary.tap');
let passed = 0;
let failed = 0;
const which = process.argv[2] ?? 'gate';
const only = process.argv.slice(3);
for (const list of lists[which] ?? []) {
  const files = globSync(list.files, { cwd: root }).sort().filter((file) => only.length === 0 || only.some((part) => file.includes(part)));
  if (files.length === 0) continue;
  process.stdout.write(`\n# ${list.name}: ${files.length} files\n`);
  const child = await start(
    [process.execPath, '--test', '--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${summaryFile}`, `--test-concurrency=${list.concurrency}`, ...files],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const { code } = await child.exited;
  const summary = readFileSync(summaryFile, 'utf8');
  const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(summary)?.[1] ?? 0);
  passed += count('pass');
  failed += count('fail') + count('cancelled');
  if (code !== 0 && count('fail') + count('cancelled') === 0) failed++;
}
rmSync(folder, { recursive: true, force: true });
if (passed + failed === 0) {
  process.stderr.write(`no test ran for ${process.argv.slice(2).join(' ') || 'the gate'}\n`);
  failed = 1;
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
