/** Stacks: the resources that templates made, their exports, and who imports them. */
import type { Kysely } from 'kysely';

/** Adds their tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('stacks')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addColumn('updated', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('stacks_key', ['account', 'region', 'name'])
    .execute();
  await db.schema
    .createTable('stack_exports')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('stack', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('stack_exports_key', ['account', 'region', 'name'])
    .execute();
  await db.schema
    .createTable('stack_imports')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('stack', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('stack_imports_key', ['account', 'region', 'name', 'stack'])
    .execute();
}
