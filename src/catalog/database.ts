/** SQLite (`node:sqlite`) under Kysely: one connection of this thread, used by one transaction or query at a time. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import { sleep } from '../platform/clock.ts';
import { isDiskFull } from '../platform/disk-full.ts';
import { makePrivateFile } from '../platform/data-directory.ts';

/** How long a write waits for another connection's write, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;
const SQLITE_BUSY = 5;
const CACHED_STATEMENTS = 400;

/** The transaction that a call chain is in. Requesting a second connection inside it would be a deadlock. */
interface TransactionScope {
  holds: boolean;
}
const scopes = new AsyncLocalStorage<TransactionScope>();

/** Runs work that takes the connection once. A query outside of the transaction is an error, not a deadlock. */
export function inTransactionScope<T>(work: () => Promise<T>): Promise<T> {
  return scopes.run({ holds: false }, work);
}

/**
 * Runs work inside a transaction that already holds the connection. A query outside of the transaction is an error, not
 * a deadlock.
 */
export async function holdingConnection<T>(work: () => Promise<T>): Promise<T> {
  const scope: TransactionScope = { holds: true };
  try {
    return await scopes.run(scope, work);
  } finally {
    scope.holds = false;
  }
}

/** @throws if the caller is in a transaction, which would be a deadlock */
export function refuseNested(): void {
  if (scopes.getStore()?.holds)
    throw new Error('a transaction inside the transaction that its caller is in: it would wait for itself');
}

/** A Kysely dialect for an SQLite file, which is created if needed. */
export function sqliteDialect(path: string): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => sqliteDriver(path),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function sqliteDriver(path: string): Driver {
  let database: DatabaseSync | undefined;
  let connection: DatabaseConnection | undefined;
  const state: TransactionState = { open: false, broken: undefined };
  // First come, first served: each holder resolves the promise that the next one waits for.
  let last: Promise<void> = Promise.resolve();
  let release: (() => void) | undefined;
  const command =
    (sql: string) =>
    async (used: DatabaseConnection): Promise<void> => {
      await used.executeQuery(CompiledQuery.raw(sql));
    };
  return {
    async init() {
      // SQLite's other files get the permissions of this one.
      makePrivateFile(path);
      database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
      // SQLite's own wait would block the event loop, and with it the code in this process that must end the other
      // write. So this waits outside.
      for (const setting of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'busy_timeout = 0'])
        database.exec(`PRAGMA ${setting}`);
      connection = connect(database, path, state);
    },
    async acquireConnection() {
      const scope = scopes.getStore();
      if (scope?.holds)
        throw new Error('a query outside of the transaction that its caller is in: it would wait for itself');
      if (scope !== undefined) scope.holds = true;
      const turn = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      await turn;
      release = () => {
        if (scope !== undefined) scope.holds = false;
        resolve();
      };
      return connection!;
    },
    async releaseConnection() {
      release?.();
    },
    // A transaction that began as a reader cannot become a writer after another process wrote: it fails at once,
    // regardless of the timeout.
    async beginTransaction(used: DatabaseConnection, _settings: TransactionSettings) {
      await command('BEGIN IMMEDIATE')(used);
      state.open = true;
    },
    async commitTransaction(used) {
      await command('COMMIT')(used);
      state.open = false;
    },
    async rollbackTransaction(used) {
      state.open = false;
      state.broken = undefined;
      // Nothing is left to roll back if SQLite did it; reporting that would hide the cause.
      if (database!.isTransaction) await command('ROLLBACK')(used);
    },
    async destroy() {
      database?.close();
    },
  };
}

/** The state of the connection's transaction. */
interface TransactionState {
  open: boolean;
  /**
   * Why SQLite rolled it back by itself (a full or failing disk). Until the caller rolls back too, each statement fails
   * with that reason, and none becomes a separate transaction.
   */
  broken: Error | undefined;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly answers: boolean;
}

function connect(database: DatabaseSync, path: string, state: TransactionState): DatabaseConnection {
  const statements = new Map<string, Prepared>();
  const prepared = (sql: string): Prepared => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    if (statements.size >= CACHED_STATEMENTS) statements.clear();
    const statement = database.prepare(sql);
    // With columns it returns rows: a select, or a write with `returning`.
    const made = { statement, answers: statement.columns().length > 0 };
    statements.set(sql, made);
    return made;
  };
  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const values = parameters.map(bindable);
      return whenFree(path, state, database, () => {
        const { statement, answers } = prepared(sql);
        if (answers) return { rows: statement.all(...values) as R[] };
        const { changes, lastInsertRowid } = statement.run(...values);
        return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
      });
    },
    async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
      for (const row of database.prepare(sql).iterate(...parameters.map(bindable))) yield { rows: [row as R] };
    },
  };
}

/** Runs one statement, and retries while another connection's write blocks it. */
async function whenFree<T>(
  path: string,
  state: TransactionState,
  database: DatabaseSync,
  statement: () => T,
): Promise<T> {
  const deadline = Date.now() + BUSY_TIMEOUT_MS;
  if (state.broken !== undefined) throw state.broken;
  for (;;) {
    try {
      return statement();
    } catch (error) {
      if (state.open && !database.isTransaction) state.broken = error as Error;
      // The reader of the message must know which disk it is.
      if (isDiskFull(error)) Object.assign(error as Error, { path });
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || Date.now() >= deadline) throw error;
    }
    await sleep(2);
  }
}

/** Validates a value: a `Date` would silently be bound as NULL, and other types that SQL does not have are errors. */
function bindable(value: unknown): SQLInputValue {
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    value instanceof Uint8Array
  )
    return value;
  throw new TypeError(`a value of type ${typeof value} cannot be stored: ${String(value)}`);
}
