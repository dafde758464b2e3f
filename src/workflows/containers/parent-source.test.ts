import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeLayout } from '../../../test/harness/oci-layout.ts';
import { loadManaged } from '../../catalog/managed.ts';
import { DEFAULT_NAMES } from '../../platform/config/names.ts';
import { parentSource } from './parent-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-parent-'));
after(() => rmSync(folder, { recursive: true }));
const NAME = 'arn:aws:imagebuilder:us-east-1:aws:image/our-base/x.x.x';

const sourceOf = (meaning: string) =>
  parentSource(NAME, {
    db: undefined as never,
    managed: loadManaged([], undefined, { ...DEFAULT_NAMES, parentImages: { 'our-base': meaning } }),
    account: '123456789012',
    region: 'us-east-1',
  });

test('a name of config.yaml may be an image in a registry', async () => {
  deepEqual(await sourceOf('docker://registry.example.com/base:1'), {
    kind: 'registry',
    reference: 'registry.example.com/base:1',
  });
});

test('or an OCI layout, which is known by its digest', async () => {
  const digest = writeLayout(join(folder, 'layout'));
  const source = await sourceOf(`oci:${join(folder, 'layout')}`);
  equal(source.kind, 'layout');
  equal(source.kind === 'layout' ? source.digest : '', digest);
  await rejects(sourceOf(`oci:${join(folder, 'absent')}`), {
    name: 'ParentMissing',
    message:
      /parentImages\.our-base in config\.yaml: the OCI layout \S+absent cannot be used: index\.json cannot be read \(ENOENT\)/,
  });
});
