import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { after, before, test } from 'node:test';
import { DataKey } from '../keys/data-key.ts';
import { run } from '../platform/processes.ts';
import { createOverlay } from './disks.ts';
import { createEncrypted, encryptedName, QemuSecrets, type EncryptedChain } from './encrypted-disk.ts';

const MiB = 1 << 20;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-encrypted-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Runs a program of QEMU on a chain; its options come before the name of the disk. */
async function qemu(chain: EncryptedChain, key: DataKey, argv: readonly string[], okCodes: readonly number[] = [0]) {
  using secrets = new QemuSecrets([key], '--object');
  return run([...argv, ...secrets.options, encryptedName(chain)], { descriptors: secrets.descriptors, okCodes });
}

test('QEMU reads and writes encrypted files over a plain one, and only with their key', async () => {
  const [base, below, top] = ['base', 'below', 'top'].map((name) => join(folder, `${name}.qcow2`)) as [
    string,
    string,
    string,
  ];
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', base, '3G']);
  await run(['qemu-io', '-c', 'write -q -P 0x40 2G 1M', base]);
  const key = new DataKey('dk-00000000000000001');
  await createEncrypted(below, key, 3 * 1024 * MiB, base);
  await createEncrypted(top, key, 4 * 1024 * MiB, below);
  const lower: EncryptedChain = { files: [{ path: below, key }] };
  const chain: EncryptedChain = { files: [{ path: top, key }, ...lower.files] };
  await qemu(lower, key, ['qemu-io', '-c', 'write -q -P 0x41 0 1M']);
  await qemu(chain, key, ['qemu-io', '-c', 'write -q -P 0x42 3500M 8M', '-c', 'write -q -P 0x43 4k 4k']);
  const { stdout } = await qemu(chain, key, [
    'qemu-io',
    ...[
      'read -P 0x41 0 4k',
      'read -P 0x43 4k 4k',
      'read -P 0x41 8k 8k',
      'read -P 0x40 2G 1M',
      'read -P 0x42 3500M 8M',
    ].flatMap((command) => ['-c', command]),
  ]);
  assert.equal(stdout.match(/^read \d+\/\d+/gm)?.length, 5);
  assert.doesNotMatch(stdout, /Pattern verification failed/);
  for (const each of [lower, chain]) await qemu(each, key, ['qemu-img', 'check', '-q']);

  // The same content in a plain file is found by the same search.
  const plain = join(folder, 'plain.qcow2');
  await createOverlay(base, plain);
  await run(['qemu-io', '-c', 'write -q -P 0x41 0 1M', plain]);
  assert.ok((await readFile(plain)).includes('A'.repeat(64)));
  for (const file of [below, top]) {
    const content = await readFile(file);
    for (const pattern of ['A', 'B', 'C']) assert.ok(!content.includes(pattern.repeat(64)), `${file} has ${pattern}`);
    assert.ok(!content.includes(key.reveal()));
  }

  const other = new DataKey(key.id);
  const { stderr } = await qemu(chain, other, ['qemu-img', 'check', '-q'], [1]);
  assert.match(stderr, /Invalid password/);
});

test('a data key prints nothing of itself and leaves no file', () => {
  const key = new DataKey('dk-00000000000000002');
  const secret = key.reveal();
  assert.equal(Buffer.from(secret, 'base64url').length, 32);
  for (const text of [inspect({ key }, { depth: 9, showHidden: true }), JSON.stringify({ key }), `${key}`, String(key)])
    assert.ok(!text.includes(secret), text);
  const before = readdirSync('/dev/shm').length;
  using secrets = new QemuSecrets([key], '--object');
  assert.equal(readdirSync('/dev/shm').length, before);
  assert.ok(!secrets.options.join(' ').includes(secret));
});
