import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCatalog } from '../../catalog/catalog.ts';
import {
  createRepository,
  findRepository,
  imagesOfRepository,
  recordPush,
  updateRepository,
} from '../../catalog/repositories.ts';
import { ageRepositories } from './repositories.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-repositories-'));
const catalog = await openCatalog(folder);
after(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});

const PLACE = { account: '123456789012', region: 'us-east-1' };
const NOW = Date.now() + 1000;
const HOUR = 3_600_000;

async function repository(name: string, due: number | undefined): Promise<string> {
  const settings = { name, tag_mutability: 'IMMUTABLE', mutability_exclusions: null, scan_on_push: 0 };
  const { id } = await createRepository(catalog.db, PLACE, settings);
  const selection = { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 1 };
  const rules = [{ rulePriority: 1, selection, action: { type: 'expire' } }];
  await updateRepository(catalog.db, id, {
    lifecycle_policy: JSON.stringify({ rules }),
    lifecycle_due: due === undefined ? null : new Date(due).toISOString(),
  });
  for (const [digest, tag] of [
    ['sha256:a', '1'],
    ['sha256:b', '2'],
  ] as const)
    await recordPush(catalog.db, id, { digest, media_type: 'm', artifact_type: null, size: 1, children: '[]' }, tag);
  return id;
}

test('images expire where a policy is due, and nowhere else; the next run is a day later', async () => {
  const due = await repository('due', NOW - 1);
  const later = await repository('later', NOW + HOUR);
  const without = await repository('without', undefined);

  assert.equal(await ageRepositories(catalog, NOW), 1);
  assert.equal(await ageRepositories(catalog, NOW), 0);

  const counts = await Promise.all(
    [due, later, without].map(async (id) => (await imagesOfRepository(catalog.db, id)).length),
  );
  assert.deepEqual(counts, [1, 2, 2]);
  const { lifecycle_evaluated, lifecycle_due } = (await findRepository(catalog.db, PLACE, 'due'))!;
  assert.equal(lifecycle_evaluated, new Date(NOW).toISOString());
  assert.equal(lifecycle_due, new Date(NOW + 24 * HOUR).toISOString());
});
