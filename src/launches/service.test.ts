import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCatalog } from '../catalog/catalog.ts';
import { insertInstance, wasChangedByHand } from '../catalog/instances.ts';
import { launchService } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-launches-'));
const catalog = await openCatalog(folder);
after(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});
const OWNER = { account: '123456789012', region: 'us-east-1' };
const service = launchService(catalog, () => {});

async function instance(id: string, kind: 'build' | 'launch' | 'kept'): Promise<string> {
  await insertInstance(catalog.db, {
    ...OWNER,
    id,
    purpose: kind === 'kept' ? 'build' : kind,
    image_arn: null,
    ami_id: null,
    driver: 'nspawn',
    instance_type: 't3.small',
    state: 'running',
    reason: null,
    // Without a handle nothing can attach. The mark is set before that.
    handle: null,
    request: '{}',
    created: '2026-11-01T00:00:00.000Z',
    kept_until: kind === 'kept' ? '2026-11-02T00:00:00.000Z' : null,
    changed_by_hand: null,
  });
  return id;
}

const exec = (id: string, owner = OWNER): Promise<unknown> =>
  service.exec(owner, id, { argv: ['true'], env: {} }, () => {}, new AbortController().signal);

test('the instance of a build is marked as changed before a command can change it', async () => {
  const ways: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
    exec,
    shell: (id) => service.shell(OWNER, id, { term: 'dumb' }),
    put: (id) => service.putFiles(OWNER, id, { path: '/srv', name: '' }),
  };
  for (const [name, way] of Object.entries(ways)) {
    const id = await instance(`i-${name}`, 'build');
    await assert.rejects(way(id), /not running/);
    assert.equal(await wasChangedByHand(catalog.db, id), true, name);
  }
});

test("reads, other accounts' calls, and work in a user's own instance set no mark", async () => {
  const build = await instance('i-read', 'build');
  await assert.rejects(service.getFiles(OWNER, build, '/etc'), /not running/);
  await assert.rejects(exec(build, { ...OWNER, account: '210987654321' }));
  const users = [await instance('i-launch', 'launch'), await instance('i-kept', 'kept')];
  for (const id of users) await assert.rejects(exec(id), /not running/);
  for (const id of [build, ...users]) assert.equal(await wasChangedByHand(catalog.db, id), false, id);
});
