/**
 * What a pipeline names without its build, and what that means now: the difference is a dependency update. Source:
 * reference, `resources.md` section 10.
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

/** By what was named: what it means. A base image has its version behind its name, once it is made. */
export type Dependencies = Readonly<Record<string, string>>;

/** The recipe, by a name that no reference has. */
const RECIPE = 'recipe';

/** What a pipeline's recipe, components and parent image mean now. What names its build means itself, and is left out. */
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

/** The image that a pipeline is built on as the recipe names it, once parameters and names of `aws` are followed. */
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
      return parent.startsWith('ami-') ? undefined : meaning.id;
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

/** What is new since a build, a sentence each; and what that build's record could not know yet. */
export interface DependencyChanges {
  readonly changes: readonly string[];
  /** The record of the build with what it could not know, where there is anything of the kind. */
  readonly completed?: Dependencies;
}

/** Compares what names meant in a build with what they mean now. */
export function compareDependencies(before: Dependencies, now: Dependencies): DependencyChanges {
  const changes: string[] = [];
  const learned: Record<string, string> = {};
  for (const [name, meaning] of Object.entries(now)) {
    const earlier = before[name];
    // A base image that was cleaned away is made again when it is needed.
    if (meaning === earlier || earlier?.startsWith(`${meaning} `)) continue;
    if (earlier === undefined) {
      if (name !== RECIPE && before[RECIPE] === now[RECIPE]) changes.push(`${name} means ${meaning} now.`);
      continue;
    }
    // That build made the base image, so that this is the one it has.
    if (meaning.startsWith(`${earlier} `)) learned[name] = meaning;
    else changes.push(`${name === RECIPE ? 'The recipe' : name} was ${earlier} and is ${meaning} now.`);
  }
  return Object.keys(learned).length === 0 ? { changes } : { changes, completed: { ...before, ...learned } };
}
