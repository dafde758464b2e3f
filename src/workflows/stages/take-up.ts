/** Prepares work that does not begin with the build stage: its AMI, and the outputs of earlier workflows. */
import { reviveAmi } from '../../catalog/amis.ts';
import { workflowExecutionsOfImage } from '../../catalog/executions.ts';
import type { ImageTask } from '../../catalog/image-task.ts';
import type { BuiltAmi } from '../../distribution/ami-record.ts';
import type { Report } from '../../resources/progress.ts';
import { madeContainer } from '../containers/container-output.ts';
import { unusedInstance } from '../containers/unused-instance.ts';
import type { ImageProgress, ImageServices } from '../machines/image-progress.ts';
import type { PlannedImage } from '../planning/image-plan.ts';

/**
 * The AMI to test and distribute in place of a build stage's, recorded as used by the image.
 * @throws {Error} if it no longer exists
 */
export async function takeUp(
  { arn, region, account }: Pick<PlannedImage, 'arn' | 'region' | 'account'>,
  task: Exclude<ImageTask, { kind: 'import' | 'push' }>,
  progress: Pick<ImageProgress, 'osVersion' | 'workflowOutputs'>,
  { catalog, layers }: Pick<ImageServices, 'catalog' | 'layers'>,
  report: Report,
): Promise<BuiltAmi> {
  const amiId = task.kind === 'distribute' ? task.amiId : await reviveAmi(catalog.db, arn, { region, account });
  const taken = amiId === undefined ? undefined : await layers.takeAmi(amiId, region, arn);
  if (taken === undefined) {
    throw new Error(
      task.kind === 'distribute'
        ? `the AMI ${task.amiId} is not available in ${region} any more`
        : 'what the build stage made was collected as garbage meanwhile: start the build again',
    );
  }
  progress.osVersion ??= taken.ami.os_version ?? undefined;
  await takeUpOutputs(arn, progress, catalog);
  report({ type: 'log', text: `${taken.ami.id}: continuing from this AMI; the build stage is skipped` });
  return { id: taken.ami.id, layer: taken.layer };
}

/**
 * The container image to test and distribute in place of a build stage's. Its build instance is gone; workflows that
 * name it get one that was never launched.
 * @throws {Error} if the image no longer exists
 */
export async function takeUpContainer(
  { arn }: Pick<PlannedImage, 'arn'>,
  progress: Pick<ImageProgress, 'container' | 'instances' | 'workflowOutputs'>,
  services: Pick<ImageServices, 'catalog' | 'layers'>,
  report: Report,
): Promise<void> {
  const container = await madeContainer(services, arn);
  progress.container = container;
  // Nothing is launched over the storage of the build, so it may be gone.
  const parent = container.layer ?? { id: '', key: '', path: '', origin: 'made' as const };
  await takeUpOutputs(arn, progress, services.catalog);
  const instance = unusedInstance();
  const choice = { driver: 'buildah', reason: '' };
  progress.instances.set(instance.id, {
    instance,
    driver: 'none',
    preferred: choice,
    launch: {
      purpose: 'build',
      choice,
      parent,
      instanceType: '',
      timeoutSeconds: 0,
      report,
      signal: new AbortController().signal,
    },
    layer: undefined,
    parent,
    parentKey: parent.key,
    componentsDone: Number.MAX_SAFE_INTEGER,
    stopped: false,
  });
  progress.workflowOutputs.set('InstanceId', instance.id);
  report({ type: 'log', text: `${container.digest}: continuing from this image; the build stage is skipped` });
}

async function takeUpOutputs(
  arn: string,
  progress: Pick<ImageProgress, 'workflowOutputs'>,
  catalog: Pick<ImageServices['catalog'], 'db'>,
): Promise<void> {
  for (const { outputs } of await workflowExecutionsOfImage(catalog.db, arn)) {
    for (const [name, value] of Object.entries(JSON.parse(outputs ?? '{}') as Record<string, unknown>))
      progress.workflowOutputs.set(name, value);
  }
}
