/**
 * The test command. `npm test` runs the checks of `check.ts`, the unit tests and the integration tests of the gate;
 * `npm run check` the checks alone, `npm run test:long` the tests in `test/long`, `npm run test:security` those that
 * try Ingot's walls. Words after the name of the list choose the files whose path has one of them.
 * Prints why tests were skipped, and counts over all lists in the last line: `N passed, N failed, N skipped`.
 */
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../src/platform/processes.ts';
import { check } from './check.ts';
import { RUN_FOLDER_PREFIX, RUN_FOLDER_VARIABLE, SHARED_FOLDER_VARIABLE } from './harness/own-folder.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface TestList {
  readonly name: string;
  readonly files: string | readonly string[];
  /** Files that run at the same time. */
  readonly concurrency: number;
  /** Seconds that one test may take when it has no `timeout` of its own. No limit when absent. */
  readonly seconds?: number;
}

const lists: Readonly<Record<string, readonly TestList[]>> = {
  check: [],
  gate: [
    { name: 'unit', files: '{src,docs,bench}/**/*.test.ts', concurrency: 2, seconds: 60 },
    { name: 'api', files: 'test/api/*.test.ts', concurrency: 2, seconds: 120 },
    { name: 'integration', files: 'test/{integration,security}/*.test.ts', concurrency: 2, seconds: 900 },
  ],
  // The table of tries: who must not get where. Files of the gate among them, since they try the same walls.
  security: [
    {
      name: 'security',
      concurrency: 1,
      seconds: 900,
      files: [
        'test/security/*.test.ts',
        'src/{api,keys,platform,policies,secrets,instances}/**/*.test.ts',
        'src/{modules,workflows/**/build-plan}.test.ts',
        'src/{documents/fuzz,documents/faults,catalog/audit-log}.test.ts',
        'src/{commands/cp/*,images/foreign/*,images/encrypted-disk,guest/disk-search}.test.ts',
        'test/api/{access,audit-and-quotas,full-disk,fuzz,granted,odd-requests,reader-growth}.test.ts',
        'test/api/{ec2-images,ecr,hooks,logs,resource-policies,sharing,spellings,ssm,sts,subscriptions}.test.ts',
        'test/integration/{container-folders,container-launch,container-push}.test.ts',
        'test/integration/{container-registry,container-walls,hostile-instance}.test.ts',
        'test/integration/{encryption,monitoring,networks,registry-clients}.test.ts',
        'test/integration/{nspawn,qemu,secrets,imports,host}.test.ts',
        'test/long/{container-race,containers,stopped-worker,fuzz-readers}.test.ts',
      ],
    },
  ],
  // One file at a time: those with machines in machines are timed by their deadlines.
  long: [{ name: 'long', files: 'test/long/*.test.ts', concurrency: 1 }],
};

const folder = mkdtempSync(join(tmpdir(), RUN_FOLDER_PREFIX));
chmodSync(folder, 0o755); // Some tests are an ordinary user's.
const summaryFile = join(folder, 'summary.tap');
let passed = 0;
let failed = 0;
let skipped = 0;
/** Why tests were skipped, with how many were for that reason. */
const reasons = new Map<string, number>();
const which = process.argv[2] ?? 'gate';
const only = process.argv.slice(3);
if (which === 'check' || (which === 'gate' && (only.length === 0 || only.includes('check')))) {
  const counts = await check({ install: which === 'gate' && process.getuid?.() === 0 });
  passed += counts.passed;
  failed += counts.failed;
  skipped += counts.skips.length;
  for (const skip of counts.skips) reasons.set(skip, 1);
}
for (const list of lists[which] ?? []) {
  const files = [...new Set(globSync(list.files, { cwd: root }))]
    .sort()
    .filter((file) => only.length === 0 || only.some((part) => file.includes(part)));
  if (files.length === 0) continue;
  process.stdout.write(`\n# ${list.name}: ${files.length} files\n`);
  const child = await start(
    [
      process.execPath,
      '--import',
      fileURLToPath(new URL('harness/own-folder.ts', import.meta.url)),
      '--test',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${summaryFile}`,
      `--test-concurrency=${list.concurrency}`,
      ...(list.seconds === undefined ? [] : [`--test-timeout=${list.seconds * 1000}`]),
      ...files,
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        [RUN_FOLDER_VARIABLE]: folder,
        [SHARED_FOLDER_VARIABLE]: process.env[SHARED_FOLDER_VARIABLE] ?? tmpdir(),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const { code } = await child.exited;
  const summary = readFileSync(summaryFile, 'utf8');
  const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(summary)?.[1] ?? 0);
  passed += count('pass');
  failed += count('fail') + count('cancelled');
  skipped += count('skipped');
  for (const [, reason = ''] of summary.matchAll(/^ *ok \d+ - .*? # SKIP *(.*)$/gm)) {
    const said = reason.trim() || 'no reason given';
    reasons.set(said, (reasons.get(said) ?? 0) + 1);
  }
  if (code !== 0 && count('fail') + count('cancelled') === 0) failed++;
}
if (readFileSync('/proc/self/mountinfo', 'utf8').includes(folder))
  process.stderr.write(`something is still mounted below ${folder}, which stays\n`);
else rmSync(folder, { recursive: true, force: true });
if (passed + failed === 0) {
  process.stderr.write(`no test ran for ${process.argv.slice(2).join(' ') || 'the gate'}\n`);
  failed = 1;
}
process.stdout.write('\n');
for (const [reason, times] of reasons) process.stdout.write(`skipped: ${reason}${times > 1 ? ` (${times})` : ''}\n`);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
