/** Queries on files that components name by `file:`. They belong to an account and are named by their content. */
import { timestamp } from '../platform/clock.ts';
import type { Queryable } from './catalog.ts';

/** A file, or an unfinished upload. */
export interface KeptFile {
  /** 12 digits. */
  readonly account: string;
  /** SHA-256 of the content, in hexadecimal digits. */
  readonly sha256: string;
  /** Total size in bytes. */
  readonly size: number;
  /** Whether it is complete. */
  readonly complete: boolean;
  /** When it was started, completed or last used: ISO-8601. */
  readonly touched: string;
}

/** Maximum size of one file, and of all files of an account, in bytes. */
export interface FileLimits {
  readonly maxBytes: number;
  readonly accountBytes: number;
}

/** Why a file of this size is rejected; `undefined` if it is accepted. */
export function tooLarge(size: number, { maxBytes }: FileLimits): string | undefined {
  if (size <= maxBytes) return undefined;
  return (
    `A file has at most ${maxBytes} bytes, and this one ${size} (files.maxMegabytes in config.yaml of the server's ` +
    'data directory). Put it into S3, or on a web server, and name it by s3:// or https://.'
  );
}

interface Row {
  readonly account: string;
  readonly sha256: string;
  readonly size: number;
  readonly complete: number;
  readonly touched: string;
}

function fileOf({ complete, size, ...row }: Row): KeptFile {
  return { ...row, size: Number(size), complete: complete === 1 };
}

/** One file of an account, or `undefined`. */
export async function getKeptFile(db: Queryable, account: string, sha256: string): Promise<KeptFile | undefined> {
  const row = await db
    .selectFrom('kept_files')
    .selectAll()
    .where('account', '=', account)
    .where('sha256', '=', sha256)
    .executeTakeFirst();
  return row === undefined ? undefined : fileOf(row);
}

/** All files of an account, sorted by digest. */
export async function keptFilesOf(db: Queryable, account: string): Promise<readonly KeptFile[]> {
  const rows = await db.selectFrom('kept_files').selectAll().where('account', '=', account).orderBy('sha256').execute();
  return rows.map(fileOf);
}

/** The number of an account's files, and their total size in bytes. */
export async function keptFilesUse(
  db: Queryable,
  account: string,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const row = await db
    .selectFrom('kept_files')
    .select(({ fn }) => [fn.countAll().as('files'), fn.sum('size').as('bytes')])
    .where('account', '=', account)
    .executeTakeFirstOrThrow();
  return { files: Number(row.files), bytes: Number(row.bytes ?? 0) };
}

/** All files of all accounts. */
export async function allKeptFiles(db: Queryable): Promise<readonly KeptFile[]> {
  return (await db.selectFrom('kept_files').selectAll().execute()).map(fileOf);
}

/** Records a file. An existing one is touched, and stays complete if it was. */
export async function putKeptFile(
  db: Queryable,
  { account, sha256, size, complete }: Omit<KeptFile, 'touched'>,
): Promise<void> {
  const touched = timestamp();
  await db
    .insertInto('kept_files')
    .values({ account, sha256, size, complete: complete ? 1 : 0, touched })
    .onConflict((conflict) =>
      conflict.columns(['account', 'sha256']).doUpdateSet(complete ? { size, complete: 1, touched } : { touched }),
    )
    .execute();
}

/** Deletes the record of a file. */
export async function removeKeptFile(db: Queryable, account: string, sha256: string): Promise<void> {
  await db.deleteFrom('kept_files').where('account', '=', account).where('sha256', '=', sha256).execute();
}

/** Records which files a component's document names. */
export async function nameFiles(
  db: Queryable,
  component: string,
  account: string,
  digests: readonly string[],
): Promise<void> {
  const rows = [...new Set(digests)].map((sha256) => ({ component, account, sha256 }));
  if (rows.length > 0) await db.insertInto('component_files').values(rows).execute();
}

/** Deletes the records of a deleted component's files. */
export async function forgetNamedFiles(db: Queryable, component: string): Promise<void> {
  await db.deleteFrom('component_files').where('component', '=', component).execute();
}

/** The file with this content that one of the components names, or `undefined`. */
export async function fileNamedBy(
  db: Queryable,
  components: readonly string[],
  sha256: string,
): Promise<KeptFile | undefined> {
  if (components.length === 0) return undefined;
  const row = await db
    .selectFrom('component_files as named')
    .innerJoin('kept_files as file', (join) =>
      join.onRef('file.account', '=', 'named.account').onRef('file.sha256', '=', 'named.sha256'),
    )
    .selectAll('file')
    .where('named.sha256', '=', sha256)
    .where('named.component', 'in', components)
    .where('file.complete', '=', 1)
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : fileOf(row);
}

/**
 * Files that no component names.
 * @param before ISO-8601: newer ones may belong to a component that is about to be created
 */
export async function unnamedFiles(db: Queryable, before: string): Promise<readonly KeptFile[]> {
  const rows = await db
    .selectFrom('kept_files as file')
    .selectAll('file')
    .where('file.touched', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('component_files as named')
            .select('named.component')
            .whereRef('named.account', '=', 'file.account')
            .whereRef('named.sha256', '=', 'file.sha256'),
        ),
      ),
    )
    .execute();
  return rows.map(fileOf);
}
