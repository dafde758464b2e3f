/** Creates the PENDING image of a pipeline run, whatever started the run. */
import type { Queryable } from '../../catalog/catalog.ts';
import type { StoredPipeline } from '../../catalog/image-pipelines.ts';
import { resolveComponent } from '../../catalog/resolve.ts';
import { undeclaredParameters } from '../../documents/declared-parameters.ts';
import type { Build } from '../../pipelines/start.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidRequest } from '../../resources/errors.ts';
import type { ApiServices, BuildContext } from '../context.ts';
import { checkQuota } from '../quotas.ts';
import { findSettings, type FoundSettings } from './build-settings.ts';
import { startBuild } from './images.ts';

/** A value for a parameter of a component. */
interface ParameterValue {
  /** The component's name, as in ARNs. */
  readonly component: string;
  readonly parameter: string;
  readonly value: string;
}

/**
 * A recipe with other values for parameters that its components declare.
 * @throws {ApiError} InvalidRequestException
 */
async function withParameters(
  context: BuildContext,
  { recipe, documents }: FoundSettings,
  given: readonly ParameterValue[],
): Promise<FoundSettings['recipe']> {
  if (given.length === 0) return recipe;
  const components = [...(recipe.components ?? [])];
  for (const { component, parameter, value } of given) {
    const index = components.findIndex(({ componentArn }) => parseArn(componentArn ?? '')?.slug === component);
    const named = components[index];
    if (named === undefined) throw invalidRequest(`The recipe has no component '${component}'.`);
    const found = await resolveComponent(context.services.catalog, named.componentArn!, context.db);
    const { document } = documents.component(found?.data ?? '');
    const fault = document && undeclaredParameters('component', document, [{ name: parameter }]);
    if (document === undefined || fault !== undefined)
      throw invalidRequest(fault ?? `The component '${component}' cannot be read.`);
    components[index] = {
      ...named,
      parameters: [
        ...(named.parameters ?? []).filter(({ name }) => name !== parameter),
        { name: parameter, value: [value] },
      ],
    };
  }
  return { ...recipe, components };
}

/**
 * Makes the function that creates an image of a pipeline.
 * @param tags of the start: they override the pipeline's own for images
 * @param parameters values for components that replace the recipe's, for this image
 */
export function buildOf(
  context: BuildContext,
  pipeline: StoredPipeline,
  tags?: Readonly<Record<string, string>>,
  parameters: readonly ParameterValue[] = [],
): Build {
  return async (build) => {
    const found = await findSettings(context, pipeline);
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
      { ...found, recipe: await withParameters(context, found, parameters) },
    );
    return image.arn;
  };
}

/** Like `buildOf`, for automatic starts, on behalf of the pipeline's account. */
export function buildByItself(
  services: ApiServices,
  trx: Queryable,
  pipeline: StoredPipeline,
  parameters?: readonly ParameterValue[],
): Build {
  const { owner: account, region } = parseArn(pipeline.arn)!;
  const context: BuildContext = {
    account,
    region,
    services,
    opened: new Set(),
    db: trx,
    // The caller wakes the worker after the commit.
    afterCommit: () => {},
  };
  const build = buildOf(context, pipeline, undefined, parameters);
  return async (given) => {
    const image = await build(given);
    await checkQuota(trx, 'StartImagePipelineExecution', context, services.config.quotas);
    return image;
  };
}
