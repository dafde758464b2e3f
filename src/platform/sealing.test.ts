import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSealer, sealerOf } from './sealing.ts';

test('a sealed value opens with the key and for its use only', () => {
  const sealer = sealerOf(new Uint8Array(32).fill(1));
  const sealed = sealer.seal('Geheimnis ü', 'key A');
  assert.doesNotMatch(Buffer.from(sealed, 'base64').toString('latin1'), /Geheimnis/);
  assert.notEqual(sealer.seal('Geheimnis ü', 'key A'), sealed);
  assert.equal(sealer.open(sealed, 'key A'), 'Geheimnis ü');
  assert.equal(sealer.open(sealed, 'key B'), undefined);
  assert.equal(sealerOf(new Uint8Array(32).fill(2)).open(sealed, 'key A'), undefined);
  for (const forged of ['', 'x', `${sealed}A`, sealed.slice(4), `${sealed.slice(0, -6)}AAAA==`])
    assert.equal(sealer.open(forged, 'key A'), undefined);
});

test('the key is created once, readable by its owner only', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-sealing-'));
  try {
    const [one, two] = await Promise.all([openSealer(directory), openSealer(directory)]);
    assert.equal(two.open(one.seal('text', 'use'), 'use'), 'text');
    assert.equal(statSync(join(directory, 'secrets.key')).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(directory, 'secrets.key')).length, 32);
    writeFileSync(join(directory, 'secrets.key'), 'short');
    await assert.rejects(openSealer(directory), /does not hold 32 bytes/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
