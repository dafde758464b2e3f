/** Queries on launch templates and their versions. */
import type { Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import { newLaunchTemplateId } from '../platform/ids.ts';
import type { Queryable } from './catalog.ts';
import type { LaunchTemplateTable, LaunchTemplateVersionTable } from './service-tables.ts';
import type { Place } from './slices.ts';

/** A launch template on record. */
export type LaunchTemplate = Selectable<LaunchTemplateTable>;
/** A version on record. */
export type LaunchTemplateVersion = Selectable<LaunchTemplateVersionTable>;

/** How a template is referenced. */
export type TemplateReference = { readonly id: string } | { readonly name: string };

/** All launch templates of an account in a Region, by id. */
export async function launchTemplates(db: Queryable, place: Place): Promise<readonly LaunchTemplate[]> {
  return templatesOf(db, place).orderBy('id').execute();
}

/** A launch template by its id or name, or `undefined`. */
export async function findLaunchTemplate(
  db: Queryable,
  place: Place,
  reference: TemplateReference,
): Promise<LaunchTemplate | undefined> {
  const query = templatesOf(db, place);
  return 'id' in reference
    ? query.where('id', '=', reference.id).executeTakeFirst()
    : query.where('name', '=', reference.name).executeTakeFirst();
}

function templatesOf(db: Queryable, { account, region }: Place) {
  return db.selectFrom('launch_templates').selectAll().where('account', '=', account).where('region', '=', region);
}

/** The versions of a template, in order. */
export async function versionsOf(db: Queryable, template: string): Promise<readonly LaunchTemplateVersion[]> {
  return db
    .selectFrom('launch_template_versions')
    .selectAll()
    .where('template', '=', template)
    .orderBy('version')
    .execute();
}

/** The author and content of a new version. */
interface NewVersion {
  readonly createdBy: string;
  readonly description?: string | undefined;
  /** JSON. */
  readonly data: string;
}

/** Creates a template with its first version. */
export async function insertLaunchTemplate(
  db: Queryable,
  { account, region }: Place,
  name: string,
  version: NewVersion,
): Promise<LaunchTemplate> {
  const template = {
    id: newLaunchTemplateId(),
    account,
    region,
    name,
    created: timestamp(),
    created_by: version.createdBy,
    default_version: 1,
    latest_version: 0,
  };
  await db.insertInto('launch_templates').values(template).execute();
  await addLaunchTemplateVersion(db, template, version);
  return { ...template, latest_version: 1 };
}

/** Adds a version, which becomes the latest. */
export async function addLaunchTemplateVersion(
  db: Queryable,
  { id, latest_version }: Pick<LaunchTemplate, 'id' | 'latest_version'>,
  { createdBy, description, data }: NewVersion,
): Promise<LaunchTemplateVersion> {
  const version = {
    template: id,
    version: latest_version + 1,
    description: description ?? null,
    data,
    created: timestamp(),
    created_by: createdBy,
  };
  await db.insertInto('launch_template_versions').values(version).execute();
  await db.updateTable('launch_templates').set({ latest_version: version.version }).where('id', '=', id).execute();
  return version;
}

/** Makes a version the default. */
export async function setDefaultVersion(db: Queryable, id: string, version: number): Promise<void> {
  await db.updateTable('launch_templates').set({ default_version: version }).where('id', '=', id).execute();
}

/** Removes a version. */
export async function removeLaunchTemplateVersion(db: Queryable, id: string, version: number): Promise<void> {
  await db.deleteFrom('launch_template_versions').where('template', '=', id).where('version', '=', version).execute();
}

/** Removes a template with its versions. */
export async function removeLaunchTemplate(db: Queryable, id: string): Promise<void> {
  await db.deleteFrom('launch_template_versions').where('template', '=', id).execute();
  await db.deleteFrom('launch_templates').where('id', '=', id).execute();
}
