/**
 * Published documents, compared with expected results that were derived from the reference. The documents are not part
 * of the project: their directory is `INGOT_CORPUS`, or `../shared/corpus` beside the project's own.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import type { Platform } from './component/modules.ts';
import { parseComponentDocument } from './component/parse.ts';
import type { Fault } from './position.ts';
import type { WorkflowType } from './workflow/document.ts';
import { parseWorkflowDocument } from './workflow/parse.ts';

interface Verdict {
  /** Path below the corpus's directory. */
  readonly file: string;
  /** Platform of a component, type of a workflow. */
  readonly as: Platform | WorkflowType;
  readonly verdict: 'valid' | 'invalid';
  /** The reviewer's reason. */
  readonly review: string;
  /** All faults: `line:column code: message`. */
  readonly faults: readonly string[];
}

const FOLDER = process.env['INGOT_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const VERDICTS = JSON.parse(
  readFileSync(new URL('../../test/data/corpus.json', import.meta.url), 'utf8'),
) as readonly Verdict[];
const skip = existsSync(FOLDER) ? false : `no corpus in ${FOLDER}: set INGOT_CORPUS to its folder`;

function faultsOf({ file, as }: Verdict): readonly Fault[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  if (as === 'BUILD' || as === 'TEST' || as === 'DISTRIBUTION') return parseWorkflowDocument(text, as).faults;
  return parseComponentDocument(text, { platform: as }).faults;
}

for (const expected of VERDICTS) {
  test(`${expected.file} is ${expected.verdict}: ${expected.review}`, { skip }, () => {
    // The table is about the language, not about what this version can run.
    const faults = faultsOf(expected).filter((fault) => fault.code !== 'not-yet-supported');

    assert.deepEqual(
      faults.map(({ position, code, message }) => `${position.line}:${position.column} ${code}: ${message}`),
      expected.faults,
    );
    assert.equal(faults.some((fault) => fault.severity === 'error') ? 'invalid' : 'valid', expected.verdict);
  });
}

test('every document of the corpus has an expected result', { skip }, () => {
  const there = ['components', 'workflows'].flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).map((name) => `${folder}/${name}`),
  );

  assert.deepEqual(VERDICTS.map(({ file }) => file).sort(), there.sort());
});
