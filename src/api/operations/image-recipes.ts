/** Operations on image recipes. Source: reference, `resources.md` sections 2 and 6. */
import type { ImageRecipe } from '@aws-sdk/client-imagebuilder';
import { dependentsOf } from '../../catalog/dependents.ts';
import { imageRecipes, type ImageRecipeColumn } from '../../catalog/image-recipes.ts';
import { recipePosition } from '../../catalog/recipes.ts';
import { resolveRecipe } from '../../catalog/resolve.ts';
import { timestamp } from '../../platform/clock.ts';
import { resourceArn } from '../../resources/arns.ts';
import { resourceAlreadyExists, resourceDependency, resourceNotFound } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { compareVersions, formatVersion } from '../../resources/versions.ts';
import type { Handlers } from '../context.ts';
import { openPage } from '../paging.ts';
import { compact, meetsConditions, ownArn, placeOf, readFilters, visibleArn } from './common.ts';
import { referencesOf } from './documents.ts';
import { findParentImage } from './parent-images.ts';
import { checkComponents, recipeVersion } from './recipes.ts';
import { sharedPage } from './shared.ts';

const FILTERS: Readonly<Record<string, ImageRecipeColumn>> = {
  name: 'name',
  parentImage: 'parent_image',
  platform: 'platform',
};

/** Handlers. */
export const imageRecipeOperations = {
  async CreateImageRecipe(input, context) {
    const place = placeOf(context);
    const name = slug(input.name);
    const existing = await imageRecipes.versions(context.db, place, name);
    const version = recipeVersion(input.semanticVersion, existing);
    const arn = resourceArn(place, 'image-recipe', name, version);
    if (existing.some((other) => compareVersions(other, version) === 0))
      throw resourceAlreadyExists('ImageRecipe', arn);
    const parent = await findParentImage(context, input.parentImage);
    await checkComponents(context, input.components ?? [], parent.platform);
    await imageRecipes.insert(
      context.db,
      place,
      compact({
        arn,
        type: 'AMI',
        name: input.name,
        description: input.description,
        platform: parent.platform,
        owner: context.account,
        version: formatVersion(version),
        components: input.components,
        parentImage: input.parentImage,
        blockDeviceMappings: input.blockDeviceMappings,
        workingDirectory: input.workingDirectory,
        additionalInstanceConfiguration: input.additionalInstanceConfiguration,
        amiTags: input.amiTags,
        dateCreated: timestamp(),
        tags: input.tags ?? {},
      }),
    );
    return { imageRecipeArn: arn, latestVersionReferences: referencesOf(arn) };
  },

  async GetImageRecipe(input, context) {
    visibleArn(context, input.imageRecipeArn, 'image-recipe', 'imageRecipeArn');
    const arn = await resolveRecipe(context.db, input.imageRecipeArn);
    const imageRecipe = arn === undefined ? undefined : await imageRecipes.get(context.db, arn);
    if (imageRecipe === undefined) throw resourceNotFound(input.imageRecipeArn);
    return { imageRecipe, latestVersionReferences: referencesOf(imageRecipe.arn) };
  },

  async ListImageRecipes(input, context) {
    const conditions = readFilters(input.filters, FILTERS);
    const owner = input.owner ?? 'Self';
    if (owner !== 'Self' && owner !== 'Shared') return { imageRecipeSummaryList: [] };
    const meets = ({ name, parentImage, platform }: ImageRecipe): boolean =>
      meetsConditions({ name, parent_image: parentImage, platform }, conditions);
    const own = async () => {
      const page = openPage(input, context, ['string', 'number', 'number', 'number']);
      return page.cut(await imageRecipes.list(context.db, placeOf(context), conditions, page), recipePosition);
    };
    const { items, nextToken } =
      owner === 'Shared'
        ? await sharedPage<ImageRecipe>(
            input,
            context,
            'image-recipe',
            (arn) => imageRecipes.get(context.db, arn),
            meets,
          )
        : await own();
    return {
      imageRecipeSummaryList: items.map((each) =>
        compact({
          arn: each.arn,
          name: each.name,
          platform: each.platform,
          owner: each.owner,
          parentImage: each.parentImage,
          dateCreated: each.dateCreated,
          tags: each.tags,
        }),
      ),
      nextToken,
    };
  },

  async DeleteImageRecipe(input, context) {
    const arn = ownArn(context, input.imageRecipeArn, 'image-recipe', 'imageRecipeArn');
    if ((await imageRecipes.get(context.db, input.imageRecipeArn)) === undefined)
      throw resourceNotFound(input.imageRecipeArn);
    const dependents = await dependentsOf(
      context.db,
      input.imageRecipeArn,
      await imageRecipes.versions(context.db, placeOf(context), arn.slug),
    );
    if (dependents.length > 0) throw resourceDependency(input.imageRecipeArn, dependents);
    await imageRecipes.remove(context.db, input.imageRecipeArn);
    return { imageRecipeArn: input.imageRecipeArn };
  },
} satisfies Partial<Handlers>;
