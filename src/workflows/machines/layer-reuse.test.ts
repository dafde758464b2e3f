import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Image } from '@aws-sdk/client-imagebuilder';
import { openCatalog } from '../../catalog/catalog.ts';
import { LayerStore, type SealedLayer } from '../../images/layer-store.ts';
import { componentKey, groundKey, layerLabel, reuseLayers } from './layer-reuse.ts';
import { sampleComponent, samplePlan } from '../../../test/harness/image-plan.ts';
import type { ImagePlan } from '../planning/image-plan.ts';

const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-build-plan-'));
const catalog = await openCatalog(dataDirectory);
const layers = new LayerStore(catalog, dataDirectory);
after(async () => {
  await catalog.close();
  rmSync(dataDirectory, { recursive: true });
});

const script = (line: string): string =>
  `schemaVersion: 1.0\nparameters:\n  - Version: {type: string, default: '1'}\nphases:\n  - name: build\n    ` +
  `steps:\n      - {name: Run, action: ExecuteBash, inputs: {commands: ['${line}']}}\n`;
const UPDATE = 'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: Update, action: UpdateOS}\n';
const DOCUMENTS = [script('echo one'), script('echo two'), script('echo three')];

/** A build, as far as it differs from the previous one. */
interface Build {
  readonly documents?: readonly string[];
  readonly parameters?: Readonly<Record<string, string>>;
  readonly image?: Partial<Image>;
  readonly recipe?: Image['imageRecipe'];
  readonly sizeBytes?: number;
  readonly driver?: string;
  readonly account?: string;
}

let builds = 0;
function planOf(
  name: string,
  { documents = DOCUMENTS, parameters = {}, image = {}, recipe = {}, account = '123456789012' }: Build,
): ImagePlan {
  const arn = `arn:aws:imagebuilder:us-east-1:123456789012:image/${name}/1.0.0/${++builds}`;
  return samplePlan(
    {
      arn,
      region: 'us-east-1',
      account,
      image: {
        arn,
        name,
        type: 'AMI',
        platform: 'Linux',
        dateCreated: new Date(builds * 1000).toISOString(),
        imageRecipe: recipe,
        ...image,
      },
    },
    documents.map((data, index) =>
      sampleComponent({ arn: `arn:c${index}`, name: `c${index}`, data, parameters: index === 1 ? parameters : {} }),
    ),
  );
}

let parents = 0;
async function parentDisk(): Promise<SealedLayer> {
  const layer = await layers.announce(null);
  writeFileSync(layer.path, '');
  return layers.seal(layer, `parent-${++parents}`, {});
}

/** Reuses and makes layers as a build does. Returns a line for each component. */
async function build(name: string, parent: SealedLayer, wanted: Build = {}): Promise<readonly string[]> {
  const plan = planOf(name, wanted);
  const { driver = 'nspawn' } = wanted;
  const told: string[] = [];
  const components = plan.phases.BUILD;
  const reused = await reuseLayers(
    { catalog, layers },
    plan,
    components,
    parent,
    groundKey(parent, wanted.sizeBytes),
    () => [driver],
    (event) => told.push(event.text.replace(/lay-\w+/, 'its layer')),
  );
  let { key } = reused;
  let below = reused.layer.id;
  for (const planned of components.slice(reused.count)) {
    const { key: own, record } = componentKey(plan, planned, key, driver);
    const layer = await layers.announce(below);
    writeFileSync(layer.path, '');
    ({ key, id: below } = await layers.seal(layer, own, record, { label: layerLabel(plan, planned) }));
  }
  await layers.release(plan.arn);
  return told;
}

const HITS = [0, 1, 2].map((index) => `layer of c${index}: hit, its layer`);
const AFTER = 'an earlier component runs again';

describe('a second build', () => {
  /** The result for each component in the second build: `hit`, or the reason of the miss. */
  const cases: readonly [what: string, second: Build, expected: readonly string[]][] = [
    ['of the same takes all', {}, ['hit', 'hit', 'hit']],
    [
      'whose last component changed runs only that',
      { documents: [...DOCUMENTS.slice(0, 2), script('echo four')] },
      ['hit', 'hit', 'its document changed'],
    ],
    [
      'whose first component changed runs all',
      { documents: [script('echo zero'), ...DOCUMENTS.slice(1)] },
      ['its document changed', AFTER, AFTER],
    ],
    ['with another parameter names it', { parameters: { Version: '2' } }, ['hit', 'parameters.Version changed', AFTER]],
    [
      'in another working directory',
      { recipe: { workingDirectory: '/srv' } },
      ['the working directory changed', AFTER, AFTER],
    ],
    [
      'with other user data',
      { recipe: { additionalInstanceConfiguration: { userDataOverride: 'eA==' } } },
      ['the user data changed', AFTER, AFTER],
    ],
    ['on a larger disk', { sizeBytes: 1e10 }, ['the layer below it changed', AFTER, AFTER]],
    ['on another driver', { driver: 'qemu' }, ['it ran on another driver', AFTER, AFTER]],
    ['by another account takes nothing', { account: '210987654321' }, ['no such layer exists yet', AFTER, AFTER]],
    [
      'with a component in front',
      { documents: [script('echo new'), ...DOCUMENTS] },
      ['its document changed', AFTER, AFTER, AFTER],
    ],
    ['without its last component', { documents: DOCUMENTS.slice(0, 2) }, ['hit', 'hit']],
    [
      'by a schedule takes nothing',
      { image: { buildType: 'SCHEDULED' } },
      Array(3).fill('scheduled builds use no cached layers'),
    ],
    [
      'with the cache off takes nothing',
      { image: { tags: { 'ingot:layer-cache': 'off' } } },
      Array(3).fill('disabled by the tag ingot:layer-cache'),
    ],
  ];
  for (const [index, [what, second, expected]] of cases.entries()) {
    test(what, async () => {
      const parent = await parentDisk();
      assert.deepEqual(
        await build(`second-${index}`, parent),
        [0, 1, 2].map((each) => `layer of c${each}: miss, ${each === 0 ? 'no such layer exists yet' : AFTER}`),
      );

      assert.deepEqual(
        await build(`second-${index}`, parent, second),
        expected.map((each, at) => `layer of c${at}: ${each === 'hit' ? 'hit, its layer' : `miss, ${each}`}`),
      );

      assert.deepEqual(await build(`second-${index}`, parent), HITS, 'what the first made is there still');
    });
  }

  test('on another parent image', async () => {
    await build('parent', await parentDisk());
    assert.match((await build('parent', await parentDisk()))[0]!, /miss, the layer below it changed$/);
  });

  test('older than the maximum age', async () => {
    const parent = await parentDisk();
    await build('old', parent);
    const dayBefore = new Date(Date.now() - 26 * 3_600_000).toISOString();
    await catalog.db.updateTable('layers').set({ created: dayBefore }).where('label', 'like', '%/old/c0').execute();
    assert.deepEqual(await build('old', parent, { image: { tags: { 'ingot:layer-cache': '25h' } } }), [
      `layer of c0: miss, it is too old (made ${dayBefore})`,
      `layer of c1: miss, ${AFTER}`,
      `layer of c2: miss, ${AFTER}`,
    ]);
    await catalog.db.updateTable('layers').set({ created: dayBefore }).where('label', 'like', '%/old/c0').execute();
    assert.deepEqual(await build('old', parent, { image: { tags: { 'ingot:layer-cache': '27h' } } }), HITS);
  });

  test("with the layer's file deleted", async () => {
    const parent = await parentDisk();
    await build('gone', parent);
    const { path } = await catalog.db
      .selectFrom('layers')
      .select('path')
      .where('label', 'like', '%/gone/c0')
      .executeTakeFirstOrThrow();
    rmSync(join(dataDirectory, path));
    assert.equal((await build('gone', parent))[0], 'layer of c0: miss, its file is gone');
  });
});

test('a component that installs the newest versions is run in every build, and so are later ones', async () => {
  const parent = await parentDisk();
  const documents = [DOCUMENTS[0]!, UPDATE, DOCUMENTS[2]!];
  await build('newest', parent, { documents });
  assert.deepEqual(await build('newest', parent, { documents }), [
    'layer of c0: hit, its layer',
    'layer of c1: miss, it uses the newest available versions, in every build',
    `layer of c2: miss, ${AFTER}`,
  ]);
});
