import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { openCatalog, type Queryable } from './catalog.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-catalog-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let next = 0;
const open = (name = `data ${next++}`) => openCatalog(join(folder, name));
const tag = (db: Queryable, key: string) => db.insertInto('tags').values({ arn: 'a', key, value: 'v' }).execute();
const keys = async (db: Queryable) =>
  (await db.selectFrom('tags').select('key').orderBy('key').execute()).map((row) => row.key);

test('records are still there when the catalogue is opened again', async () => {
  const first = await open('again');
  await tag(first.db, 'k');
  await first.close();

  const second = await open('again');
  assert.deepEqual(await keys(second.db), ['k']);
  await second.close();
});

test('a failed transaction changes nothing', async () => {
  const catalog = await open();
  await assert.rejects(
    catalog.transaction(async (trx) => {
      await tag(trx, 'k');
      throw new Error('no');
    }),
    /^Error: no$/,
  );
  assert.deepEqual(await keys(catalog.db), []);
  await catalog.close();
});

test('transactions run one after the other, and queries wait for them', async () => {
  const catalog = await open();
  const order: string[] = [];
  const slow = (name: string) =>
    catalog.transaction(async (trx) => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      await tag(trx, name);
      order.push(`${name} ends`);
    });
  const [, , seen] = await Promise.all([slow('a'), slow('b'), keys(catalog.db)]);
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends']);
  assert.deepEqual(seen, ['a', 'b']);
  await catalog.close();
});

test('of transactions that are committed together, a failed one rolls back only its own writes', async () => {
  const catalog = await open();
  const failing = (name: string) =>
    catalog.transaction(async (trx) => {
      await tag(trx, name);
      throw new Error(`no ${name}`);
    });
  const good = (name: string) => catalog.transaction((trx) => tag(trx, name).then(() => name));
  const ended = await Promise.allSettled([
    failing('a'),
    good('b'),
    failing('c'),
    good('d'),
    catalog.transaction((trx) => tag(trx, 'b')),
    good('e'),
  ]);
  assert.deepEqual(
    ended.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message)),
    ['no a', 'b', 'no c', 'd', 'UNIQUE constraint failed: tags.arn, tags.key', 'e'],
  );
  assert.deepEqual(await keys(catalog.db), ['b', 'd', 'e']);
  await catalog.close();
});

test('a failed commit fails all its transactions', async () => {
  const catalog = await open();
  // A foreign key that is only checked at the commit: the second transaction violates it.
  await sql`create table parents (id integer primary key)`.execute(catalog.db);
  await sql`create table children (parent integer references parents (id) deferrable initially deferred)`.execute(
    catalog.db,
  );
  const ended = await Promise.allSettled([
    catalog.transaction((trx) => tag(trx, 'a')),
    catalog.transaction((trx) => sql`insert into children values (1)`.execute(trx)),
    catalog.transaction((trx) => tag(trx, 'b')),
  ]);
  assert.deepEqual(
    ended.map((each) => each.status === 'rejected' && (each.reason as Error).message),
    Array(3).fill('FOREIGN KEY constraint failed'),
  );
  assert.deepEqual(await keys(catalog.db), []);
  await catalog.transaction((trx) => tag(trx, 'later'));
  assert.deepEqual(await keys(catalog.db), ['later']);
  await catalog.close();
});

test('a transaction inside a transaction is an error, not a deadlock', async () => {
  const catalog = await open();
  await assert.rejects(
    catalog.transaction(() => catalog.transaction((trx) => tag(trx, 'k'))),
    /would wait for itself/,
  );
  assert.deepEqual(await keys(catalog.db), []);
  await catalog.close();
});

test('a query outside of the transaction that its caller is in is an error, not a deadlock', async () => {
  const catalog = await open();
  await assert.rejects(
    catalog.transaction(() => keys(catalog.db)),
    /would wait for itself/,
  );
  assert.deepEqual(await keys(catalog.db), []);
  await catalog.close();
});

test('writers of two connections wait for each other, without blocking the event loop', async () => {
  const [one, other] = [await open('shared'), await open('shared')];
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 ? one : other).transaction((trx) => tag(trx, `k${index}`))),
  );
  assert.equal((await keys(one.db)).length, 20);
  await one.close();
  await other.close();
});

test('a database of a newer Ingot is rejected', async () => {
  const catalog = await open('newer');
  await catalog.db.insertInto('migrations').values({ number: 9999, name: 'future', applied: '' }).execute();
  await catalog.close();
  await assert.rejects(open('newer'), /newer Ingot/);
});

test('a value that SQL does not support is rejected', async () => {
  const catalog = await open();
  for (const value of [new Date(), true, { a: 1 }]) {
    await assert.rejects(
      catalog.db
        .insertInto('tags')
        .values({ arn: 'a', key: 'k', value: value as unknown as string })
        .execute(),
      /cannot be stored/,
    );
  }
  await catalog.close();
});

/** Lets the file of a catalogue grow by a number of pages only; SQLite then reports a full disk. */
async function limitPages(db: Queryable, more: number): Promise<void> {
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
  await sql`pragma max_page_count = ${sql.raw(String(rows[0]!.page_count + more))}`.execute(db);
}

test('a full disk is reported with the file, whichever transaction of a batch it hits; others succeed', async () => {
  const catalog = await open('full');
  const large = (db: Queryable) =>
    db
      .insertInto('tags')
      .values({ arn: 'large', key: 'x'.repeat(1 << 20), value: 'v' })
      .execute();
  const full = { errcode: 13, path: join(folder, 'full', 'catalog.db') };
  await limitPages(catalog.db, 4);
  await assert.rejects(large(catalog.db), full);
  await assert.rejects(catalog.transaction(large), full);
  // The failing transaction is first, in the middle, and last in its batch.
  for (const failing of [0, 2, 4]) {
    const works = Array.from({ length: 5 }, (_, index) =>
      catalog.transaction(index === failing ? large : (trx) => tag(trx, `${failing}-${index}`)),
    );
    const ended = await Promise.allSettled(works);
    assert.equal(ended[failing]!.status, 'rejected');
    for (const [index, each] of ended.entries()) {
      if (each.status === 'rejected') await assert.rejects(Promise.reject(each.reason as Error), full);
      // Everything that was reported as done is there; everything reported as failed is not.
      assert.equal(
        (await keys(catalog.db)).includes(`${failing}-${index}`),
        each.status === 'fulfilled' && index !== failing,
      );
    }
  }
  // Code that ignores the error cannot write after its transaction has gone.
  await assert.rejects(
    catalog.transaction(async (trx) => {
      await tag(trx, 'before');
      await large(trx).catch(() => {});
      await tag(trx, 'after').catch(() => {});
    }),
    full,
  );
  assert.deepEqual(
    (await keys(catalog.db)).filter((key) => key === 'before' || key === 'after'),
    [],
  );
  await limitPages(catalog.db, 10_000);
  await catalog.transaction(large);
  await catalog.close();
});
