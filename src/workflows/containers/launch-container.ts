/** `LaunchInstance` for a container image: a build from the last existing layer, or a test container of the image. */
import { blankContainerDisk, containerBases } from '../../images/base/base-images.ts';
import { ensureBaseImage } from '../../images/base/ensure.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { missingBlobs } from '../../images/container-blobs.ts';
import { containerOutputWithKey } from '../../catalog/container-outputs.ts';
import { missingByDriver } from '../../instances/launch.ts';
import { StepError } from '../errors.ts';
import type { StepNeeds, StepOutputs } from '../actions/action.ts';
import { launchWorkInstance } from '../machines/instances.ts';
import { DEFAULT_INSTANCE_TYPE } from '../../resources/build-room.ts';
import { reuseLayers, type LayerPlan } from '../machines/layer-reuse.ts';
import { outputKey } from './container-output.ts';
import type { ParentSource } from './parent-source.ts';
import { unusedInstance } from './unused-instance.ts';

/** The driver of containers. */
const CONTAINER_DRIVER = 'buildah';

/** What launching needs. */
export type ContainerLaunchNeeds = StepNeeds<
  keyof LayerPlan | 'container' | 'phases' | 'network' | 'instanceProfile',
  'instances' | 'ami' | 'container' | 'osVersion' | 'workflowOutputs',
  'catalog' | 'layers' | 'dataDirectory'
>;

/** Launches the build of a container image, or a container to test it in. */
export async function launchContainer(needs: ContainerLaunchNeeds): Promise<StepOutputs> {
  const { plan, progress, services, stage, report, signal, timeoutSeconds } = needs;
  const lacks = Object.values(await missingByDriver('DOCKER')).flat();
  if (lacks.length > 0) throw new StepError(`container images cannot be built on this host: ${lacks.join(' ')}`);
  const instanceType = plan.image.infrastructureConfiguration?.instanceTypes?.[0] ?? DEFAULT_INSTANCE_TYPE;
  const launch = { instanceType, timeoutSeconds, report, signal };
  if (stage !== 'BUILD' && progress.container !== undefined) {
    const { layer } = progress.container;
    if (layer === undefined)
      throw new StepError('the storage of the build was collected as garbage meanwhile: start the build again');
    const { instance } = await launchWorkInstance(
      { plan, progress, services },
      {
        ...launch,
        purpose: 'test',
        choice: { driver: CONTAINER_DRIVER, reason: 'a container of the new image' },
        parent: layer,
      },
    );
    return { instanceId: instance.id };
  }
  const { parts, parent } = plan.container!;
  const ground = await groundOf(needs, parent);
  progress.osVersion ??= ground.osVersion;
  const reused = await reuseLayers(
    services,
    plan,
    parts,
    ground.layer,
    ground.layer.key,
    () => [CONTAINER_DRIVER],
    report,
  );
  if (reused.count === parts.length) {
    const made = await containerOutputWithKey(services.catalog.db, outputKey(plan, reused.key));
    if (made !== undefined) {
      const missing = await missingBlobs(services.dataDirectory, JSON.parse(made.blobs) as string[]);
      if (missing.length === 0) {
        const instance = unusedInstance();
        progress.instances.set(instance.id, {
          instance,
          driver: 'none',
          preferred: { driver: CONTAINER_DRIVER, reason: '' },
          launch: {
            ...launch,
            purpose: 'build',
            choice: { driver: CONTAINER_DRIVER, reason: '' },
            parent: reused.layer,
          },
          layer: undefined,
          parent: reused.layer,
          parentKey: reused.key,
          componentsDone: reused.count,
          stopped: false,
        });
        report({ type: 'log', text: `nothing has changed since ${made.image_arn}: no build instance is launched` });
        return { instanceId: instance.id };
      }
      report({ type: 'log', text: `blobs of ${made.image_arn} are gone: the image is written again` });
    }
  }
  const { instance } = await launchWorkInstance(
    { plan, progress, services },
    {
      ...launch,
      purpose: 'build',
      choice: { driver: CONTAINER_DRIVER, reason: 'a container image' },
      parent: reused.layer,
      parentKey: reused.key,
      componentsDone: reused.count,
    },
  );
  if (signal.aborted) throw new StepError('the step ended before its instance was ready');
  return { instanceId: instance.id };
}

/** The disk that the build starts from. */
async function groundOf(
  { services, report, workSignal }: ContainerLaunchNeeds,
  parent: ParentSource,
): Promise<{ readonly layer: SealedLayer; readonly osVersion: string | undefined }> {
  const base = parent.kind === 'base' ? containerBases[parent.name] : undefined;
  const made = await ensureBaseImage(base ?? blankContainerDisk, { ...services, report, signal: workSignal });
  if (base !== undefined) report({ type: 'log', text: `parent image: container base ${base.name} ${made.version}` });
  return { layer: made.layer, osVersion: base?.osVersion };
}
