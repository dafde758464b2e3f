/** Queries on components. */
import type { Component } from '@aws-sdk/client-imagebuilder';
import { parseArn } from '../resources/arns.ts';
import type { BuildVersion, Version } from '../resources/versions.ts';
import type { Queryable } from './catalog.ts';
import { removeResourcePolicy } from './resource-policies.ts';
import { meets, standsAfter, type Conditions, type Place, type Slice } from './slices.ts';
import { addTags, removeAllTags, tagsOf, tagsOfEach } from './tags.ts';

/** A component with what every one of them has. */
export type StoredComponent = Component & { arn: string; name: string; version: string; platform: NonNullable<Component['platform']>; data: string };

/** Columns that lists can be filtered by. */
export type ComponentColumn = 'name' | 'platform' | 'type' | 'status';

/** Records a build version. `component.arn` names it. */
export async function insertComponent(db: Queryable, place: Place, component: StoredComponent, contentHash: string): Promise<void> {
  const { data, tags, ...record } = component;
  const arn = parseArn(component.arn)!;
  await db.insertInto('components')
    .values({
      arn: component.arn, account: place.account, region: place.region, slug: arn.slug, name: component.name,
      ...(arn.version as Version), build: arn.build!,
      platform: component.platform, type: component.type!, status: component.state?.status ?? 'ACTIVE',
      data, content_hash: contentHash, date_created: component.dateCreated!, record: JSON.stringify(record),
    })
    .execute();
  await addTags(db, component.arn, tags);
}

/** The component's build version with its document and tags, or `undefined`. */
export async function getComponent(db: Queryable, arn: string): Promise<StoredComponent | undefined> {
  const row = await db.selectFrom('components').select(['record', 'data']).where('arn', '=', arn).executeTakeFirst();
  if (row === undefined) return undefined;
  return { ...(JSON.parse(row.record) as StoredComponent), data: row.data, tags: await tagsOf(db, arn) };
}

/** All build versions of a component's name, without order. */
export async function componentVersions(db: Queryable, place: Place, slug: string): Promise<readonly (BuildVersion & { readonly arn: string })[]> {
  return db.selectFrom('components').select(['arn', 'major', 'minor', 'patch', 'build'])
    .where('account', '=', place.account).where('region', '=', place.region).where('slug', '=', slug)
    .execute();
}

/** The latest build of one version, with what the next one is compared with. */
export async function latestComponentBuild(
  db: Queryable, place: Place, slug: string, version: Version,
): Promise<{ readonly arn: string; readonly build: number; readonly contentHash: string } | undefined> {
  const row = await db.selectFrom('components').select(['arn', 'build', 'content_hash'])
    .where('account', '=', place.account).where('region', '=', place.region).where('slug', '=', slug)
    .where('major', '=', version.major).where('minor', '=', version.minor).where('patch', '=', version.patch)
    .orderBy('build', 'desc').limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : { arn: row.arn, build: row.build, contentHash: row.content_hash };
}

/** Where a component stands in a list of versions: name, then version. */
export function componentPosition(component: Component): readonly (string | number)[] {
  const { slug, version } = parseArn(component.arn!)!;
  const { major, minor, patch } = version as Version;
  return [slug, major, minor, patch];
}

/** The latest build of each version, in order of `componentPosition`; without documents and tags. */
export async function listComponentVersions(db: Queryable, place: Place, conditions: Conditions<ComponentColumn>, slice: Slice): Promise<readonly Component[]> {
  const rows = await db.selectFrom('components as c').select('c.record')
    .where('c.account', '=', place.account).where('c.region', '=', place.region)
    .where((e) => e.not(e.exists(
      e.selectFrom('components as later').select('later.arn')
        .whereRef('later.account', '=', 'c.account').whereRef('later.region', '=', 'c.region').whereRef('later.slug', '=', 'c.slug')
        .whereRef('later.major', '=', 'c.major').whereRef('later.minor', '=', 'c.minor').whereRef('later.patch', '=', 'c.patch')
        .whereRef('later.build', '>', 'c.build'),
    )))
    .where(meets(conditions, 'c'))
    .where(standsAfter(['c.slug', 'c.major', 'c.minor', 'c.patch'], slice))
    .orderBy('c.slug').orderBy('c.major').orderBy('c.minor').orderBy('c.patch')
    .limit(slice.limit + 1)
    .execute();
  return rows.map((row) => JSON.parse(row.record) as Component);
}

/** The builds of one version (all builds of all, without one), by name, version and build, with tags, without documents. */
export async function listComponentBuilds(db: Queryable, place: Place, versionArn: string | undefined, slice: Slice): Promise<readonly Component[]> {
  let query = db.selectFrom('components').select(['arn', 'record']).where('account', '=', place.account).where('region', '=', place.region);
  if (versionArn !== undefined) {
    const arn = parseArn(versionArn)!;
    const { major, minor, patch } = arn.version as Version;
    query = query.where('slug', '=', arn.slug).where('major', '=', major).where('minor', '=', minor).where('patch', '=', patch);
  }
  const rows = await query.where(standsAfter(['slug', 'major', 'minor', 'patch', 'build'], slice))
    .orderBy('slug').orderBy('major').orderBy('minor').orderBy('patch').orderBy('build')
    .limit(slice.limit + 1)
    .execute();
  const tags = await tagsOfEach(db, rows.map(({ arn }) => arn));
  return rows.map(({ arn, record }) => ({ ...(JSON.parse(record) as Component), tags: tags.get(arn)! }));
}

/** Deletes a build version. Returns whether it was there. */
export async function deleteComponent(db: Queryable, arn: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('components').where('arn', '=', arn).executeTakeFirstOrThrow();
  await removeResourcePolicy(db, arn);
  await removeAllTags(db, arn);
  return numDeletedRows > 0n;
}
