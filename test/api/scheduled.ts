/** Pipelines on an API of the tests, and a scheduler whose clock the tests set. */
import {
  CreateComponentCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  type CreateImagePipelineCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { buildByItself } from '../../src/api/operations/pipeline-runs.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { runsOfPipeline, type PipelineRun } from '../../src/catalog/pipeline-runs.ts';
import { readMaintenance } from '../../src/pipelines/maintenance.ts';
import { followParents } from '../../src/pipelines/parents.ts';
import { runDuePipelines, type SchedulerParts } from '../../src/pipelines/scheduler.ts';
import { DEBIAN, documentOf, REGION, ACCOUNT, type TestApi } from './server.ts';

/** Takes what is due at a time (ISO-8601). */
export function tick(api: TestApi, time: string, maintenance: readonly unknown[] = []): Promise<number> {
  return runDuePipelines(scheduler(api, time, maintenance));
}

/** Starts what follows its parents. */
export function follow(api: TestApi, maintenance: readonly unknown[] = []): Promise<number> {
  return followParents(scheduler(api, new Date().toISOString(), maintenance), { state: '' });
}

/** What decides, at a time (ISO-8601). */
export function scheduler(api: TestApi, time: string, maintenance: readonly unknown[]): SchedulerParts {
  return {
    catalog: api.catalog,
    now: () => Date.parse(time),
    builder: (trx, pipeline) => buildByItself(api.services, trx, pipeline),
    maintenance: readMaintenance(maintenance),
    packageIndexes: api.services.packageIndexes,
    started: () => {},
    stopping: () => false,
  };
}

/** A component's next version, ACTIVE. Returns its ARN. */
export async function component(api: TestApi, name: string, semanticVersion: string): Promise<string> {
  const { componentBuildVersionArn } = await api.client.send(
    new CreateComponentCommand({
      name,
      semanticVersion,
      platform: 'Linux',
      data: documentOf(`echo ${semanticVersion}`),
    }),
  );
  return componentBuildVersionArn!;
}

/** What pipelines of one name need. */
export interface Made {
  readonly recipe: string;
  readonly infrastructure: string;
}

/** A recipe and an infrastructure configuration. @param components ARNs as the recipe is to name them */
export async function recipe(
  api: TestApi,
  name: string,
  components: readonly string[],
  parentImage: string = DEBIAN,
): Promise<Made> {
  const { imageRecipeArn } = await api.client.send(
    new CreateImageRecipeCommand({
      name,
      semanticVersion: '1.0.0',
      parentImage,
      components: components.map((componentArn) => ({ componentArn })),
    }),
  );
  const { infrastructureConfigurationArn } = await api.client.send(
    new CreateInfrastructureConfigurationCommand({ name, instanceProfileName: 'builds' }),
  );
  return { recipe: imageRecipeArn!, infrastructure: infrastructureConfigurationArn! };
}

/** A pipeline. Returns its ARN. */
export async function pipeline(
  api: TestApi,
  name: string,
  made: Made,
  more: Partial<CreateImagePipelineCommandInput> = {},
): Promise<string> {
  const { imagePipelineArn } = await api.client.send(
    new CreateImagePipelineCommand({
      name,
      imageRecipeArn: made.recipe,
      infrastructureConfigurationArn: made.infrastructure,
      ...more,
    }),
  );
  return imagePipelineArn!;
}

/** The ARN of an own resource. */
export function own(tail: string): string {
  return `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
}

/** A pipeline's decisions, the oldest first. */
export async function runs(api: TestApi, arn: string): Promise<readonly PipelineRun[]> {
  return (await runsOfPipeline(api.catalog.db, arn, 10_000)).toReversed();
}

/** Brings an image to its end, as a worker would. */
export async function endImage(api: TestApi, arn: string, to: 'AVAILABLE' | 'FAILED' | 'CANCELLED'): Promise<void> {
  await api.catalog.transaction(async (trx) => {
    await transitionImage(trx, arn, 'CREATING');
    await transitionImage(trx, arn, to, to === 'FAILED' ? { reason: 'it was told to' } : {});
  });
}

/** As the scheduler would have found it: due at a time. */
export async function dueAt(api: TestApi, arn: string, time: string): Promise<void> {
  await api.catalog.db
    .updateTable('pipeline_schedules')
    .set({ due: time, look_at: time, anchor: time })
    .where('pipeline_arn', '=', arn)
    .execute();
}
