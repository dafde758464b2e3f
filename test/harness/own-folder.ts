/**
 * Loaded into each test process before its file, by `test/run.ts`: a temporary folder of its own, so that whatever
 * names a path below it (a process, a mount, a loop device) tells which test file it is of, and files can run side by
 * side.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Names the folder of one run of the tests: `test/run.ts` sets it. */
export const RUN_FOLDER_VARIABLE = 'INGOT_TEST_RUN';
/** Names the folder of what test files share: the temporary folder that the run was started with. */
export const SHARED_FOLDER_VARIABLE = 'INGOT_TEST_SHARED';
/** The folders of runs have this in their names. */
export const RUN_FOLDER_PREFIX = 'ingot-tests-';

// What the host keeps for its users' data directories is none of a test's: those that test it name a folder.
process.env['INGOT_BASE_CACHE'] ??= 'off';

const run = process.env[RUN_FOLDER_VARIABLE];
if (run !== undefined) {
  process.env['TMPDIR'] = join(run, String(process.pid));
  mkdirSync(process.env['TMPDIR'], { recursive: true });
}
