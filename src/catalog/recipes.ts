/** Queries that image recipes and container recipes share: versions without builds, components and a parent image. */
import type { ComponentConfiguration } from '@aws-sdk/client-imagebuilder';
import type { Insertable } from 'kysely';
import { parseArn } from '../resources/arns.ts';
import type { Version } from '../resources/versions.ts';
import type { Queryable } from './catalog.ts';
import { removeReferences, setReferences } from './dependents.ts';
import { removeResourcePolicy } from './resource-policies.ts';
import type { Conditions, Place, Slice } from './slices.ts';
import type { Tables } from './tables.ts';
import { getTagged, listTagged } from './tagged-records.ts';
import { addTags, removeAllTags, type Tags } from './tags.ts';

type Table = 'image_recipes' | 'container_recipes';

/** Members of every recipe. */
export interface StoredRecipe {
  readonly arn: string;
  readonly name: string;
  readonly platform: string;
  readonly parentImage: string;
  readonly components?: readonly ComponentConfiguration[] | undefined;
  readonly dateCreated?: string | undefined;
  readonly tags?: Tags | undefined;
}

/** Queries on one table of recipes. */
export interface RecipeQueries<T extends StoredRecipe, Column extends string> {
  /** Records a recipe and its dependencies. `recipe.arn` names it. */
  insert(db: Queryable, place: Place, recipe: T): Promise<void>;
  /** The recipe with its tags, or `undefined`. */
  get(db: Queryable, arn: string): Promise<T | undefined>;
  /** All versions of a recipe's name, unordered. */
  versions(db: Queryable, place: Place, slug: string): Promise<readonly (Version & { readonly arn: string })[]>;
  /** Recipes ordered by `recipePosition`, with tags. */
  list(db: Queryable, place: Place, conditions: Conditions<Column>, slice: Slice): Promise<readonly T[]>;
  /** Deletes a recipe. */
  remove(db: Queryable, arn: string): Promise<void>;
}

/** Position in lists: name, then version. */
export function recipePosition(recipe: { readonly arn?: string | undefined }): readonly (string | number)[] {
  const { slug, version } = parseArn(recipe.arn!)!;
  const { major, minor, patch } = version as Version;
  return [slug, major, minor, patch];
}

/**
 * The queries on a table of recipes.
 * @param more values for the additional columns of the table, and dependencies besides its parent and components
 */
export function recipeQueries<T extends StoredRecipe, Column extends string>(
  table: Table,
  more: {
    readonly columns?: (recipe: T) => object;
    readonly references?: (recipe: T) => readonly (string | undefined)[];
  } = {},
): RecipeQueries<T, Column> {
  return {
    async insert(db, place, recipe) {
      const { tags, ...record } = recipe;
      const { slug, version } = parseArn(recipe.arn)!;
      const row = {
        arn: recipe.arn,
        account: place.account,
        region: place.region,
        slug,
        name: recipe.name,
        ...(version as Version),
        platform: recipe.platform,
        parent_image: recipe.parentImage,
        date_created: recipe.dateCreated!,
        record: JSON.stringify(record),
        ...more.columns?.(recipe),
      };
      await db
        .insertInto(table)
        .values(row as unknown as Insertable<Tables[Table]>)
        .execute();
      await addTags(db, recipe.arn, tags);
      await setReferences(db, recipe.arn, [
        recipe.parentImage,
        ...(recipe.components ?? []).map(({ componentArn }) => componentArn),
        ...(more.references?.(recipe) ?? []),
      ]);
    },

    get: (db, arn) => getTagged(db, table, arn),

    async versions(db, place, slug) {
      return db
        .selectFrom(table)
        .select(['arn', 'major', 'minor', 'patch'])
        .where('account', '=', place.account)
        .where('region', '=', place.region)
        .where('slug', '=', slug)
        .execute();
    },

    list: (db, place, conditions, slice) =>
      listTagged(db, table, ['slug', 'major', 'minor', 'patch'], { place, conditions, slice }),

    async remove(db, arn) {
      await db.deleteFrom(table).where('arn', '=', arn).execute();
      await removeReferences(db, arn);
      await removeResourcePolicy(db, arn);
      await removeAllTags(db, arn);
    },
  };
}
