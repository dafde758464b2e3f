/**
 * Real documents that need no more than a Debian machine and a package mirror, run in a fresh container. Which they
 * are, and how they end, stands in `test/data/corpus.json`; their folder is `INGOT_CORPUS`, or `../shared/corpus`
 * beside the project's own.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseComponentDocument } from '../../src/documents/component/parse.ts';
import { runDocument } from '../../src/runner/run-document.ts';
import { sharedBase } from '../harness/base.ts';
import { launchOn } from '../harness/launch-on.ts';
import { PROJECT } from '../harness/service.ts';

interface Verdict {
  readonly file: string;
  /** `success`, or where and how the document fails. */
  readonly runs?: string;
}

const FOLDER = process.env['INGOT_CORPUS'] ?? join(PROJECT, '../shared/corpus');
const skip = existsSync(FOLDER) ? false : `no corpus in ${FOLDER}: set INGOT_CORPUS to its folder`;
const VERDICTS = (
  JSON.parse(readFileSync(join(PROJECT, 'test/data/corpus.json'), 'utf8')) as readonly Verdict[]
).filter(({ runs }) => runs !== undefined);

assert.ok(VERDICTS.length > 0);
for (const { file, runs } of VERDICTS) {
  test(`${file}: ${runs}`, { skip }, async () => {
    const { document, faults } = parseComponentDocument(readFileSync(join(FOLDER, file), 'utf8'), {
      platform: 'Linux',
    });
    assert.ok(document, JSON.stringify(faults));
    const launched = await launchOn('nspawn', await sharedBase());
    try {
      const lines: string[] = [];
      const outcome = await runDocument({
        document,
        name: file,
        phases: document.phases.map(({ name }) => name),
        parameters: {},
        instance: launched.instance,
        report: ({ text }) => lines.push(text),
      });
      const failure =
        outcome.failure === undefined
          ? 'success'
          : `${outcome.failure.phase}/${outcome.failure.step}: ${outcome.failure.message}`;
      assert.equal(failure, runs, lines.slice(-40).join('\n'));
    } finally {
      await launched.end();
    }
  });
}
