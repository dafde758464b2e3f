/** Queries on image recipes. */
import type { ImageRecipe } from '@aws-sdk/client-imagebuilder';
import { recipeQueries } from './recipes.ts';

/** A recipe with the required members. */
export type StoredImageRecipe = ImageRecipe & {
  arn: string;
  name: string;
  version: string;
  platform: NonNullable<ImageRecipe['platform']>;
  parentImage: string;
};

/** Columns that lists can be filtered by. */
type ImageRecipeColumn = 'name' | 'parent_image' | 'platform';

/** Queries on image recipes. */
export const imageRecipes = recipeQueries<StoredImageRecipe, ImageRecipeColumn>('image_recipes');
