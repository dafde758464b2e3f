/** Queries on image recipes. */
import type { ImageRecipe } from '@aws-sdk/client-imagebuilder';
import { parseArn } from '../resources/arns.ts';
import type { Version } from '../resources/versions.ts';
import type { Queryable } from './catalog.ts';
import { removeReferences, setReferences } from './dependents.ts';
import { removeResourcePolicy } from './resource-policies.ts';
import { meets, standsAfter, type Conditions, type Place, type Slice } from './slices.ts';
import { addTags, removeAllTags, tagsOf, tagsOfEach } from './tags.ts';

/** A recipe with what every one of them has. */
export type StoredImageRecipe = ImageRecipe & { arn: string; name: string; version: string; platform: NonNullable<ImageRecipe['platform']>; parentImage: string };

/** Columns that lists can be filtered by. */
export type ImageRecipeColumn = 'name' | 'parent_image' | 'platform';

/** Records a recipe and what it needs. `recipe.arn` names it. */
export async function insertImageRecipe(db: Queryable, place: Place, recipe: StoredImageRecipe): Promise<void> {
  const { tags, ...record } = recipe;
  const arn = parseArn(recipe.arn)!;
  await db.insertInto('image_recipes')
    .values({
      arn: recipe.arn, account: place.account, region: place.region, slug: arn.slug, name: recipe.name, ...(arn.version as Version),
      platform: recipe.platform, parent_image: recipe.parentImage, date_created: recipe.dateCreated!, record: JSON.stringify(record),
    })
    .execute();
  await addTags(db, recipe.arn, tags);
  await setReferences(db, recipe.arn, [recipe.parentImage, ...(recipe.components ?? []).map(({ componentArn }) => componentArn)]);
}

/** The recipe with its tags, or `undefined`. */
export async function getImageRecipe(db: Queryable, arn: string): Promise<StoredImageRecipe | undefined> {
  const row = await db.selectFrom('image_recipes').select('record').where('arn', '=', arn).executeTakeFirst();
  return row === undefined ? undefined : { ...(JSON.parse(row.record) as StoredImageRecipe), tags: await tagsOf(db, arn) };
}

/** All versions of a recipe's name, without order. */
export async function recipeVersions(db: Queryable, place: Place, slug: string): Promise<readonly (Version & { readonly arn: string })[]> {
  return db.selectFrom('image_recipes').select(['arn', 'major', 'minor', 'patch'])
    .where('account', '=', place.account).where('region', '=', place.region).where('slug', '=', slug)
    .execute();
}

/** Where a recipe stands in lists: name, then version. */
export function imageRecipePosition(recipe: ImageRecipe): readonly (string | number)[] {
  const { slug, version } = parseArn(recipe.arn!)!;
  const { major, minor, patch } = version as Version;
  return [slug, major, minor, patch];
}

/** Recipes in order of `imageRecipePosition`, with tags. */
export async function listImageRecipes(db: Queryable, place: Place, conditions: Conditions<ImageRecipeColumn>, slice: Slice): Promise<readonly ImageRecipe[]> {
  const rows = await db.selectFrom('image_recipes').select(['arn', 'record'])
    .where('account', '=', place.account).where('region', '=', place.region)
    .where(meets(conditions))
    .where(standsAfter(['slug', 'major', 'minor', 'patch'], slice))
    .orderBy('slug').orderBy('major').orderBy('minor').orderBy('patch')
    .limit(slice.limit + 1)
    .execute();
  const tags = await tagsOfEach(db, rows.map(({ arn }) => arn));
  return rows.map(({ arn, record }) => ({ ...(JSON.parse(record) as ImageRecipe), tags: tags.get(arn)! }));
}

/** Deletes a recipe. Returns whether it was there. */
export async function deleteImageRecipe(db: Queryable, arn: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('image_recipes').where('arn', '=', arn).executeTakeFirstOrThrow();
  await removeReferences(db, arn);
  await removeResourcePolicy(db, arn);
  await removeAllTags(db, arn);
  return numDeletedRows > 0n;
}
