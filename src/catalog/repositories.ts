/** Queries on repositories of container images: the register of what the registry has. */
import type { Insertable, Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import { newUuid } from '../platform/ids.ts';
import { repositoryArn } from '../resources/repositories.ts';
import type { Queryable } from './catalog.ts';
import type { RepositoryImageTable, RepositoryTable } from './repository-tables.ts';
import type { Place } from './slices.ts';
import { removeAllTags } from './tags.ts';

/** A repository. */
export type Repository = Selectable<RepositoryTable>;

/** An image with its tags. */
export interface RepositoryImage extends Selectable<RepositoryImageTable> {
  /** In order. */
  readonly tags: readonly string[];
}

/** What a push brings. */
export type PushedImage = Omit<Insertable<RepositoryImageTable>, 'repository' | 'pushed' | 'pulled'>;

/** The repository of a name. */
export async function findRepository(
  db: Queryable,
  { account, region }: Place,
  name: string,
): Promise<Repository | undefined> {
  return db
    .selectFrom('repositories')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** The repositories of an account in a Region, by name. */
export async function listRepositories(db: Queryable, { account, region }: Place): Promise<readonly Repository[]> {
  return db
    .selectFrom('repositories')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .orderBy('name')
    .execute();
}

/** Repositories whose lifecycle policy is due. @param now ISO-8601 */
export async function repositoriesToAge(db: Queryable, now: string): Promise<readonly Repository[]> {
  return db.selectFrom('repositories').selectAll().where('lifecycle_due', '<=', now).execute();
}

/** Ids of all repositories. */
export async function repositoryIds(db: Queryable): Promise<ReadonlySet<string>> {
  return new Set((await db.selectFrom('repositories').select('id').execute()).map(({ id }) => id));
}

/** Digests of all manifests, each with its repository: `ID sha256:…`. */
export async function manifestsOnRecord(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('repository_images').select(['repository', 'digest']).execute();
  return new Set(rows.map(({ repository, digest }) => `${repository} ${digest}`));
}

/** Creates a repository. Its name is free: `findRepository` says. */
export async function createRepository(
  db: Queryable,
  { account, region }: Place,
  settings: Pick<Repository, 'name' | 'tag_mutability' | 'mutability_exclusions' | 'scan_on_push'>,
): Promise<Repository> {
  const row = {
    ...settings,
    id: `r${newUuid().replaceAll('-', '')}`,
    account,
    region,
    created: timestamp(),
    policy: null,
    lifecycle_policy: null,
    lifecycle_evaluated: null,
    lifecycle_due: null,
  };
  await db.insertInto('repositories').values(row).execute();
  return row;
}

/** Changes settings of a repository. */
export async function updateRepository(
  db: Queryable,
  id: string,
  changes: Partial<Omit<Repository, 'id' | 'account' | 'region' | 'name' | 'created'>>,
): Promise<void> {
  await db.updateTable('repositories').set(changes).where('id', '=', id).execute();
}

/** Deletes a repository with all that is on record of it. */
export async function deleteRepository(db: Queryable, repository: Repository): Promise<void> {
  await db.deleteFrom('repository_tags').where('repository', '=', repository.id).execute();
  await db.deleteFrom('repository_images').where('repository', '=', repository.id).execute();
  await db.deleteFrom('repositories').where('id', '=', repository.id).execute();
  await removeAllTags(db, repositoryArn(repository));
}

/** The images of a repository, the oldest first. */
export async function imagesOfRepository(db: Queryable, id: string): Promise<readonly RepositoryImage[]> {
  const images = await db
    .selectFrom('repository_images')
    .selectAll()
    .where('repository', '=', id)
    .orderBy('pushed')
    .orderBy('digest')
    .execute();
  const rows = await db
    .selectFrom('repository_tags')
    .select(['tag', 'digest'])
    .where('repository', '=', id)
    .orderBy('tag')
    .execute();
  const tags = Map.groupBy(rows, ({ digest }) => digest);
  return images.map((image) => ({ ...image, tags: (tags.get(image.digest) ?? []).map(({ tag }) => tag) }));
}

/** How many images a repository has. */
export async function countImages(db: Queryable, id: string): Promise<number> {
  const { count } = await db
    .selectFrom('repository_images')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('repository', '=', id)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** One image by its digest. */
export async function imageByDigest(
  db: Queryable,
  id: string,
  digest: string,
): Promise<Selectable<RepositoryImageTable> | undefined> {
  return db
    .selectFrom('repository_images')
    .selectAll()
    .where('repository', '=', id)
    .where('digest', '=', digest)
    .executeTakeFirst();
}

/** The digest that a tag names. */
export async function digestOfTag(db: Queryable, id: string, tag: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('repository_tags')
    .select('digest')
    .where('repository', '=', id)
    .where('tag', '=', tag)
    .executeTakeFirst();
  return row?.digest;
}

/** Tags of a repository, in order. @param after the last of the page before */
export async function tagsOfRepository(
  db: Queryable,
  id: string,
  page: { readonly limit: number; readonly after?: string | undefined },
): Promise<readonly string[]> {
  let query = db.selectFrom('repository_tags').select('tag').where('repository', '=', id);
  if (page.after !== undefined) query = query.where('tag', '>', page.after);
  return (await query.orderBy('tag').limit(page.limit).execute()).map(({ tag }) => tag);
}

/** Records an image that the registry has, and its tag. */
export async function recordPush(db: Queryable, id: string, image: PushedImage, tag?: string): Promise<void> {
  await db
    .insertInto('repository_images')
    .values({ ...image, repository: id, pushed: timestamp(), pulled: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if (tag === undefined) return;
  await db
    .insertInto('repository_tags')
    .values({ repository: id, tag, digest: image.digest })
    .onConflict((conflict) => conflict.columns(['repository', 'tag']).doUpdateSet({ digest: image.digest }))
    .execute();
}

/** Records when an image was pulled. */
export async function recordPull(db: Queryable, id: string, digest: string, pulled: string): Promise<void> {
  await db
    .updateTable('repository_images')
    .set({ pulled })
    .where('repository', '=', id)
    .where('digest', '=', digest)
    .execute();
}

/** Forgets one tag. */
export async function removeTag(db: Queryable, id: string, tag: string): Promise<void> {
  await db.deleteFrom('repository_tags').where('repository', '=', id).where('tag', '=', tag).execute();
}

/** Forgets an image and its tags. The registry's copy is the caller's to remove. */
export async function removeImage(db: Queryable, id: string, digest: string): Promise<void> {
  await db.deleteFrom('repository_tags').where('repository', '=', id).where('digest', '=', digest).execute();
  await db.deleteFrom('repository_images').where('repository', '=', id).where('digest', '=', digest).execute();
}
