/** Operations on image recipes. Source: reference, `resources.md` sections 2 and 6. */
import type { ComponentConfiguration } from '@aws-sdk/client-imagebuilder';
import { dependentsOf } from '../../catalog/dependents.ts';
import {
  deleteImageRecipe, getImageRecipe, imageRecipePosition, insertImageRecipe, listImageRecipes, recipeVersions, type ImageRecipeColumn,
} from '../../catalog/image-recipes.ts';
import { resolveComponent, resolveRecipe } from '../../catalog/resolve.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { checkParameterValues } from '../../documents/component/type.ts';
import { timestamp } from '../../platform/clock.ts';
import { latestVersionReferences, nameArn, parseArn, resourceArn, type Arn } from '../../resources/arns.ts';
import {
  invalidParameterValue, invalidParameterValues, invalidVersionNumber, resourceAlreadyExists, resourceDependency, resourceNotFound, serviceQuotaExceeded, type ValueFault,
} from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { compareVersions, formatVersion, nextVersion, parseIncrement, parseVersion, type Version } from '../../resources/versions.ts';
import type { Handlers, OperationContext } from '../context.ts';
import { openPage } from '../paging.ts';
import { compact, isVisible, ownArn, placeOf, readFilters, visibleArn } from './common.ts';
import { findParentImage } from './parent-images.ts';

/** Quota of components in a recipe. */
const MAX_COMPONENTS = 20;

const FILTERS: Readonly<Record<string, ImageRecipeColumn>> = { name: 'name', parentImage: 'parent_image', platform: 'platform' };

/** Handlers. */
export const imageRecipeOperations = {
  async CreateImageRecipe(input, context) {
    const place = placeOf(context);
    const name = slug(input.name);
    const existing = await recipeVersions(context.db, place, name);
    const version = versionOf(input.semanticVersion, existing);
    const arn = resourceArn(place, 'image-recipe', name, version);
    if (existing.some((other) => compareVersions(other, version) === 0)) throw resourceAlreadyExists('ImageRecipe', arn);
    const parent = await findParentImage(context, input.parentImage);
    await checkComponents(context, input.components ?? [], parent.platform);
    await insertImageRecipe(context.db, place, compact({
      arn, type: 'AMI', name: input.name, description: input.description, platform: parent.platform, owner: context.account, version: formatVersion(version),
      components: input.components, parentImage: input.parentImage, blockDeviceMappings: input.blockDeviceMappings,
      workingDirectory: input.workingDirectory ?? (parent.platform === 'Windows' ? 'C:/' : '/tmp'),
      additionalInstanceConfiguration: input.additionalInstanceConfiguration, amiTags: input.amiTags, dateCreated: timestamp(), tags: input.tags ?? {},
    }));
    return { imageRecipeArn: arn, latestVersionReferences: references(arn) };
  },

  async GetImageRecipe(input, context) {
    visibleArn(context, input.imageRecipeArn, 'image-recipe', 'imageRecipeArn');
    const arn = await resolveRecipe(context.db, input.imageRecipeArn);
    const imageRecipe = arn === undefined ? undefined : await getImageRecipe(context.db, arn);
    if (imageRecipe === undefined) throw resourceNotFound(input.imageRecipeArn);
    return { imageRecipe, latestVersionReferences: references(imageRecipe.arn) };
  },

  async ListImageRecipes(input, context) {
    const conditions = readFilters(input.filters, FILTERS);
    const page = openPage(input, context, ['string', 'number', 'number', 'number']);
    if ((input.owner ?? 'Self') !== 'Self') return { imageRecipeSummaryList: [] };
    const { items, nextToken } = page.cut(await listImageRecipes(context.db, placeOf(context), conditions, page), imageRecipePosition);
    return {
      imageRecipeSummaryList: items.map((each) => compact({
        arn: each.arn, name: each.name, platform: each.platform, owner: each.owner, parentImage: each.parentImage, dateCreated: each.dateCreated, tags: each.tags,
      })),
      nextToken,
    };
  },

  async DeleteImageRecipe(input, context) {
    const arn = ownArn(context, input.imageRecipeArn, 'image-recipe', 'imageRecipeArn');
    if ((await getImageRecipe(context.db, input.imageRecipeArn)) === undefined) throw resourceNotFound(input.imageRecipeArn);
    const dependents = await dependentsOf(context.db, input.imageRecipeArn, await recipeVersions(context.db, placeOf(context), arn.slug));
    if (dependents.length > 0) throw resourceDependency(input.imageRecipeArn, dependents);
    await deleteImageRecipe(context.db, input.imageRecipeArn);
    return { imageRecipeArn: input.imageRecipeArn };
  },
} satisfies Partial<Handlers>;

function references(arn: string) {
  return latestVersionReferences(parseArn(arn) as Arn & { version: Version });
}

/** The version that is asked for; an `x` counts up from those there are. */
function versionOf(text: string, existing: readonly Version[]): Version {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  const increment = parseIncrement(text);
  if (increment === undefined) throw invalidVersionNumber(text, 'It takes three numbers from 0 to 1073741823, or an x in place of the one to count up, as in 1.0.x.');
  const next = nextVersion(increment, existing);
  if (next === undefined) throw invalidVersionNumber(text, 'There is no higher number left.');
  return next;
}

/** @throws {ApiError} InvalidParameterValueException with everything that is wrong with the components, ServiceQuotaExceededException */
async function checkComponents(context: OperationContext, components: readonly ComponentConfiguration[], platform: string): Promise<void> {
  if (components.length > MAX_COMPONENTS) throw serviceQuotaExceeded(`A recipe takes ${MAX_COMPONENTS} components; this one has ${components.length}.`);
  const faults: ValueFault[] = [];
  const names = new Set<string>();
  for (const [index, { componentArn = '', parameters }] of components.entries()) {
    const path = `components[${index}].componentArn`;
    const component = isVisible(context, parseArn(componentArn)) ? await resolveComponent(context.services.catalog, componentArn, context.db) : undefined;
    if (component === undefined) {
      faults.push({ path, detail: `The component '${componentArn}' does not exist.` });
      continue;
    }
    const name = nameArn(parseArn(component.arn)!);
    if (names.has(name)) faults.push({ path, detail: `The component '${componentArn}' is in the recipe already; a recipe takes each component once.` });
    names.add(name);
    if (component.platform !== platform) faults.push({ path, detail: `The component '${componentArn}' is for ${component.platform}; the parent image is ${platform}.` });
    const status = component.state?.status ?? 'ACTIVE';
    if (status !== 'ACTIVE') faults.push({ path, detail: `The component '${componentArn}' is ${status} and cannot be added to a recipe.` });
    const { document } = parseComponentDocument(component.data);
    const given = (parameters ?? []).map((parameter) => ({ name: parameter.name!, value: parameter.value ?? [] }));
    const wrong = document === undefined ? [] : checkParameterValues(document, given);
    if (wrong.length > 0) faults.push({ path: `components[${index}].parameters`, detail: `${component.name}: ${wrong.join(' ')}` });
  }
  if (faults.length === 1) throw invalidParameterValue(faults[0]!.path, faults[0]!.detail);
  if (faults.length > 1) throw invalidParameterValues(faults);
}
