import { samplePlan } from '../../../test/harness/image-plan.ts';
import { newProgress } from './image-progress.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCatalog } from '../../catalog/catalog.ts';
import { insertInstance, markChangedByHand } from '../../catalog/instances.ts';
import type { LayerStore } from '../../images/layer-store.ts';
import type { WorkInstance } from './image-progress.ts';
import { takeLayer } from './instances.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-take-layer-'));
const catalog = await openCatalog(folder);
after(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});

const NOW = '2026-11-01T00:00:00.000Z';

async function layersOf(id: string, marks: 'never' | 'before' | 'in the snapshot' | 'after'): Promise<string[]> {
  await insertInstance(catalog.db, {
    id,
    purpose: 'build',
    account: '123456789012',
    region: 'us-east-1',
    image_arn: 'arn:image',
    ami_id: null,
    driver: 'nspawn',
    instance_type: 't3.small',
    state: 'running',
    reason: null,
    handle: '{}',
    request: '{}',
    created: NOW,
    kept_until: null,
    changed_by_hand: null,
  });
  const mark = (): Promise<void> => markChangedByHand(catalog.db, id, NOW);
  const layers = {
    announce: async () => ({ id: 'next', path: '/next' }),
    dataKey: async () => undefined,
    seal: async (_layer: unknown, key: string) => ({ id: `lay-${key}`, key }),
  } as unknown as LayerStore;
  const instance = {
    id,
    async snapshot() {
      if (marks === 'in the snapshot') await mark();
    },
  };
  const entry = { instance, layer: { id: 'open' }, parentKey: 'ground' } as unknown as WorkInstance;
  const work = {
    plan: samplePlan({
      arn: 'arn:image',
      region: 'us-east-1',
      account: '123456789012',
      image: { arn: 'arn:image', name: 'x', version: '1.0.0/1', type: 'AMI', platform: 'Linux' },
    }),
    progress: newProgress(),
    services: { catalog, layers },
  };
  const take = async (name: string): Promise<string> =>
    (
      await takeLayer(work, entry, (parentKey) => ({ key: `${parentKey}+${name}`, record: {} }), {
        label: name,
        report: () => {},
      })
    ).key;
  if (marks === 'before') await mark();
  const first = await take('a');
  if (marks === 'after') await mark();
  return [first, await take('b')];
}

test('layers of an instance that no user changed have the keys of their content', async () => {
  assert.deepEqual(await layersOf('i-1', 'never'), ['ground+a', 'ground+a+b']);
});

test('after a user changed the instance, even while a layer is sealed, its key is unique', async () => {
  for (const marks of ['before', 'in the snapshot'] as const) {
    const [first, second] = await layersOf(`i-${marks}`, marks);
    assert.match(first!, /^[0-9a-f]{64}\+a$/);
    assert.match(second!, /^[0-9a-f]{64}\+b$/);
  }
});

test('a layer that was sealed before a user changed the instance keeps its key', async () => {
  const [first, second] = await layersOf('i-2', 'after');
  assert.equal(first, 'ground+a');
  assert.match(second!, /^[0-9a-f]{64}\+b$/);
});
