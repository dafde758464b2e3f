/**
 * Resolves the names that a pipeline's settings contain. A changed result is a dependency update. Source: reference,
 * `resources.md` section 10.
 */
import type { ImageRecipe } from '@aws-sdk/client-imagebuilder';
import type { Catalog, Queryable } from '../catalog/catalog.ts';
import { containerRecipes } from '../catalog/container-recipes.ts';
import type { StoredPipeline } from '../catalog/image-pipelines.ts';
import { imageRecipes } from '../catalog/image-recipes.ts';
import { newestBaseImage } from '../catalog/layers.ts';
import { parentMeaning } from '../catalog/parent-names.ts';
import { resolveComponent, resolveImage, resolveRecipe } from '../catalog/resolve.ts';
import type { Place } from '../catalog/slices.ts';
import { parseArn } from '../resources/arns.ts';

/** The resolved value of each name. For a base image, the version follows once the image is made. */
export type Dependencies = Readonly<Record<string, string>>;

/** The key of the recipe; no reference has this name. */
const RECIPE = 'recipe';

/**
 * Resolves a pipeline's recipe, components and parent image. Names that pin a build version cannot change and are left
 * out.
 */
export async function dependenciesOf(
  catalog: Catalog,
  db: Queryable,
  place: Place,
  pipeline: Pick<StoredPipeline, 'imageRecipeArn' | 'containerRecipeArn'>,
): Promise<Dependencies> {
  const reference = (pipeline.imageRecipeArn ?? pipeline.containerRecipeArn)!;
  const recipeArn = await resolveRecipe(db, reference);
  if (recipeArn === undefined) return {};
  const recipe = await recipeOf(db, pipeline, recipeArn);
  const found: Record<string, string> = { [RECIPE]: recipeArn };
  for (const { componentArn = '' } of recipe?.components ?? []) {
    if (parseArn(componentArn)?.build !== undefined) continue;
    const component = await resolveComponent(catalog, componentArn, db);
    if (component?.arn !== undefined) found[componentArn] = component.arn;
  }
  const parent = recipe?.parentImage;
  if (parent === undefined) return found;
  const meaning = await meaningOfParent(catalog, db, place, parent);
  if (meaning !== undefined) found[parent] = meaning;
  return found;
}

async function recipeOf(
  db: Queryable,
  { imageRecipeArn }: Pick<StoredPipeline, 'imageRecipeArn'>,
  arn: string,
): Promise<Pick<ImageRecipe, 'components' | 'parentImage'> | undefined> {
  return imageRecipeArn === undefined ? containerRecipes.get(db, arn) : imageRecipes.get(db, arn);
}

/** The parent image that the recipe names, after parameters and `aws` aliases are resolved. */
export async function parentOf(
  catalog: Catalog,
  db: Queryable,
  place: Place,
  pipeline: Pick<StoredPipeline, 'imageRecipeArn' | 'containerRecipeArn'>,
): Promise<string | undefined> {
  const arn = await resolveRecipe(db, (pipeline.imageRecipeArn ?? pipeline.containerRecipeArn)!);
  const parent = arn === undefined ? undefined : (await recipeOf(db, pipeline, arn))?.parentImage;
  if (parent === undefined) return undefined;
  const meaning = await parentMeaning(db, catalog.managed, parent, place);
  return meaning.kind === 'image' ? meaning.arn : undefined;
}

async function meaningOfParent(
  catalog: Catalog,
  db: Queryable,
  place: Place,
  parent: string,
): Promise<string | undefined> {
  const meaning = await parentMeaning(db, catalog.managed, parent, place);
  switch (meaning.kind) {
    case 'ami':
      return parent === meaning.id ? undefined : meaning.id;
    case 'image':
      if (parent === meaning.arn && parseArn(parent)?.build !== undefined) return undefined;
      return (await resolveImage(db, meaning.arn)) ?? undefined;
    case 'managed': {
      const made = await newestBaseImage(db, meaning.image.name);
      return made === undefined ? meaning.image.name : `${meaning.image.name} ${made.version}`;
    }
    default:
      return undefined;
  }
}

/** What changed since a build, one sentence each, and what that build's record could not contain yet. */
export interface DependencyChanges {
  readonly changes: readonly string[];
  /** The record of the build, completed; absent if nothing was missing. */
  readonly completed?: Dependencies;
}

/** Compares resolved names of a build with the current ones. */
export function compareDependencies(before: Dependencies, now: Dependencies): DependencyChanges {
  const changes: string[] = [];
  const learned: Record<string, string> = {};
  for (const [name, meaning] of Object.entries(now)) {
    const earlier = before[name];
    // A base image that was deleted is made again when it is needed.
    if (meaning === earlier || earlier?.startsWith(`${meaning} `)) continue;
    if (earlier === undefined) {
      if (name !== RECIPE && before[RECIPE] === now[RECIPE]) changes.push(`${name} means ${meaning} now.`);
      continue;
    }
    // That build made the base image, so it used this one.
    if (meaning.startsWith(`${earlier} `)) learned[name] = meaning;
    else changes.push(`${name === RECIPE ? 'The recipe' : name} was ${earlier} and is ${meaning} now.`);
  }
  return Object.keys(learned).length === 0 ? { changes } : { changes, completed: { ...before, ...learned } };
}
