/** Queries on container recipes. */
import type { ContainerRecipe } from '@aws-sdk/client-imagebuilder';
import { recipeQueries } from './recipes.ts';

/** A container recipe with the required members. */
export type StoredContainerRecipe = ContainerRecipe & {
  arn: string;
  name: string;
  version: string;
  platform: NonNullable<ContainerRecipe['platform']>;
  containerType: NonNullable<ContainerRecipe['containerType']>;
  parentImage: string;
};

/** Columns that lists can be filtered by. */
type ContainerRecipeColumn = 'name' | 'parent_image' | 'platform' | 'container_type';

/** Queries on container recipes. */
export const containerRecipes = recipeQueries<StoredContainerRecipe, ContainerRecipeColumn>('container_recipes', {
  columns: ({ containerType }) => ({ container_type: containerType }),
  references: ({ instanceConfiguration }) => [instanceConfiguration?.image],
});
