/** Versions of parameters, their labels, and further members of Systems Manager's parameters. */
import { type Kysely, sql } from 'kysely';

/** Adds columns and a table. The current value becomes the only known version. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = [
    ['data_type', 'text'],
    ['tier', 'Standard'],
  ] as const;
  for (const [name, value] of columns)
    await db.schema
      .alterTable('parameters')
      .addColumn(name, 'text', (c) => c.notNull().defaultTo(value))
      .execute();
  for (const name of ['allowed_pattern', 'updated_by'])
    await db.schema.alterTable('parameters').addColumn(name, 'text').execute();
  await db.schema
    .createTable('parameter_versions')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('description', 'text')
    .addColumn('data_type', 'text', (c) => c.notNull())
    .addColumn('tier', 'text', (c) => c.notNull())
    .addColumn('allowed_pattern', 'text')
    .addColumn('updated', 'text', (c) => c.notNull())
    .addColumn('updated_by', 'text')
    .addColumn('labels', 'text', (c) => c.notNull().defaultTo('[]'))
    .addPrimaryKeyConstraint('parameter_versions_key', ['account', 'region', 'name', 'version'])
    .execute();
  await sql`
    insert into parameter_versions
      (account, region, name, version, type, value, description, data_type, tier, updated)
    select account, region, name, version, type, value, description, data_type, tier, updated from parameters
  `.execute(db);
}
