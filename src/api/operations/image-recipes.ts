/** Operations on image recipes. Source: reference, `resources.md` sections 2 and 6. */
import type { CreateImageRecipeRequest, InstanceBlockDeviceMapping } from '@aws-sdk/client-imagebuilder';
import { imageRecipes } from '../../catalog/image-recipes.ts';
import { timestamp } from '../../platform/clock.ts';
import { invalidParameterValue, invalidParameterValues, type ValueFault } from '../../resources/errors.ts';
import { rootVolumeBytes, smallerThanParent } from '../../workflows/planning/volumes.ts';
import type { Handlers } from '../context.ts';
import { compact } from './common.ts';
import { referencesOf } from './documents.ts';
import { findParentImage, type ParentImage } from './parent-images.ts';
import { checkComponents, recipeParts } from './recipes.ts';

const parts = recipeParts({
  queries: imageRecipes,
  type: 'image-recipe',
  name: 'ImageRecipe',
  member: 'imageRecipeArn',
  filters: {
    name: 'name',
    parentImage: 'parent_image',
    platform: 'platform',
  },
  columns: ({ name, parentImage, platform }) => ({ name, parent_image: parentImage, platform }),
});

/** Handlers. */
export const imageRecipeOperations = {
  async CreateImageRecipe(input, context) {
    const { place, arn, version } = await parts.place(context, input);
    checkMappings(input.blockDeviceMappings ?? []);
    checkWatermarks(input.amiWatermarks ?? []);
    const parent = await findParentImage(context, input.parentImage);
    await checkRootVolume(input, parent);
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
        version,
        components: input.components,
        parentImage: input.parentImage,
        blockDeviceMappings: input.blockDeviceMappings,
        workingDirectory: input.workingDirectory,
        additionalInstanceConfiguration: input.additionalInstanceConfiguration,
        amiTags: input.amiTags,
        amiWatermarks: input.amiWatermarks,
        dateCreated: timestamp(),
        tags: input.tags ?? {},
      }),
    );
    return { imageRecipeArn: arn, latestVersionReferences: referencesOf(arn) };
  },

  async GetImageRecipe(input, context) {
    const imageRecipe = await parts.visible(context, input.imageRecipeArn);
    return { imageRecipe, latestVersionReferences: referencesOf(imageRecipe.arn) };
  },

  async ListImageRecipes(input, context) {
    const { items, nextToken } = await parts.page(input, context);
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
    await parts.remove(context, input.imageRecipeArn);
    return { imageRecipeArn: input.imageRecipeArn };
  },
} satisfies Partial<Handlers>;

/** @throws {ApiError} InvalidParameterValueException for a duplicate watermark */
function checkWatermarks(names: readonly string[]): void {
  const index = names.findIndex((name, at) => names.indexOf(name) < at);
  if (index >= 0)
    throw invalidParameterValue(`amiWatermarks[${index}]`, `The watermark '${names[index]}' is in the list twice.`);
}

/** @throws {ApiError} InvalidParameterValueException for a root volume that is smaller than the parent's disk */
async function checkRootVolume(
  { blockDeviceMappings, parentImage }: Pick<CreateImageRecipeRequest, 'blockDeviceMappings' | 'parentImage'>,
  parent: ParentImage,
): Promise<void> {
  const bytes = rootVolumeBytes(blockDeviceMappings);
  const parentBytes = bytes === undefined ? undefined : await parent.diskBytes();
  if (bytes === undefined || parentBytes === undefined) return;
  const problem = smallerThanParent(bytes, parentBytes, parentImage);
  if (problem !== undefined)
    throw invalidParameterValue('blockDeviceMappings', `${problem[0]!.toUpperCase()}${problem.slice(1)}.`);
}

/** @throws {ApiError} InvalidParameterValueException for mappings that contradict each other */
function checkMappings(mappings: readonly InstanceBlockDeviceMapping[]): void {
  const faults: ValueFault[] = [];
  const seen = new Map<string, number>();
  for (const [index, { deviceName, ebs }] of mappings.entries()) {
    const path = `blockDeviceMappings[${index}]`;
    if (deviceName !== undefined) {
      const first = seen.get(deviceName);
      if (first !== undefined)
        faults.push({
          path: `${path}.deviceName`,
          detail: `blockDeviceMappings[${first}] maps '${deviceName}' already; map each device once.`,
        });
      else seen.set(deviceName, index);
    }
    if (ebs?.kmsKeyId !== undefined && ebs.encrypted === false)
      faults.push({
        path: `${path}.ebs.kmsKeyId`,
        detail: 'A key is for an encrypted volume, and encrypted is false.',
      });
  }
  if (faults.length > 0) throw invalidParameterValues(faults);
}
