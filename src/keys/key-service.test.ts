import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { openCatalog, type Catalog } from '../catalog/catalog.ts';
import { deleteDueKeys, getKey, setKeyState, wrappedBy } from '../catalog/keys.ts';
import { readFileSync } from 'node:fs';
import { KeyService } from './key-service.ts';
import { DEFAULT_ALIAS, findKey, isAlias, usableKey } from './references.ts';
import { readRootKey } from './root-key.ts';

const PLACE = { account: '123456789012', region: 'us-east-1' };
const folders: string[] = [];
let dataDirectory: string;
let catalog: Catalog;
let keys: KeyService;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'ingot-keys-'));
  folders.push(dataDirectory);
  catalog = await openCatalog(dataDirectory);
  keys = new KeyService(catalog);
});
afterEach(() => catalog.close());
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

test('a data key is opened by its key, and by each key that it was shared with', async () => {
  const home = await keys.create(PLACE, { alias: 'alias/home' });
  const there = await keys.create({ ...PLACE, region: 'eu-west-1' }, {});
  const dataKey = await keys.newDataKey(home.arn);
  const secret = dataKey.reveal();
  assert.equal((await keys.openDataKey(dataKey.id)).reveal(), secret);
  await assert.rejects(keys.openDataKey(dataKey.id, there.arn), /does not open the data key/);
  await keys.share([dataKey.id], undefined, there.arn);
  await setKeyState(catalog.db, home.arn, 'Disabled');
  await assert.rejects(keys.openDataKey(dataKey.id), /is disabled/);
  assert.equal((await keys.openDataKey(dataKey.id, there.arn)).reveal(), secret);
});

test('nothing that is stored has a key in the clear, and the root key is a file of mode 0600', async () => {
  const key = await keys.create(PLACE, {});
  const secret = (await keys.newDataKey(key.arn)).reveal();
  await catalog.db.selectFrom('keys').select('arn').execute();
  const stored = ['catalog.db', 'catalog.db-wal'].map((name) => readFileSync(join(dataDirectory, name)));
  assert.ok(stored.every((content) => !content.includes(secret)));
  assert.equal((await stat(join(dataDirectory, 'root.key'))).mode & 0o777, 0o600);
});

test('rotation seals again with other material, and old material is kept', async () => {
  const key = await keys.create(PLACE, {});
  const all = [await keys.newDataKey(key.arn), await keys.newDataKey(key.arn)];
  const before = await wrappedBy(catalog.db, key.arn);
  assert.equal(await keys.rotate(key.arn), 2);
  const rotated = await wrappedBy(catalog.db, key.arn);
  assert.deepEqual(
    rotated.map(({ version }) => version),
    [2, 2],
  );
  assert.ok(rotated.every(({ sealed }) => before.every((each) => each.sealed !== sealed)));
  for (const each of all) assert.equal((await keys.openDataKey(each.id)).reveal(), each.reveal());
});

test('a sealed data key opens nothing in the place of another one', async () => {
  const key = await keys.create(PLACE, {});
  const [one, two] = [await keys.newDataKey(key.arn), await keys.newDataKey(key.arn)];
  const sealed = (await wrappedBy(catalog.db, key.arn)).find(({ data_key_id }) => data_key_id === one.id)!.sealed;
  await catalog.db.updateTable('wrapped_keys').set({ sealed }).where('data_key_id', '=', two.id).execute();
  await assert.rejects(keys.openDataKey(two.id), /the record of the data key .* is damaged/);
});

test('a key is named by its ID, ARN, alias and the ARN of an alias, and refused with a reason', async () => {
  const key = await keys.create(PLACE, { alias: 'alias/images' });
  const id = key.arn.split('/')[1]!;
  for (const reference of [id, key.arn, 'alias/images', `arn:aws:kms:us-east-1:${PLACE.account}:alias/images`])
    assert.equal((await findKey(catalog.db, reference, PLACE)).arn, key.arn);
  for (const [reference, message] of [
    ['images', /'images' is not a key: expected its ID, its ARN, alias\/NAME/],
    ['alias/other', /the key 'alias\/other' does not exist in us-east-1/],
    [key.arn.replace(PLACE.account, '210987654321'), /belongs to account 210987654321, and not to 123456789012/],
    [key.arn.replace('us-east-1', 'eu-west-1'), /is in eu-west-1; disks in us-east-1 need a key of us-east-1/],
  ] as const)
    await assert.rejects(findKey(catalog.db, reference, PLACE), message);
  await assert.rejects(keys.create(PLACE, { alias: 'alias/images' }), /names another key/);
  assert.ok(isAlias('alias/a-b/c') && !isAlias('alias/aws/ebs') && !isAlias('images'));
  assert.equal((await keys.defaultKey(PLACE)).arn, (await keys.defaultKey(PLACE)).arn);
  assert.notEqual((await findKey(catalog.db, DEFAULT_ALIAS, PLACE)).arn, key.arn);
});

test('a key that is pending deletion is refused, and gone with all that it sealed when its time has come', async () => {
  const key = await keys.create(PLACE, { alias: 'alias/going' });
  const dataKey = await keys.newDataKey(key.arn);
  await setKeyState(catalog.db, key.arn, 'PendingDeletion', '2026-01-08T00:00:00Z');
  await assert.rejects(usableKey(catalog.db, 'alias/going', PLACE), /is pending deletion \(2026-01-08T00:00:00Z\)/);
  assert.deepEqual(await deleteDueKeys(catalog.db, '2026-01-07T23:59:59Z'), []);
  assert.deepEqual(await deleteDueKeys(catalog.db, '2026-01-08T00:00:00Z'), [key.arn]);
  assert.equal(await getKey(catalog.db, key.arn), undefined);
  await assert.rejects(keys.openDataKey(dataKey.id), /does not exist/);
});

test('the root key can be a file, a credential of systemd or a passphrase, and is judged', async (t) => {
  const { db } = catalog;
  const path = join(dataDirectory, 'secret');
  const read = (rootKey: Parameters<typeof readRootKey>[1]['rootKey'], hasKeys = false) =>
    readRootKey(dataDirectory, { rootKey }, db, hasKeys);

  await assert.rejects(read({ kind: 'file' }, true), /root\.key is missing, and the keys on record cannot be opened/);
  const made = await read({ kind: 'file' });
  assert.equal((await read({ kind: 'file' }, true)).open(made.seal('x', 'u'), 'u'), 'x');
  await writeFile(path, 'short', { mode: 0o600 });
  await assert.rejects(read({ kind: 'file', path }), /has 5 bytes instead of 32/);
  await chmod(path, 0o640);
  await assert.rejects(read({ kind: 'file', path }), /can be read by others \(mode 640\)/);
  await chmod(path, 0o600);

  await assert.rejects(read({ kind: 'passphrase', path }), /fewer than 12 characters/);
  await writeFile(path, 'correct horse battery staple\n');
  const passphrase = await read({ kind: 'passphrase', path });
  const sealed = passphrase.seal('x', 'u');
  assert.equal((await read({ kind: 'passphrase', path })).open(sealed, 'u'), 'x');
  await writeFile(path, 'correct horse battery stable\n');
  assert.equal((await read({ kind: 'passphrase', path })).open(sealed, 'u'), undefined);

  const before = process.env['CREDENTIALS_DIRECTORY'];
  t.after(() => {
    if (before === undefined) delete process.env['CREDENTIALS_DIRECTORY'];
    else process.env['CREDENTIALS_DIRECTORY'] = before;
  });
  delete process.env['CREDENTIALS_DIRECTORY'];
  await assert.rejects(read({ kind: 'credential', name: 'root' }), /systemd has given this server no credentials/);
  process.env['CREDENTIALS_DIRECTORY'] = dataDirectory;
  const credential = await read({ kind: 'credential', name: 'root.key' });
  assert.equal(credential.open(made.seal('x', 'u'), 'u'), 'x');
  assert.equal((await readFile(join(dataDirectory, 'root.key'))).length, 32);
});

test('a process that has opened a key leaves no core', async () => {
  await keys.create(PLACE, {});
  assert.match(readFileSync('/proc/self/limits', 'latin1'), /^Max core file size +1 +1 +bytes/m);
});
