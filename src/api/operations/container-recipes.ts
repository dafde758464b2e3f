/** Operations on container recipes. Source: reference, `resources.md` sections 2, 6 and 9. */
import { containerRecipes } from '../../catalog/container-recipes.ts';
import { getImage } from '../../catalog/images.ts';
import { findManagedImage } from '../../catalog/managed.ts';
import { parentMeaning } from '../../catalog/parent-names.ts';
import { resolveImage } from '../../catalog/resolve.ts';
import { timestamp } from '../../platform/clock.ts';
import { parseArn } from '../../resources/arns.ts';
import { dockerfileFault, isRegistryImage } from '../../resources/dockerfile-template.ts';
import { invalidParameterCombination, invalidParameterValue } from '../../resources/errors.ts';
import type { Handlers, OperationContext } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { textOfUri } from '../uri-texts.ts';
import { compact, isVisible, placeOf } from './common.ts';
import { referencesOf } from './documents.ts';
import { findParentImage, type ParentImage } from './parent-images.ts';
import { checkComponents, recipeParts } from './recipes.ts';

const parts = recipeParts({
  queries: containerRecipes,
  type: 'container-recipe',
  name: 'ContainerRecipe',
  member: 'containerRecipeArn',
  filters: {
    containerType: 'container_type',
    name: 'name',
    parentImage: 'parent_image',
    platform: 'platform',
  },
  columns: ({ containerType, name, parentImage, platform }) => ({
    container_type: containerType,
    name,
    parent_image: parentImage,
    platform,
  }),
});

/** Handlers. */
export const containerRecipeOperations = {
  async CreateContainerRecipe(input, context) {
    const { place, arn, version } = await parts.place(context, input);
    const dockerfileTemplateData = templateOf(context, input);
    const platform = await platformOf(context, input);
    const hostImage = input.instanceConfiguration?.image;
    if (hostImage !== undefined) await checkHostImage(context, hostImage);
    await checkComponents(context, input.components ?? [], platform);
    await containerRecipes.insert(
      context.db,
      place,
      compact({
        arn,
        containerType: input.containerType,
        name: input.name,
        description: input.description,
        platform,
        owner: context.account,
        version,
        components: input.components,
        instanceConfiguration: input.instanceConfiguration,
        dockerfileTemplateData,
        kmsKeyId: input.kmsKeyId,
        encrypted: true,
        parentImage: input.parentImage,
        workingDirectory: input.workingDirectory,
        targetRepository: input.targetRepository,
        dateCreated: timestamp(),
        tags: input.tags ?? {},
      }),
    );
    return { containerRecipeArn: arn, latestVersionReferences: referencesOf(arn) };
  },

  async GetContainerRecipe(input, context) {
    const containerRecipe = await parts.visible(context, input.containerRecipeArn);
    return { containerRecipe, latestVersionReferences: referencesOf(containerRecipe.arn) };
  },

  async ListContainerRecipes(input, context) {
    const { items, nextToken } = await parts.page(input, context);
    return {
      containerRecipeSummaryList: items.map((each) =>
        compact({
          arn: each.arn,
          containerType: each.containerType,
          name: each.name,
          platform: each.platform,
          owner: each.owner,
          parentImage: each.parentImage,
          dateCreated: each.dateCreated,
          instanceImage: each.instanceConfiguration?.image,
          tags: each.tags,
        }),
      ),
      nextToken,
    };
  },

  async DeleteContainerRecipe(input, context) {
    await parts.remove(context, input.containerRecipeArn);
    return { containerRecipeArn: input.containerRecipeArn };
  },
} satisfies Partial<Handlers>;

type Input = OperationInput<'CreateContainerRecipe'>;

function templateOf(
  context: OperationContext,
  { dockerfileTemplateData: data, dockerfileTemplateUri: uri, components }: Input,
): string {
  if ((data === undefined) === (uri === undefined))
    throw invalidParameterCombination('Give exactly one of dockerfileTemplateData and dockerfileTemplateUri.');
  const text = data ?? textOfUri(context, uri!, 'dockerfileTemplateUri');
  const fault = dockerfileFault(text, (components?.length ?? 0) > 0);
  const member = data === undefined ? 'dockerfileTemplateUri' : 'dockerfileTemplateData';
  if (fault !== undefined) throw invalidParameterValue(member, fault);
  return text;
}

/**
 * Checks the image of the instance that AWS builds on. Nothing runs it here, so an AMI or a parameter of AWS that is
 * not here is accepted.
 */
async function checkHostImage(context: OperationContext, image: string): Promise<void> {
  const meaning = await parentMeaning(context.db, context.services.catalog.managed, image, placeOf(context));
  if (meaning.kind === 'ami' || (meaning.kind === 'none' && meaning.known)) return;
  await findParentImage(context, image, 'instanceConfiguration.image');
}

/** The platform of the parent: an Image Builder image has one, for an image in a registry the recipe sets it. */
async function platformOf(
  context: OperationContext,
  { parentImage, platformOverride, imageOsVersionOverride }: Input,
): Promise<ParentImage['platform']> {
  if (platformOverride === 'macOS')
    throw invalidParameterValue('platformOverride', 'A container recipe is for Linux or Windows.');
  if (isRegistryImage(parentImage)) return platformOverride ?? 'Linux';
  for (const [member, value] of Object.entries({ platformOverride, imageOsVersionOverride })) {
    if (value !== undefined)
      throw invalidParameterCombination(`${member} is for parent images in a registry; '${parentImage}' has its own.`);
  }
  const arn = parseArn(parentImage);
  if (arn?.type !== 'image' || arn.version === undefined)
    throw invalidParameterValue(
      'parentImage',
      `'${parentImage}' is neither an image in a registry, such as debian:12, nor the ARN of a container image ` +
        'with its version.',
    );
  // A managed container image: the build decides whether it is available, as for an image in a registry.
  const mapped = arn.owner === 'aws' ? context.services.catalog.managed.settings.parentImages[arn.slug] : undefined;
  if (mapped !== undefined && /^(?:docker:\/\/|oci:)/.test(mapped) && isVisible(context, arn)) return 'Linux';
  const managed = arn.owner === 'aws' ? findManagedImage(context.services.catalog.managed, arn) : undefined;
  if (managed?.type === 'DOCKER' && isVisible(context, arn)) return managed.platform;
  const build = isVisible(context, arn) ? await resolveImage(context.db, parentImage) : undefined;
  const image = build === undefined ? undefined : await getImage(context.db, build);
  if (image?.type !== 'DOCKER')
    throw invalidParameterValue(
      'parentImage',
      `The container image '${parentImage}' does not exist, or is not AVAILABLE.`,
    );
  return image.platform!;
}
