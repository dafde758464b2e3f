/** Work that does not begin with the build stage: its AMI, and the outputs of earlier workflows. */
import { reviveAmi } from '../../catalog/amis.ts';
import { workflowExecutionsOfImage } from '../../catalog/executions.ts';
import type { ImageTask } from '../../catalog/image-task.ts';
import type { BuiltAmi } from '../../distribution/ami-record.ts';
import type { Report } from '../../resources/progress.ts';
import type { ImageProgress, ImageServices } from '../machines/image-progress.ts';
import type { PlannedImage } from '../planning/image-plan.ts';

/**
 * The AMI to test and distribute in place of one from a build stage, recorded as used by the image.
 * @throws {Error} if it no longer exists
 */
export async function takeUp(
  { arn, region }: Pick<PlannedImage, 'arn' | 'region'>,
  task: Exclude<ImageTask, { kind: 'import' }>,
  progress: Pick<ImageProgress, 'osVersion' | 'workflowOutputs'>,
  { catalog, layers }: Pick<ImageServices, 'catalog' | 'layers'>,
  report: Report,
): Promise<BuiltAmi> {
  const amiId = task.kind === 'distribute' ? task.amiId : await reviveAmi(catalog.db, arn, region);
  const taken = amiId === undefined ? undefined : await layers.takeAmi(amiId, region, arn);
  if (taken === undefined) {
    throw new Error(
      task.kind === 'distribute'
        ? `the AMI ${task.amiId} is not available in ${region} any more`
        : 'what the build stage made was collected as garbage meanwhile: start the build again',
    );
  }
  progress.osVersion ??= taken.ami.os_version ?? undefined;
  for (const { outputs } of await workflowExecutionsOfImage(catalog.db, arn)) {
    for (const [name, value] of Object.entries(JSON.parse(outputs ?? '{}') as Record<string, unknown>))
      progress.workflowOutputs.set(name, value);
  }
  report({ type: 'log', text: `${taken.ami.id}: continuing from this AMI; the build stage is skipped` });
  return { id: taken.ami.id, layer: taken.layer };
}
