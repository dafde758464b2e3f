/** Operations on container recipes. Source: reference, `resources.md` sections 2, 6 and 9. */
import type { ContainerRecipe } from '@aws-sdk/client-imagebuilder';
import { containerRecipes, type ContainerRecipeColumn } from '../../catalog/container-recipes.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import { getImage } from '../../catalog/images.ts';
import { findManagedImage } from '../../catalog/managed.ts';
import { recipePosition } from '../../catalog/recipes.ts';
import { resolveImage, resolveRecipe } from '../../catalog/resolve.ts';
import { timestamp } from '../../platform/clock.ts';
import { parseArn, resourceArn } from '../../resources/arns.ts';
import { dockerfileFault, isRegistryImage } from '../../resources/dockerfile-template.ts';
import {
  invalidParameterCombination,
  invalidParameterValue,
  resourceAlreadyExists,
  resourceDependency,
  resourceNotFound,
  valueNotSupported,
} from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { compareVersions, formatVersion } from '../../resources/versions.ts';
import type { Handlers, OperationContext } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { openPage } from '../paging.ts';
import { compact, isVisible, meetsConditions, ownArn, placeOf, readFilters, visibleArn } from './common.ts';
import { referencesOf } from './documents.ts';
import { findParentImage, type ParentImage } from './parent-images.ts';
import { checkComponents, recipeVersion } from './recipes.ts';
import { sharedPage } from './shared.ts';

const FILTERS: Readonly<Record<string, ContainerRecipeColumn>> = {
  containerType: 'container_type',
  name: 'name',
  parentImage: 'parent_image',
  platform: 'platform',
};

/** Handlers. */
export const containerRecipeOperations = {
  async CreateContainerRecipe(input, context) {
    const place = placeOf(context);
    const name = slug(input.name);
    const existing = await containerRecipes.versions(context.db, place, name);
    const version = recipeVersion(input.semanticVersion, existing);
    const arn = resourceArn(place, 'container-recipe', name, version);
    if (existing.some((other) => compareVersions(other, version) === 0))
      throw resourceAlreadyExists('ContainerRecipe', arn);
    const dockerfileTemplateData = templateOf(input);
    const platform = await platformOf(context, input);
    const hostImage = input.instanceConfiguration?.image;
    if (hostImage !== undefined) await findParentImage(context, hostImage, 'instanceConfiguration.image');
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
        version: formatVersion(version),
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
    visibleArn(context, input.containerRecipeArn, 'container-recipe', 'containerRecipeArn');
    const arn = await resolveRecipe(context.db, input.containerRecipeArn);
    const containerRecipe = arn === undefined ? undefined : await containerRecipes.get(context.db, arn);
    if (containerRecipe === undefined) throw resourceNotFound(input.containerRecipeArn);
    return { containerRecipe, latestVersionReferences: referencesOf(containerRecipe.arn) };
  },

  async ListContainerRecipes(input, context) {
    const conditions = readFilters(input.filters, FILTERS);
    const owner = input.owner ?? 'Self';
    if (owner !== 'Self' && owner !== 'Shared') return { containerRecipeSummaryList: [] };
    const meets = ({ containerType, name, parentImage, platform }: ContainerRecipe): boolean =>
      meetsConditions({ container_type: containerType, name, parent_image: parentImage, platform }, conditions);
    const own = async () => {
      const page = openPage(input, context, ['string', 'number', 'number', 'number']);
      return page.cut(await containerRecipes.list(context.db, placeOf(context), conditions, page), recipePosition);
    };
    const { items, nextToken } =
      owner === 'Shared'
        ? await sharedPage<ContainerRecipe>(
            input,
            context,
            'container-recipe',
            (arn) => containerRecipes.get(context.db, arn),
            meets,
          )
        : await own();
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
    const arn = ownArn(context, input.containerRecipeArn, 'container-recipe', 'containerRecipeArn');
    if ((await containerRecipes.get(context.db, input.containerRecipeArn)) === undefined)
      throw resourceNotFound(input.containerRecipeArn);
    const dependents = await dependentsOf(
      context.db,
      input.containerRecipeArn,
      await containerRecipes.versions(context.db, placeOf(context), arn.slug),
    );
    if (dependents.length > 0) throw resourceDependency(input.containerRecipeArn, dependents);
    await containerRecipes.remove(context.db, input.containerRecipeArn);
    return { containerRecipeArn: input.containerRecipeArn };
  },
} satisfies Partial<Handlers>;

type Input = OperationInput<'CreateContainerRecipe'>;

function templateOf({ dockerfileTemplateData, dockerfileTemplateUri, components }: Input): string {
  if ((dockerfileTemplateData === undefined) === (dockerfileTemplateUri === undefined)) {
    throw invalidParameterCombination('Give exactly one of dockerfileTemplateData and dockerfileTemplateUri.');
  }
  if (dockerfileTemplateData === undefined)
    throw valueNotSupported(
      'dockerfileTemplateUri',
      'Templates are not read from S3; give the template as dockerfileTemplateData.',
    );
  const fault = dockerfileFault(dockerfileTemplateData, (components?.length ?? 0) > 0);
  if (fault !== undefined) throw invalidParameterValue('dockerfileTemplateData', fault);
  return dockerfileTemplateData;
}

/** The platform, which an image of Image Builder has and an image in a registry is given. */
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
  const build = isVisible(context, arn) ? await resolveImage(context.db, parentImage) : undefined;
  const image = build === undefined ? undefined : await getImage(context.db, build);
  // AWS's own are known: what the registry calls them stands in the refusal.
  const managed = arn.owner === 'aws' ? findManagedImage(context.services.catalog.managed, arn) : undefined;
  const hint = managed?.type === 'DOCKER' ? ` ${managed.refusal}` : '';
  if (image?.type !== 'DOCKER')
    throw invalidParameterValue('parentImage', `There is no available container image '${parentImage}'.${hint}`);
  return image.platform!;
}
