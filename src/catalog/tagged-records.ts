/** Reads tables whose rows are records with tags: recipes and configurations. */
import { sql } from 'kysely';
import type { Queryable } from './catalog.ts';
import { meets, standsAfter, type Conditions, type Place, type Slice } from './slices.ts';
import { tagsOf, tagsOfEach } from './tags.ts';

/** Tables with `arn`, `account`, `region`, `slug` and `record`, a JSON text without the tags. */
type RecordTable =
  | 'image_recipes'
  | 'container_recipes'
  | 'infrastructure_configurations'
  | 'distribution_configurations'
  | 'lifecycle_policies';

/** A record with its tags, or `undefined`. */
export async function getTagged<T>(db: Queryable, table: RecordTable, arn: string): Promise<T | undefined> {
  const row = await db.selectFrom(table).select('record').where('arn', '=', arn).executeTakeFirst();
  return row === undefined ? undefined : { ...(JSON.parse(row.record) as T), tags: await tagsOf(db, arn) };
}

/**
 * Records of a place with their tags.
 * @param order the columns that the list is ordered by
 */
export async function listTagged<T>(
  db: Queryable,
  table: RecordTable,
  order: readonly string[],
  {
    place,
    conditions,
    slice,
  }: { readonly place: Place; readonly conditions: Conditions<string>; readonly slice: Slice },
): Promise<readonly T[]> {
  const rows = await db
    .selectFrom(table)
    .select(['arn', 'record'])
    .where('account', '=', place.account)
    .where('region', '=', place.region)
    .where(meets(conditions))
    .where(standsAfter(order, slice))
    .orderBy(sql.join(order.map((column) => sql.ref(column))))
    .limit(slice.limit + 1)
    .execute();
  const tags = await tagsOfEach(
    db,
    rows.map(({ arn }) => arn),
  );
  return rows.map(({ arn, record }) => ({ ...(JSON.parse(record) as T), tags: tags.get(arn)! }));
}
