/** Operations on images. Source: reference, `resources.md` sections 5 to 7. */
import type { Image, ImageVersion } from '@aws-sdk/client-imagebuilder';
import { findAmi } from '../../catalog/amis.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import {
  createImage,
  deleteImage,
  getImage,
  imageBuildPosition,
  imagePosition,
  imageVersions,
  listImageBuilds,
  listImageVersions,
  requestCancel,
  type ImageColumn,
  type ImageVersionRow,
} from '../../catalog/images.ts';
import { openExecutionOf } from '../../catalog/lifecycle-executions.ts';
import { newestBaseImage } from '../../catalog/layers.ts';
import type { ManagedImage } from '../../catalog/managed.ts';
import { parentMeaning, type ParentMeaning } from '../../catalog/parent-names.ts';
import { resolveImage, resolveImageToRead } from '../../catalog/resolve.ts';
import { sliceOf, type Conditions } from '../../catalog/slices.ts';
import { writtenName } from '../../resources/names.ts';
import { isInProgress } from '../../resources/statuses.ts';
import { parseArn, resourceArn, versionArn, type Arn, accountOfArn } from '../../resources/arns.ts';
import {
  ApiError,
  invalidRequest,
  resourceDependency,
  resourceInUse,
  resourceNotFound,
} from '../../resources/errors.ts';
import { formatVersion, parseVersion, type Version } from '../../resources/versions.ts';
import { toldContainers, toldUri } from '../../resources/repositories.ts';
import type { BuildContext, Handlers, OperationContext } from '../context.ts';
import { lineOf, whyItWaits } from '../waits.ts';
import { openPage } from '../paging.ts';
import {
  checkLogGroups,
  findSettings,
  testsConfiguration,
  type BuildSettings,
  type FoundSettings,
} from './build-settings.ts';
import {
  compact,
  meetsConditions,
  ownArn,
  placeOf,
  readFilters,
  refuseVersionFilterByName,
  visibleArn,
} from './common.ts';
import { namedArn, referencesOf } from './documents.ts';
import { sharedPage } from './shared.ts';
import { findParentImage } from './parent-images.ts';
import { refuseUnplannable } from './plans.ts';

const FILTERS: Readonly<Record<string, ImageColumn>> = {
  name: 'name',
  osVersion: 'os_version',
  platform: 'platform',
  type: 'type',
  version: 'version',
};

/** What starting a build adds to the build settings. */
export interface StartedBuild
  extends BuildSettings,
    Pick<
      Image,
      | 'buildType'
      | 'enhancedImageMetadataEnabled'
      | 'imageScanningConfiguration'
      | 'loggingConfiguration'
      | 'sourcePipelineArn'
      | 'sourcePipelineName'
    > {
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/**
 * Records an image to build, with its recipe and configurations as they are now. The worker is woken after the commit.
 */
export async function startBuild(
  context: BuildContext,
  build: StartedBuild,
  { recipe, infrastructure, distribution, documents }: FoundSettings,
): Promise<Image & { arn: string }> {
  const container = 'containerType' in recipe;
  const parent = container ? undefined : await findParentImage(context, recipe.parentImage, 'parentImage', false);
  const { slug, version } = parseArn(recipe.arn) as Arn & { version: Version };
  const image = compact({
    type: container ? ('DOCKER' as const) : ('AMI' as const),
    name: recipe.name,
    platform: recipe.platform,
    osVersion: parent?.osVersion,
    enhancedImageMetadataEnabled: build.enhancedImageMetadataEnabled ?? true,
    ...(container ? { containerRecipe: recipe } : { imageRecipe: recipe }),
    infrastructureConfiguration: infrastructure,
    distributionConfiguration: distribution,
    imageTestsConfiguration: testsConfiguration(build.imageTestsConfiguration),
    imageScanningConfiguration: build.imageScanningConfiguration,
    sourcePipelineArn: build.sourcePipelineArn,
    sourcePipelineName: build.sourcePipelineName,
    buildType: build.buildType ?? ('USER_INITIATED' as const),
    imageSource: 'CUSTOM' as const,
    executionRole: build.executionRole,
    workflows: build.workflows === undefined ? undefined : [...build.workflows],
    loggingConfiguration: build.loggingConfiguration,
  });
  await refuseUnplannable(context, { image, slug, version, tags: build.tags }, documents);
  const created = await createImage(context.db, { place: placeOf(context), slug, version, tags: build.tags, image });
  context.afterCommit(context.services.wakeWorker);
  return created;
}

/** Handlers. */
export const imageOperations = {
  async CreateImage(input, context) {
    checkLogGroups(
      { 'loggingConfiguration.logGroupName': input.loggingConfiguration?.logGroupName },
      input.executionRole,
    );
    const image = await startBuild(context, input, await findSettings(context, input));
    return { imageBuildVersionArn: image.arn, latestVersionReferences: referencesOf(image.arn) };
  },

  async GetImage(input, context) {
    const arn = visibleArn(context, input.imageBuildVersionArn, 'image', 'imageBuildVersionArn');
    if (arn.owner === 'aws') {
      const meaning = await parentMeaning(
        context.db,
        context.services.catalog.managed,
        anyVersionOf(arn),
        placeOf(context),
      );
      if (meaning.kind === 'none') throw resourceNotFound(input.imageBuildVersionArn, meaning.why);
      return { image: await managedImage(context, arn.slug, meaning) };
    }
    const build = await resolveImageToRead(context.db, input.imageBuildVersionArn);
    const image = build === undefined ? undefined : await getImage(context.db, build);
    if (image === undefined) throw resourceNotFound(input.imageBuildVersionArn);
    if (image.state?.status === 'PENDING') {
      const why = whyItWaits(await lineOf(context.db, context.services.config.builds), build!);
      const reason = [image.state.reason, why].filter((text) => text !== undefined).join(' ');
      if (why !== undefined) image.state = { ...image.state, reason: reason.slice(0, 1024) };
    }
    return {
      image: { ...image, outputResources: toldOutputs(image.outputResources, context.host) },
      latestVersionReferences: referencesOf(build!),
    };
  },

  async ListImages(input, context) {
    refuseVersionFilterByName(input);
    const conditions = readFilters(input.filters, FILTERS);
    const owner = input.owner ?? 'Self';
    if (owner === 'Amazon') return listManaged(context, conditions, input);
    if (owner === 'Shared') {
      const meets = ({ name, platform, type, osVersion, version, state }: Image): boolean =>
        meetsConditions(
          { name, platform, status: state?.status, type, os_version: osVersion, version: version?.split('/')[0] },
          conditions,
        );
      const shared = await sharedPage<Image>(input, context, 'image', (arn) => getImage(context.db, arn), meets);
      return {
        imageVersionList: shared.items.map((image) => ({ ...versionOf(image), ...namedArn(image, input) })),
        nextToken: shared.nextToken,
      };
    }
    const page = openPage(input, context, ['string', 'number', 'number', 'number']);
    if (owner !== 'Self') return { imageVersionList: [] };
    if (input.byName === true) {
      const all = await listImageVersions(context.db, placeOf(context), conditions, {
        limit: Number.MAX_SAFE_INTEGER - 1,
      });
      const latest = new Map(all.map((image) => [image.slug, image]));
      const { items, nextToken } = page.cut(sliceOf([...latest.values()], page, imagePosition), imagePosition);
      return {
        imageVersionList: items.map((image) => ({
          ...listedVersion(image),
          arn: referencesOf(image.arn).latestVersionArn,
        })),
        nextToken,
      };
    }
    const { items, nextToken } = page.cut(
      await listImageVersions(context.db, placeOf(context), conditions, page),
      imagePosition,
    );
    return { imageVersionList: items.map(listedVersion), nextToken };
  },

  async ListImageBuildVersions(input, context) {
    const conditions = readFilters(input.filters, FILTERS);
    const page = openPage(input, context, ['string', 'string']);
    if (
      input.imageVersionArn !== undefined &&
      visibleArn(context, input.imageVersionArn, 'image', 'imageVersionArn').owner === 'aws'
    )
      return { imageSummaryList: [] };
    const found = await listImageBuilds(
      context.db,
      placeOf(context),
      { versionArn: input.imageVersionArn },
      conditions,
      page,
    );
    const { items, nextToken } = page.cut(found, imageBuildPosition);
    return { imageSummaryList: items.map((image) => imageSummary(image, context)), nextToken };
  },

  async CancelImageCreation(input, context) {
    ownArn(context, input.imageBuildVersionArn, 'image', 'imageBuildVersionArn');
    const cancelled = await requestCancel(context.db, input.imageBuildVersionArn);
    if (cancelled === undefined) throw resourceNotFound(input.imageBuildVersionArn);
    if (typeof cancelled === 'object')
      throw invalidRequest(
        `The image '${input.imageBuildVersionArn}' is ${cancelled.ended}: its creation can no longer be cancelled.`,
      );
    context.afterCommit(context.services.wakeWorker);
    return { imageBuildVersionArn: input.imageBuildVersionArn };
  },

  async DeleteImage(input, context) {
    const arn = ownArn(context, input.imageBuildVersionArn, 'image', 'imageBuildVersionArn');
    const image = await getImage(context.db, input.imageBuildVersionArn);
    if (image === undefined) throw resourceNotFound(input.imageBuildVersionArn);
    if (isInProgress(image.state!.status!)) {
      throw new ApiError(
        'ResourceDependencyException',
        `Resource dependency error: The image '${input.imageBuildVersionArn}' is still being created ` +
          `(${image.state!.status}). Cancel its creation first.`,
      );
    }
    const open = await openExecutionOf(context.db, input.imageBuildVersionArn);
    if (open !== undefined)
      throw resourceInUse(input.imageBuildVersionArn, `The lifecycle execution '${open.id}' is ${open.status}.`);
    const available = (await imageVersions(context.db, placeOf(context), arn.slug)).filter(
      ({ status }) => status === 'AVAILABLE',
    );
    const dependents = await dependentsOf(context.db, input.imageBuildVersionArn, available);
    if (dependents.length > 0) throw resourceDependency(input.imageBuildVersionArn, dependents);
    await deleteImage(context.db, input.imageBuildVersionArn);
    return { imageBuildVersionArn: input.imageBuildVersionArn };
  },
} satisfies Partial<Handlers>;

/** Outputs as a caller is told them: with the address of Ingot's registry that the caller uses. */
function toldOutputs(outputs: Image['outputResources'], host: string): Image['outputResources'] {
  return outputs?.containers === undefined
    ? outputs
    : { ...outputs, containers: toldContainers(outputs.containers, (uri) => toldUri(uri, host)) };
}

/** An image in a list of builds. */
export function imageSummary(image: Image, { account, host }: OperationContext) {
  return compact({
    arn: image.arn,
    name: image.name,
    type: image.type,
    version: image.version,
    platform: image.platform,
    osVersion: image.osVersion,
    state: image.state,
    owner: account,
    dateCreated: image.dateCreated,
    outputResources: toldOutputs(image.outputResources, host),
    tags: image.tags,
    buildType: image.buildType,
    imageSource: image.imageSource,
    deprecationTime: image.deprecationTime,
    lifecycleExecutionId: image.lifecycleExecutionId,
    loggingConfiguration: image.loggingConfiguration,
  });
}

/** Like `versionOf`, for rows of the catalogue's lists. */
function listedVersion(row: ImageVersionRow): ImageVersion {
  const { arn, major, minor, patch } = row;
  return {
    // Without the build number, which is the last part.
    arn: arn.slice(0, arn.lastIndexOf('/')),
    name: row.name,
    type: row.type as ImageVersion['type'],
    version: `${major}.${minor}.${patch}`,
    platform: row.platform as ImageVersion['platform'],
    osVersion: row.os_version ?? undefined,
    owner: accountOfArn(arn),
    dateCreated: row.date_created,
    buildType: (row.build_type ?? undefined) as ImageVersion['buildType'],
    imageSource: (row.image_source ?? undefined) as ImageVersion['imageSource'],
  };
}

function versionOf(image: Image): ImageVersion {
  const arn = parseArn(image.arn!)!;
  return compact({
    arn: versionArn(arn),
    name: image.name,
    type: image.type,
    version: formatVersion(arn.version!),
    platform: image.platform,
    osVersion: image.osVersion,
    owner: arn.owner,
    dateCreated: image.dateCreated,
    buildType: image.buildType,
    imageSource: image.imageSource,
  });
}

/** Date of a managed image if nothing else sets one: the date of the documents that come with Ingot. */
const PUBLISHED = '2026-11-20T00:00:00.000Z';

/**
 * The image that an `aws` name refers to: one that is made or downloaded, or one that the configuration or an import
 * puts in its place. As on AWS it has a version, a date and one output. The version is the day on which the actual
 * image was made.
 */
async function managedImage(context: OperationContext, slug: string, meaning: ParentMeaning): Promise<Image> {
  const { managed } = context.services.catalog;
  const named = managed.images.find(({ name }) => name === slug);
  const found = meaning.kind === 'image' ? await resolveImage(context.db, meaning.arn) : undefined;
  const image = found === undefined ? undefined : await getImage(context.db, found);
  const ami = meaning.kind === 'ami' ? await findAmi(context.db, meaning.id, context.region) : undefined;
  const base = meaning.kind === 'managed' ? meaning.image : undefined;
  const made = base === undefined ? undefined : await newestBaseImage(context.db, base.name);
  const dateCreated = made?.created ?? image?.dateCreated ?? ami?.created ?? PUBLISHED;
  const version = parseVersion(made?.version ?? '') ?? dayOf(dateCreated);
  const name = writtenName(slug);
  const output = image?.outputResources?.amis?.find(({ region }) => region === context.region);
  return compact({
    arn: resourceArn({ region: context.region, account: 'aws' }, 'image', slug, version, 1),
    type: 'AMI' as const,
    name,
    version: `${formatVersion(version)}/1`,
    platform: (named?.platform ?? image?.platform ?? base?.platform ?? ami?.platform ?? 'Linux') as Image['platform'],
    // Consistent with the list.
    osVersion: named?.osVersion ?? image?.osVersion ?? base?.osVersion ?? ami?.os_version ?? undefined,
    enhancedImageMetadataEnabled: true,
    state: { status: 'AVAILABLE' as const },
    dateCreated,
    outputResources: {
      amis: [output ?? compact({ region: context.region, image: ami?.id, name: ami?.name ?? name })],
    },
    imageSource: 'AMAZON_MANAGED' as const,
    tags: {},
  });
}

/** The day of a time as a version: 2026.11.20. */
function dayOf(time: string): Version {
  const [major, minor, patch] = time.slice(0, 10).split('-').map(Number) as [number, number, number];
  return { major, minor, patch };
}

function anyVersionOf(arn: Arn): string {
  return versionArn({ ...arn, version: { major: 'x', minor: 'x', patch: 'x' } });
}

function anyVersion(context: OperationContext, image: ManagedImage): string {
  return resourceArn({ region: context.region, account: 'aws' }, 'image', image.name, {
    major: 'x',
    minor: 'x',
    patch: 'x',
  });
}

/**
 * Managed images that can be used as parents: made here, downloaded, mapped by the configuration, or imported under
 * their name.
 */
async function listManaged(
  context: OperationContext,
  conditions: Conditions<ImageColumn>,
  input: { maxResults?: number; nextToken?: string },
) {
  const page = openPage(input, context, ['string']);
  const { managed } = context.services.catalog;
  const usable = new Set<string>();
  for (const image of managed.images) {
    const plain = image.supply !== 'refused' && managed.settings.parentImages[image.name] === undefined;
    if (
      plain ||
      (await parentMeaning(context.db, managed, anyVersion(context, image), placeOf(context))).kind !== 'none'
    )
      usable.add(image.name);
  }
  const position = (image: ManagedImage) => [image.name];
  const all = managed.images.filter(
    ({ name, osVersion, platform }) =>
      usable.has(name) &&
      meetsConditions(
        { name, os_version: osVersion, platform, status: 'AVAILABLE', type: 'AMI', version: undefined },
        conditions,
      ),
  );
  const { items, nextToken } = page.cut(sliceOf(all, page, position), position);
  return {
    imageVersionList: items.map(
      (image): ImageVersion => ({
        arn: anyVersion(context, image),
        name: image.name,
        type: 'AMI',
        version: 'x.x.x',
        platform: image.platform,
        osVersion: image.osVersion,
        owner: 'Amazon',
        imageSource: 'AMAZON_MANAGED',
      }),
    ),
    nextToken,
  };
}
