/** Workflows, container recipes, lifecycle policies; columns that lists filter by; the key that signs page tokens. */
import { randomBytes } from 'node:crypto';
import { sql, type Kysely } from 'kysely';

/** Creates their tables, and fills the new columns of existing rows. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = 'text' as const;
  const resource = (table: string) =>
    db.schema
      .createTable(table)
      .addColumn('arn', text, (c) => c.primaryKey())
      .addColumn('account', text, (c) => c.notNull())
      .addColumn('region', text, (c) => c.notNull())
      .addColumn('slug', text, (c) => c.notNull())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('date_created', text, (c) => c.notNull())
      .addColumn('record', text, (c) => c.notNull());
  const versioned = (table: string) =>
    resource(table)
      .addColumn('major', 'integer', (c) => c.notNull())
      .addColumn('minor', 'integer', (c) => c.notNull())
      .addColumn('patch', 'integer', (c) => c.notNull());
  const unique = (table: string, columns: readonly string[]) =>
    db.schema
      .createIndex(`${table}_by_name`)
      .unique()
      .on(table)
      .columns(['account', 'region', 'slug', ...columns])
      .execute();

  await versioned('workflows')
    .addColumn('build', 'integer', (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('data', text, (c) => c.notNull())
    .addColumn('content_hash', text, (c) => c.notNull())
    .execute();
  await unique('workflows', ['type', 'major', 'minor', 'patch', 'build']);

  await versioned('container_recipes')
    .addColumn('platform', text, (c) => c.notNull())
    .addColumn('parent_image', text, (c) => c.notNull())
    .addColumn('container_type', text, (c) => c.notNull())
    .execute();
  await unique('container_recipes', ['major', 'minor', 'patch']);

  await resource('lifecycle_policies')
    .addColumn('status', text, (c) => c.notNull())
    .execute();
  await unique('lifecycle_policies', []);

  await db.schema
    .createTable('component_os_versions')
    .addColumn('arn', text, (c) => c.notNull())
    .addColumn('os_version', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('component_os_versions_pk', ['arn', 'os_version'])
    .execute();
  for (const [table, column] of [
    ['components', 'description'],
    ['image_pipelines', 'description'],
    ['images', 'os_version'],
    ['images', 'type'],
  ] as const) {
    await db.schema.alterTable(table).addColumn(column, text).execute();
  }
  await fill(db);

  await db.schema
    .createTable('secrets')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('value', text, (c) => c.notNull())
    .execute();
  await sql`insert into secrets (name, value) values ('page tokens', ${randomBytes(32).toString('hex')})`.execute(db);
}

async function fill(db: Kysely<unknown>): Promise<void> {
  interface Record {
    readonly description?: string;
    readonly osVersion?: string;
    readonly type?: string;
    readonly supportedOsVersions?: readonly string[];
  }
  for (const table of ['components', 'image_pipelines', 'images']) {
    const { rows } = await sql<{ arn: string; record: string }>`select arn, record from ${sql.table(table)}`.execute(
      db,
    );
    for (const { arn, record } of rows) {
      const { description, osVersion, type, supportedOsVersions } = JSON.parse(record) as Record;
      if (table === 'images')
        await sql`
      update images set os_version = ${osVersion ?? null}, type = ${type ?? null} where arn = ${arn}`.execute(db);
      else
        await sql`update ${sql.table(table)} set description = ${description ?? null} where arn = ${arn}`.execute(db);
      if (table !== 'components') continue;
      for (const version of new Set(supportedOsVersions))
        await sql`insert into component_os_versions (arn, os_version) values (${arn}, ${version})`.execute(db);
    }
  }
}
