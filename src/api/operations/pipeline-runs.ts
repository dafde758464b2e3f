/** Runs of pipelines: the way from a pipeline to a PENDING image, whoever starts it. */
import type { Queryable } from '../../catalog/catalog.ts';
import type { StoredPipeline } from '../../catalog/image-pipelines.ts';
import type { Build } from '../../pipelines/start.ts';
import { parseArn } from '../../resources/arns.ts';
import type { ApiServices, BuildContext } from '../context.ts';
import { checkQuota } from '../quotas.ts';
import { findSettings } from './build-settings.ts';
import { startBuild } from './images.ts';

/**
 * How an image of a pipeline is made.
 * @param tags of whoever starts it: they win over the pipeline's own for images
 */
export function buildOf(
  context: BuildContext,
  pipeline: StoredPipeline,
  tags?: Readonly<Record<string, string>>,
): Build {
  return async (build) => {
    const image = await startBuild(
      context,
      {
        ...pipeline,
        buildType: build.buildType,
        sourcePipelineArn: pipeline.arn,
        sourcePipelineName: pipeline.name,
        tags: build.tags === undefined ? tags : { ...build.tags, ...tags },
        loggingConfiguration:
          pipeline.loggingConfiguration?.imageLogGroupName === undefined
            ? undefined
            : { logGroupName: pipeline.loggingConfiguration.imageLogGroupName },
      },
      await findSettings(context, pipeline),
    );
    return image.arn;
  };
}

/** As `buildOf`, for what starts a pipeline by itself, in the name of the pipeline's account. */
export function buildByItself(services: ApiServices, trx: Queryable, pipeline: StoredPipeline): Build {
  const { owner: account, region } = parseArn(pipeline.arn)!;
  const context: BuildContext = {
    account,
    region,
    services,
    opened: new Set(),
    db: trx,
    // Whoever called wakes the worker after the commit.
    afterCommit: () => {},
  };
  const build = buildOf(context, pipeline);
  return async (given) => {
    const image = await build(given);
    await checkQuota(trx, 'StartImagePipelineExecution', context, services.config.quotas);
    return image;
  };
}
