/**
 * Transactions that wait at the same time are committed together, because each commit waits for the disk. Each is a
 * separate savepoint, so a failed one undoes only its own writes.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import { holdingConnection, inTransactionScope, refuseNested } from './database.ts';

/** Runs work as a transaction. When the promise resolves, it is on the disk. */
export type RunTransaction<Tables> = <T>(work: (trx: Transaction<Tables>) => Promise<T>) => Promise<T>;

/** Maximum number of transactions in one commit: readers wait for it. */
const MOST = 64;

interface Waiting<Tables> {
  /** Runs the work. Returns a function that reports the result to the caller, called after the commit. */
  work(trx: Transaction<Tables>, alone: boolean): Promise<() => void>;
  fail(error: unknown): void;
}

/** An error of the first work of a batch, which has no savepoint: only its own writes exist. */
class FirstFailed extends Error {
  readonly tell: () => void;

  constructor(tell: () => void) {
    super('the first transaction of a batch failed');
    this.tell = tell;
  }
}

/** The transactions of a database. */
export function groupedTransactions<Tables>(db: Kysely<Tables>): RunTransaction<Tables> {
  const waiting: Waiting<Tables>[] = [];
  let working = false;

  async function workAll(): Promise<void> {
    working = true;
    // Reads get a turn between two batches.
    while (waiting.length > 0)
      await inTransactionScope(() => db.connection().execute(batch)).catch((error: unknown) =>
        waiting.shift()?.fail(error),
      );
    working = false;
  }

  async function batch(connection: Kysely<Tables>): Promise<void> {
    // Work that arrived in the same turn of the event loop joins.
    await new Promise((resolve) => setImmediate(resolve));
    const taken: Waiting<Tables>[] = [];
    const told: (() => void)[] = [];
    try {
      await connection.transaction().execute(async (trx) => {
        for (let next = waiting.shift(); next !== undefined; next = taken.length < MOST ? waiting.shift() : undefined) {
          taken.push(next);
          told.push(await next.work(trx, taken.length === 1));
        }
      });
    } catch (error) {
      if (error instanceof FirstFailed) return error.tell();
      for (const each of taken) each.fail(error);
      return;
    }
    for (const tell of told) tell();
  }

  return <T>(work: (trx: Transaction<Tables>) => Promise<T>) => {
    refuseNested();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    waiting.push({
      async work(trx, first) {
        if (!first) await sql`savepoint one_of_many`.execute(trx);
        try {
          const value = await holdingConnection(() => work(trx));
          if (!first) await sql`release one_of_many`.execute(trx);
          return () => resolve(value);
        } catch (error) {
          if (first) throw new FirstFailed(() => reject(error));
          await sql`rollback to one_of_many`.execute(trx);
          await sql`release one_of_many`.execute(trx);
          return () => reject(error);
        }
      },
      fail: reject,
    });
    if (!working) void workAll();
    return promise;
  };
}
