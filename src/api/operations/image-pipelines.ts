/** Operations on image pipelines. Source: reference, `resources.md` sections 6 and 10. */
import type { ImagePipeline } from '@aws-sdk/client-imagebuilder';
import { dependentsOf } from '../../catalog/dependents.ts';
import {
  deletePipeline,
  getPipeline,
  insertPipeline,
  listPipelines,
  pipelinePosition,
  replacePipeline,
  type PipelineColumn,
  type StoredPipeline,
} from '../../catalog/image-pipelines.ts';
import { imageBuildPosition, listImageBuilds, type ImageColumn } from '../../catalog/images.ts';
import { timestamp } from '../../platform/clock.ts';
import { resourceArn } from '../../resources/arns.ts';
import {
  invalidParameterValue,
  resourceAlreadyExists,
  resourceDependency,
  resourceNotFound,
} from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { logger } from '../../platform/log.ts';
import { explainFault } from '../../pipelines/schedule/schedule.ts';
import { circleOf, FOLLOW_TAG, follows } from '../../pipelines/parents.ts';
import { schedulePipeline } from '../../pipelines/scheduler.ts';
import { startPipeline } from '../../pipelines/start.ts';
import { lacksYear } from '../../resources/schedules.ts';
import type { Handlers, OperationContext } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { openPage } from '../paging.ts';
import { checkLogGroups, findSettings, testsConfiguration } from './build-settings.ts';
import { compact, ownArn, placeOf, readFilters, visibleArn } from './common.ts';
import { imageSummary } from './images.ts';
import { buildOf } from './pipeline-runs.ts';

const FILTERS: Readonly<Record<string, PipelineColumn>> = {
  description: 'description',
  name: 'name',
  status: 'status',
  imageRecipeArn: 'recipe_arn',
  infrastructureConfigurationArn: 'infrastructure_configuration_arn',
  distributionConfigurationArn: 'distribution_configuration_arn',
};
const IMAGE_FILTERS: Readonly<Record<string, ImageColumn>> = { name: 'name', version: 'version' };

/** Handlers. */
export const imagePipelineOperations = {
  async CreateImagePipeline(input, context) {
    const place = placeOf(context);
    const arn = resourceArn(place, 'image-pipeline', slug(input.name));
    const settings = await validSettings(context, input);
    if ((await getPipeline(context.db, arn)) !== undefined) throw resourceAlreadyExists('ImagePipeline', arn);
    const now = timestamp();
    const pipeline = {
      arn,
      name: input.name,
      ...settings,
      dateCreated: now,
      dateUpdated: now,
      tags: input.tags ?? {},
    };
    await refuseCircle(context, pipeline);
    await insertPipeline(context.db, place, pipeline);
    await schedulePipeline(context.db, pipeline, context.now);
    return { imagePipelineArn: arn };
  },

  async GetImagePipeline(input, context) {
    return { imagePipeline: await existing(context, input.imagePipelineArn) };
  },

  async ListImagePipelines(input, context) {
    const page = openPage(input, context, ['string']);
    const { items, nextToken } = page.cut(
      await listPipelines(context.db, placeOf(context), readFilters(input.filters, FILTERS), page),
      pipelinePosition,
    );
    return { imagePipelineList: items, nextToken };
  },

  async UpdateImagePipeline(input, context) {
    ownArn(context, input.imagePipelineArn, 'image-pipeline', 'imagePipelineArn');
    const before = await existing(context, input.imagePipelineArn);
    const settings = await validSettings(context, input);
    const pipeline = {
      arn: before.arn,
      name: before.name,
      ...settings,
      dateCreated: before.dateCreated,
      dateUpdated: timestamp(),
    };
    await refuseCircle(context, { ...pipeline, tags: before.tags });
    await replacePipeline(context.db, pipeline);
    await schedulePipeline(context.db, pipeline, context.now);
    return { imagePipelineArn: before.arn };
  },

  async DeleteImagePipeline(input, context) {
    ownArn(context, input.imagePipelineArn, 'image-pipeline', 'imagePipelineArn');
    const { arn } = await existing(context, input.imagePipelineArn);
    const dependents = await dependentsOf(context.db, arn);
    if (dependents.length > 0) throw resourceDependency(arn, dependents);
    await deletePipeline(context.db, arn);
    return { imagePipelineArn: arn };
  },

  async StartImagePipelineExecution(input, context) {
    ownArn(context, input.imagePipelineArn, 'image-pipeline', 'imagePipelineArn');
    const pipeline = await existing(context, input.imagePipelineArn);
    const image = await startPipeline(
      {
        catalog: context.services.catalog,
        trx: context.db,
        pipeline,
        cause: {
          cause: 'person',
          by: context.identity.principal.arn,
          because: 'StartImagePipelineExecution was called.',
          occurrence: `request ${context.requestId}`,
          at: timestamp(),
        },
      },
      buildOf(context, pipeline, input.tags),
    );
    return { imageBuildVersionArn: image };
  },

  async ListImagePipelineImages(input, context) {
    const conditions = readFilters(input.filters, IMAGE_FILTERS);
    const page = openPage(input, context, ['string', 'string']);
    const { arn } = await existing(context, input.imagePipelineArn);
    const { items, nextToken } = page.cut(
      await listImageBuilds(context.db, placeOf(context), { pipelineArn: arn }, conditions, page),
      imageBuildPosition,
    );
    return { imageSummaryList: items.map((image) => imageSummary(image, context)), nextToken };
  },
} satisfies Partial<Handlers>;

async function existing(context: OperationContext, arn: string): Promise<StoredPipeline> {
  visibleArn(context, arn, 'image-pipeline', 'imagePipelineArn');
  const pipeline = await getPipeline(context.db, arn);
  if (pipeline === undefined) throw resourceNotFound(arn);
  return pipeline;
}

type Settings = Omit<OperationInput<'UpdateImagePipeline'>, 'imagePipelineArn' | 'clientToken'>;

/**
 * Validates the settings of a create or update. An update removes members that it leaves out, and resets the count of
 * failures.
 */
async function validSettings(context: OperationContext, input: Settings) {
  checkLogGroups(
    {
      'loggingConfiguration.imageLogGroupName': input.loggingConfiguration?.imageLogGroupName,
      'loggingConfiguration.pipelineLogGroupName': input.loggingConfiguration?.pipelineLogGroupName,
    },
    input.executionRole,
  );
  const { recipe } = await findSettings(context, input);
  return compact({
    description: input.description,
    platform: recipe.platform,
    enhancedImageMetadataEnabled: input.enhancedImageMetadataEnabled ?? true,
    imageRecipeArn: input.imageRecipeArn,
    containerRecipeArn: input.containerRecipeArn,
    infrastructureConfigurationArn: input.infrastructureConfigurationArn,
    distributionConfigurationArn: input.distributionConfigurationArn,
    imageTestsConfiguration: testsConfiguration(input.imageTestsConfiguration),
    schedule: validSchedule(input.schedule, context.now),
    status: input.status ?? ('ENABLED' as const),
    imageScanningConfiguration: input.imageScanningConfiguration,
    imageTags: input.imageTags,
    executionRole: input.executionRole,
    workflows: input.workflows,
    loggingConfiguration: input.loggingConfiguration,
    consecutiveFailures: 0,
  });
}

/**
 * A pipeline that follows its parents must not be based, directly or indirectly, on the image that it makes: it would
 * build forever.
 */
async function refuseCircle({ services, db }: OperationContext, pipeline: StoredPipeline): Promise<void> {
  if (!follows(pipeline.tags)) return;
  const circle = await circleOf(services.catalog, db, pipeline);
  if (circle !== undefined)
    throw invalidParameterValue(
      pipeline.imageRecipeArn === undefined ? 'containerRecipeArn' : 'imageRecipeArn',
      `With the tag ${FOLLOW_TAG.key}=${FOLLOW_TAG.value} each build would start the next: the image ` +
        `${circle.join(' is built on ')}.`,
    );
}

/** @param now milliseconds since 1970 */
function validSchedule(schedule: Settings['schedule'], now: number): ImagePipeline['schedule'] {
  if (schedule === undefined) return undefined;
  const { scheduleExpression, timezone } = schedule;
  if (scheduleExpression === undefined) throw invalidParameterValue('schedule.scheduleExpression', 'It is required.');
  if (timezone !== undefined && !isTimezone(timezone))
    throw invalidParameterValue(
      'schedule.timezone',
      `'${timezone}' is not the name of a time zone, such as Europe/Berlin.`,
    );
  const fault = explainFault({ expression: scheduleExpression, timezone }, now);
  if (fault !== undefined) throw invalidParameterValue('schedule.scheduleExpression', fault);
  if (lacksYear(scheduleExpression))
    logger().warn(
      { scheduleExpression },
      'a schedule has five fields and was accepted; EC2 Image Builder requires six, with the year, such as ' +
        'cron(0 0 ? * SUN *)',
    );
  return {
    ...schedule,
    pipelineExecutionStartCondition:
      schedule.pipelineExecutionStartCondition ?? 'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE',
  };
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
