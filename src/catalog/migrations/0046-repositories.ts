/** Repositories of container images: what is in the registry, by which names, and who may use it. */
import type { Kysely } from 'kysely';

/** Adds their tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('repositories')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addColumn('tag_mutability', 'text', (c) => c.notNull())
    .addColumn('mutability_exclusions', 'text')
    .addColumn('scan_on_push', 'integer', (c) => c.notNull())
    .addColumn('policy', 'text')
    .addColumn('lifecycle_policy', 'text')
    .addColumn('lifecycle_evaluated', 'text')
    .addUniqueConstraint('repositories_name', ['account', 'region', 'name'])
    .execute();
  await db.schema
    .createTable('repository_images')
    .addColumn('repository', 'text', (c) => c.notNull().references('repositories.id').onDelete('cascade'))
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('media_type', 'text', (c) => c.notNull())
    .addColumn('artifact_type', 'text')
    .addColumn('size', 'integer', (c) => c.notNull())
    .addColumn('children', 'text', (c) => c.notNull())
    .addColumn('pushed', 'text', (c) => c.notNull())
    .addColumn('pulled', 'text')
    .addPrimaryKeyConstraint('repository_images_key', ['repository', 'digest'])
    .execute();
  await db.schema
    .createTable('repository_tags')
    .addColumn('repository', 'text', (c) => c.notNull().references('repositories.id').onDelete('cascade'))
    .addColumn('tag', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('repository_tags_key', ['repository', 'tag'])
    .execute();
  await db.schema
    .createIndex('repository_tags_by_image')
    .on('repository_tags')
    .columns(['repository', 'digest'])
    .execute();
}
