import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { parseComponentDocument } from '../../src/documents/component/parse.ts';
import { ingotRoutes } from '../../src/api/ingot/register.ts';
import { OPERATIONS } from '../../src/api/model.ts';
import { blocksOf, docBlocks, withBlocks } from './blocks.ts';
import { DOCS_FOLDER, DOCUMENTS } from './documents.ts';
import { INGOT_ROUTES } from './operations.ts';

const blocks = await docBlocks();
const texts = new Map(DOCUMENTS.map((path) => [basename(path), readFileSync(path, 'utf8')]));

describe('documents that are made in part from the code', () => {
  for (const [name, text] of texts) {
    test(`${name} is as npm run docs:api makes it`, () => assert.equal(text, withBlocks(text, blocks)));
  }

  test('every block stands in one document', () => {
    assert.deepEqual([...texts.values()].flatMap(blocksOf).sort(), Object.keys(blocks).sort());
  });

  test('a marker without a block is an error', () => {
    const text = '<!-- made by npm run docs:api: no-such -->\n<!-- end -->\n';
    assert.throws(() => withBlocks(text, blocks), /unknown block 'no-such'/);
  });
});

test('every operation of the model is named once', () => {
  for (const name of OPERATIONS.keys()) assert.equal(blocks['operations']!.split(`\`${name}\``).length, 2, name);
});

test('every route of Ingot is described', () => {
  assert.deepEqual(Object.keys(INGOT_ROUTES).sort(), ingotRoutes.map(({ action }) => action).sort());
});

test('every member of a progress record is described', () => {
  const source = readFileSync(new URL('../../src/resources/progress.ts', import.meta.url), 'utf8');
  const members = [
    .../interface ProgressRecord \{([\s\S]*?)\n\}/.exec(source)![1]!.matchAll(/^ {2}readonly (\w+)/gm),
  ].map((match) => match[1]!);
  assert.ok(members.length > 15);
  for (const member of members)
    assert.match(texts.get('events-and-logs.md')!, new RegExp(`^\\| \`${member}\` \\|`, 'm'), member);
});

test('the component documents that are shown are valid, warnings among it', () => {
  const shown = [...texts.get('components.md')!.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map((match) => match[1]!)
    .filter((text) => /^schemaVersion:/m.test(text));
  assert.ok(shown.length > 0);
  for (const text of shown) assert.deepEqual(parseComponentDocument(text, { platform: 'Linux' }).faults, []);
});

test('links between documents lead somewhere', () => {
  for (const path of [...DOCUMENTS, join(dirname(DOCS_FOLDER), 'README.md')]) {
    if (!existsSync(path)) continue;
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(dirname(path), target!)), `${basename(path)}: ${target}`);
    }
  }
});
