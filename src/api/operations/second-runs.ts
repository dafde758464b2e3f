/**
 * Operations that continue from a finished build stage: retrying, distributing. Source: reference, `resources.md`
 * sections 5 and 6.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { findAmi, ownAmiOfImage, keptAmi, type Ami } from '../../catalog/amis.ts';
import { distributionConfigurations } from '../../catalog/distribution-configurations.ts';
import { containerOutput, keptContainer, saveContainerOutput } from '../../catalog/container-outputs.ts';
import type { ContainerOutput } from '../../catalog/container-outputs.ts';
import { copyImagePackages, workflowExecutionsOfImage } from '../../catalog/executions.ts';
import { createImage, getImage } from '../../catalog/images.ts';
import { imageTask, type ImageTask } from '../../catalog/image-task.ts';
import { tryAgain } from '../../catalog/try-again.ts';
import { openExecutionOf } from '../../catalog/lifecycle-executions.ts';
import { recordRun, runOfImage } from '../../catalog/pipeline-runs.ts';
import { parentMeaning } from '../../catalog/parent-names.ts';
import { resolveImage } from '../../catalog/resolve.ts';
import { timestamp } from '../../platform/clock.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, invalidRequest, resourceInUse, resourceNotFound } from '../../resources/errors.ts';
import type { Version } from '../../resources/versions.ts';
import type { Handlers, OperationContext } from '../context.ts';
import { checkLogGroups } from './build-settings.ts';
import { compact, isVisible, ownArn, placeOf } from './common.ts';
import { refuseUnplannable } from './plans.ts';

/** Handlers. */
export const secondRunOperations = {
  async RetryImage({ imageBuildVersionArn: arn }, context) {
    ownArn(context, arn, 'image', 'imageBuildVersionArn');
    const image = await retriable(context, arn);
    const task = await imageTask(context.db, arn);
    if (task?.kind === 'distribute' || task?.kind === 'import') await tryAgain(context.db, arn, task);
    else {
      const last = (await workflowExecutionsOfImage(context.db, arn)).at(-1);
      const stage = task?.kind === 'push' || last?.type === 'DISTRIBUTION' ? 'DISTRIBUTION' : 'TEST';
      const kept =
        image.type === 'DOCKER'
          ? await keptContainer(context.db, arn, stage)
          : await keptAmi(context.db, arn, context.region);
      if (kept === undefined) {
        throw invalidRequest(
          `The image '${arn}' cannot be retried: its build stage did not finish, or its output has been removed. ` +
            'Start the build again.',
        );
      }
      await tryAgain(context.db, arn, task?.kind === 'push' ? task : { kind: 'retry', stage });
    }
    await recordRetry(context, image);
    context.afterCommit(context.services.wakeWorker);
    return { imageBuildVersionArn: arn };
  },

  async DistributeImage(input, context) {
    const { sourceImage, distributionConfigurationArn, executionRole, loggingConfiguration, tags } = input;
    checkLogGroups({ 'loggingConfiguration.logGroupName': loggingConfiguration?.logGroupName }, executionRole);
    const container = await sourceContainer(context, sourceImage);
    const ami = container === undefined ? await sourceAmi(context, sourceImage) : undefined;
    const distributionConfiguration = isVisible(context, parseArn(distributionConfigurationArn))
      ? await distributionConfigurations.get(context.db, distributionConfigurationArn)
      : undefined;
    if (distributionConfiguration === undefined) throw resourceNotFound(distributionConfigurationArn);
    const source = ami === undefined ? containerSource(container!.image) : await amiSource(context, ami);
    const { slug, version, task } = source;
    const image = compact({
      ...source.image,
      distributionConfiguration,
      buildType: 'USER_INITIATED' as const,
      imageSource: 'CUSTOM' as const,
      executionRole,
      loggingConfiguration,
    });
    await refuseUnplannable(context, { image, slug, version, tags, task });
    const created = await createImage(context.db, {
      place: placeOf(context),
      slug,
      version,
      tags,
      image,
      task,
    });
    if (container !== undefined) {
      // What is distributed belongs to the new image too: it does not go with its source.
      await saveContainerOutput(context.db, { ...container.output, image_arn: created.arn, created: timestamp() });
      await copyImagePackages(context.db, container.output.image_arn, created.arn);
    }
    context.afterCommit(context.services.wakeWorker);
    return { imageBuildVersionArn: created.arn };
  },
} satisfies Partial<Handlers>;

/**
 * An image that can be tried again.
 * @throws {ApiError} when it cannot be
 */
export async function retriable(context: Pick<OperationContext, 'db'>, arn: string): Promise<Image> {
  const image = await getImage(context.db, arn);
  if (image === undefined) throw resourceNotFound(arn);
  const status = image.state!.status!;
  if (status !== 'FAILED' && status !== 'CANCELLED')
    throw invalidRequest(`The image '${arn}' is ${status}: only a FAILED or CANCELLED image can be retried.`);
  const open = await openExecutionOf(context.db, arn);
  if (open !== undefined) throw resourceInUse(arn, `The lifecycle execution '${open.id}' is ${open.status}.`);
  return image;
}

/** That an image of a pipeline is tried again is a run of the pipeline. */
export async function recordRetry(
  context: Pick<OperationContext, 'db' | 'requestId' | 'identity'>,
  { arn, sourcePipelineArn, state }: Image,
): Promise<void> {
  if (sourcePipelineArn === undefined) return;
  await recordRun(context.db, {
    pipeline_arn: sourcePipelineArn,
    occurrence: `request ${context.requestId}`,
    cause: 'retry',
    by: context.identity.principal.arn,
    at: timestamp(),
    because: `A retry was requested of an image that was ${state!.status}.`,
    outcome: 'started',
    image_arn: arn!,
    dependencies: (await runOfImage(context.db, arn!))?.dependencies ?? null,
  });
}

/** What to distribute, as the record of the new image has it. */
interface DistributionSource {
  readonly image: Pick<Image, 'type' | 'osVersion' | 'containerRecipe'> & {
    readonly name: string;
    readonly platform: NonNullable<Image['platform']>;
  };
  readonly slug: string;
  readonly version: Version;
  readonly task: ImageTask;
}

async function amiSource(context: OperationContext, ami: Ami): Promise<DistributionSource> {
  const { name, slug, version } = await namesOf(context, ami);
  return {
    image: compact({
      type: 'AMI' as const,
      name,
      platform: ami.platform as NonNullable<Image['platform']>,
      osVersion: ami.os_version ?? undefined,
    }),
    slug,
    version,
    task: { kind: 'distribute', amiId: ami.id },
  };
}

/** The recipe comes along: it names the repository of the home Region. */
function containerSource({ arn, name, platform, osVersion, containerRecipe }: Image): DistributionSource {
  const { slug, version } = parseArn(arn!)!;
  return {
    image: compact({ type: 'DOCKER' as const, name: name!, platform: platform!, osVersion, containerRecipe }),
    slug,
    version: version as Version,
    task: { kind: 'push' },
  };
}

/**
 * The container image to distribute, which AWS does not have; `undefined` if the source is another kind of image.
 * @throws {ApiError} ResourceNotFoundException for one without an output
 */
async function sourceContainer(
  context: OperationContext,
  given: string,
): Promise<{ readonly image: Image; readonly output: ContainerOutput } | undefined> {
  const arn = parseArn(given);
  if (arn?.type !== 'image' || arn.version === undefined) return undefined;
  if (arn.owner !== context.account || !isVisible(context, arn)) return undefined;
  const build = await resolveImage(context.db, given);
  const image = build === undefined ? undefined : await getImage(context.db, build);
  if (image?.type !== 'DOCKER' || image.state?.status !== 'AVAILABLE') return undefined;
  const output = await containerOutput(context.db, build!);
  if (output === undefined) throw resourceNotFound(given);
  return { image, output };
}

/** The AMI to distribute. @throws {ApiError} ResourceNotFoundException, InvalidParameterValueException */
async function sourceAmi(context: OperationContext, given: string): Promise<Ami> {
  const meaning = given.startsWith('ssm:')
    ? await parentMeaning(context.db, context.services.catalog.managed, given, placeOf(context))
    : undefined;
  if (meaning?.kind === 'none') throw invalidParameterValue('sourceImage', meaning.why);
  if (meaning?.kind === 'managed')
    throw invalidParameterValue(
      'sourceImage',
      `${meaning.via.join(', ')}: a managed image has no AMI that could be distributed.`,
    );
  const reference = meaning === undefined ? given : meaning.kind === 'ami' ? meaning.id : meaning.arn;
  if (/^ami-[0-9a-f]+$/.test(reference)) {
    const ami = await findAmi(context.db, reference, context.region);
    if (ami === undefined || ami.account !== context.account) throw resourceNotFound(reference);
    return ami;
  }
  const arn = parseArn(reference);
  if (arn?.type !== 'image' || arn.version === undefined)
    throw invalidParameterValue(
      'sourceImage',
      `'${reference}' is neither an AMI id nor the ARN of an image with its version.`,
    );
  const build =
    arn.owner === context.account && isVisible(context, arn) ? await resolveImage(context.db, reference) : undefined;
  const ami = build === undefined ? undefined : await ownAmiOfImage(context.db, build, context.region);
  if (ami === undefined) throw resourceNotFound(reference);
  return ami;
}

/** Name and version of the image that an AMI came from; the AMI's own name if the image was deleted. */
async function namesOf(
  context: OperationContext,
  ami: Ami,
): Promise<{ readonly name: string; readonly slug: string; readonly version: Version }> {
  const source = await getImage(context.db, ami.image_arn);
  const arn = parseArn(ami.image_arn);
  if (source !== undefined && arn !== undefined)
    return { name: source.name!, slug: arn.slug, version: arn.version as Version };
  const name = ami.name
    .replaceAll(/[^-_A-Za-z0-9 ]/g, '-')
    .slice(0, 128)
    .trim();
  return { name, slug: name.toLowerCase().replaceAll(/[ _]/g, '-'), version: { major: 1, minor: 0, patch: 0 } };
}
