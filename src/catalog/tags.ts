/** Queries on tags. */
import type { Queryable } from './catalog.ts';
import { preparedQuery } from './prepared.ts';

/** Tags by key. */
export type Tags = Readonly<Record<string, string>>;

const tagsOfOne = preparedQuery((db, { arn }: { readonly arn: string }) =>
  db.selectFrom('tags').select(['key', 'value']).where('arn', '=', arn).orderBy('key'),
);

/** The tags of a resource. */
export async function tagsOf(db: Queryable, arn: string): Promise<Record<string, string>> {
  const rows = await tagsOfOne(db, { arn });
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

/** The tags of several resources (a page of them at most). */
export async function tagsOfEach(
  db: Queryable,
  arns: readonly string[],
): Promise<ReadonlyMap<string, Record<string, string>>> {
  const tags = new Map<string, Record<string, string>>(arns.map((arn) => [arn, {}]));
  if (arns.length === 0) return tags;
  const rows = await db.selectFrom('tags').selectAll().where('arn', 'in', arns).orderBy('key').execute();
  for (const { arn, key, value } of rows) tags.get(arn)![key] = value;
  return tags;
}

/** Adds tags to a resource; existing keys get the new value. */
export async function addTags(db: Queryable, arn: string, tags: Tags | undefined): Promise<void> {
  const rows = Object.entries(tags ?? {}).map(([key, value]) => ({ arn, key, value }));
  if (rows.length === 0) return;
  await db
    .insertInto('tags')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['arn', 'key']).doUpdateSet((e) => ({ value: e.ref('excluded.value') })))
    .execute();
}

/** Removes tags by key; keys that the resource does not have are ignored. */
export async function removeTags(db: Queryable, arn: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await db.deleteFrom('tags').where('arn', '=', arn).where('key', 'in', keys).execute();
}

/** Removes all tags of a resource. */
export async function removeAllTags(db: Queryable, arn: string): Promise<void> {
  await db.deleteFrom('tags').where('arn', '=', arn).execute();
  await db.deleteFrom('unknown_members').where('arn', '=', arn).execute();
}
