/**
 * Deploys the resources of a template through the API, like any other client. Unchanged resources stay; others are
 * updated if possible.
 */
import {
  CreateImageCommand,
  ListImagePipelinesCommand,
  StartImagePipelineExecutionCommand,
} from '@aws-sdk/client-imagebuilder';
import { RequestRefused } from '../../platform/api-client.ts';
import type { PlannedResource, ResourceType } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { deployComponent, deployWorkflow } from './builds.ts';
import type { DeployContext, Deployed } from './context.ts';
import { deploymentIdOf } from './deployment-id.ts';
import type { Request } from './existing.ts';
import { deployDistribution, deployInfrastructure, deployLifecyclePolicy, deployPipeline } from './in-place.ts';
import { deployParameter } from './parameters.ts';
import { deployContainerRecipe, deployRecipe } from './recipes.ts';

const DEPLOYERS = {
  'AWS::ImageBuilder::Component': deployComponent,
  'AWS::ImageBuilder::ImageRecipe': deployRecipe,
  'AWS::ImageBuilder::ContainerRecipe': deployContainerRecipe,
  'AWS::ImageBuilder::Workflow': deployWorkflow,
  'AWS::ImageBuilder::LifecyclePolicy': deployLifecyclePolicy,
  'AWS::ImageBuilder::InfrastructureConfiguration': deployInfrastructure,
  'AWS::ImageBuilder::DistributionConfiguration': deployDistribution,
  'AWS::ImageBuilder::ImagePipeline': deployPipeline,
  'AWS::SSM::Parameter': deployParameter,
  'AWS::ECR::Repository': async (context, request) =>
    (await import('./repositories.ts')).deployRepository(context, request),
} satisfies Readonly<
  Record<
    Exclude<ResourceType, 'AWS::ImageBuilder::Image' | 'AWS::CloudFormation::Stack'>,
    (context: DeployContext, request: Request) => Promise<Deployed>
  >
>;

/**
 * Creates, updates or keeps one resource, except an Image (which is a build) and a nested stack.
 * @throws {CommandFailed} with the logical id and its line, and the service's message
 */
export async function deployResource(
  context: DeployContext,
  resource: PlannedResource,
  request: Request,
): Promise<Deployed> {
  try {
    return await DEPLOYERS[resource.type as keyof typeof DEPLOYERS](context, request);
  } catch (error) {
    throw explained(resource, error as Error, context.signal);
  }
}

/** Starts the build of an Image resource. Throws as `deployResource` does. */
export async function createImage(
  context: DeployContext,
  resource: PlannedResource,
  request: Request,
): Promise<string> {
  // What happens to the image when its stack is deleted is not part of the build.
  const { imagePipelineExecutionSettings: execution, deletionSettings: _, ...create } = request;
  try {
    if (execution !== undefined)
      return await runPipeline(context, execution as { readonly deploymentId?: string }, create);
    const answer = await context.client.send(new CreateImageCommand(create as never), { abortSignal: context.signal });
    return answer.imageBuildVersionArn!;
  } catch (error) {
    throw explained(resource, error as Error, context.signal);
  }
}

/** Runs the pipeline that an image names by its deployment id. */
async function runPipeline(
  { client, signal: abortSignal }: DeployContext,
  { deploymentId }: { readonly deploymentId?: string },
  { tags }: Request,
): Promise<string> {
  if (deploymentId === undefined)
    throw new CommandFailed(
      'ImagePipelineExecutionSettings needs the DeploymentId of a pipeline: !GetAtt Pipeline.DeploymentId',
    );
  let nextToken: string | undefined;
  do {
    const page = await client.send(new ListImagePipelinesCommand({ nextToken }), { abortSignal });
    const pipeline = page.imagePipelineList!.find(({ arn }) => deploymentIdOf(arn!) === deploymentId);
    if (pipeline !== undefined) {
      const start = { imagePipelineArn: pipeline.arn!, tags };
      const answer = await client.send(new StartImagePipelineExecutionCommand(start as never), { abortSignal });
      return answer.imageBuildVersionArn!;
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  throw new CommandFailed(
    `no pipeline of this account and Region has the deployment id '${deploymentId}': use !GetAtt Pipeline.DeploymentId`,
  );
}

/** The service's error with its position in the template. */
function explained(resource: PlannedResource, error: Error, signal: AbortSignal): Error {
  signal.throwIfAborted();
  const { file, line } = resource.position;
  const place = `Resources.${resource.logicalId} (line ${line}${file === undefined ? '' : ` of ${file}`})`;
  if (error instanceof CommandFailed) return new CommandFailed(`${place}: ${error.message}`);
  if ((error as { $fault?: unknown }).$fault !== undefined || error instanceof RequestRefused)
    return new CommandFailed(`${place}: ${error.name}: ${error.message}`);
  return error;
}
