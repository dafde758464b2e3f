/**
 * `LaunchInstance`: a build instance from the recipe's parent image, or a test instance from the image that was built.
 */
import { damageOf, usableDisk } from '../../images/disks.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { sealedParent } from '../../images/parents.ts';
import { InstanceError } from '../../instances/instance.ts';
import { driverNamed, missingByDriver } from '../../instances/launch.ts';
import { remedyFor } from './remedies.ts';
import { launchContainer } from '../containers/launch-container.ts';
import { buildKey } from '../machines/encryption.ts';
import { findFinished } from '../machines/finished-disk.ts';
import { newInstanceId } from '../../platform/ids.ts';
import { groundKey, reuseLayers, type LayerPlan } from '../machines/layer-reuse.ts';
import { chooseBuildDriver, chooseTestDriver, refusePlatform, type DriverChoice } from '../planning/choose-driver.ts';
import { madeAt } from '../machines/disk-secrets.ts';
import { DEFAULT_INSTANCE_TYPE } from '../../resources/build-room.ts';
import { endWorkInstance, launchWorkInstance } from '../machines/instances.ts';
import { StepError } from '../errors.ts';
import { isToBeKept } from '../machines/keep.ts';
import { driversFor } from '../machines/machine-moves.ts';
import type { FinishedDisk, WorkLaunch } from '../machines/image-progress.ts';
import { takeFromPool, type WarmWanted } from '../machines/pool.ts';
import { rootVolumeBytes, smallerThanParent } from '../planning/volumes.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';
import { INGOT } from '../../platform/own-program.ts';

export const launchInstance: StepAction = {
  name: 'LaunchInstance',
  run,
  async rollback({ plan, progress, services, workSignal }, outputs) {
    const entry = progress.instances.get(String(outputs['instanceId']));
    // Instances to keep are handled at the end of the work, together with those whose step has no rollback.
    if (entry !== undefined && !isToBeKept(plan, workSignal, entry))
      await endWorkInstance({ progress, services }, String(outputs['instanceId']));
  },
};

/** What a launch needs. */
type Needs = StepNeeds<
  | keyof LayerPlan
  | 'allowedSecrets'
  | 'encryption'
  | 'container'
  | 'phases'
  | 'workflows'
  | 'network'
  | 'instanceProfile'
  | 'pool',
  'instances' | 'finished' | 'lost' | 'ami' | 'container' | 'osVersion' | 'workflowOutputs',
  'catalog' | 'layers' | 'dataDirectory'
>;

async function run(needs: Needs): Promise<StepOutputs> {
  const { plan, progress, services, stage, inputs, report, signal, timeoutSeconds } = needs;
  const { image } = plan;
  refusePlatform(image.platform);
  if (plan.container !== undefined) return launchContainer(needs);
  const purpose = stage === 'BUILD' ? 'build' : 'test';
  const override = inputs['imageIdOverride'];
  const missing = await missingByDriver();
  const types = Array.isArray(inputs['instanceTypesOverride'])
    ? (inputs['instanceTypesOverride'] as string[])
    : image.infrastructureConfiguration?.instanceTypes;
  const instanceType = types?.[0] ?? DEFAULT_INSTANCE_TYPE;

  let parent;
  if (typeof override === 'string') parent = (await parentOf(needs, override)).layer;
  else if (purpose === 'test' && progress.ami !== undefined) parent = progress.ami.layer;
  else {
    const found = await parentOf(needs, image.imageRecipe?.parentImage ?? '');
    progress.osVersion ??= found.osVersion;
    parent = found.layer;
    report({ type: 'log', text: `parent image ${image.imageRecipe?.parentImage}: ${found.description}` });
  }

  if (purpose !== 'build' && inputs['parentInstanceId'] !== undefined)
    throw new StepError('parentInstanceId: only a build workflow takes an instance of a pool');
  const warm = purpose === 'build' ? warmWanted(plan, inputs) : undefined;
  const choice =
    warm !== undefined
      ? { ...chooseTestDriver(missing), reason: 'a waiting virtual machine is asked for (parentInstance)' }
      : purpose === 'build'
        ? chooseBuildDriver(image.infrastructureConfiguration?.resourceTags, missing, parent.origin)
        : chooseTestDriver(missing);
  const sizeBytes = rootVolumeBytes(image.imageRecipe?.blockDeviceMappings);
  // In the test stage, the parent is the image itself.
  if (purpose === 'build' && sizeBytes !== undefined) {
    const problem = smallerThanParent(
      sizeBytes,
      (await usableDisk(parent.path)).virtualSize,
      image.imageRecipe?.parentImage,
    );
    if (problem !== undefined && parent.origin === 'made') throw new StepError(problem);
    // A downloaded or imported disk may be larger than that of the same system on EC2: Amazon's own disk of Amazon
    // Linux 2023 has 25 GiB, its AMI 8.
    if (problem !== undefined) report({ type: 'log', level: 'warn', text: `${problem}. The disk keeps its size.` });
  }
  const keyArn = await services.layers.keyOver(
    parent,
    purpose === 'build' ? await buildKey({ plan, services }) : undefined,
  );
  if (purpose === 'build' && keyArn !== undefined)
    report({ type: 'log', text: `the disk of the build is encrypted under ${keyArn}` });
  const ground = groundKey(parent, sizeBytes, keyArn);
  const reused =
    purpose === 'build' && override === undefined && !commandsComeFirst(plan.workflows.BUILD)
      ? await reuseLayers(
          services,
          plan,
          plan.phases.BUILD,
          parent,
          ground,
          (planned) => driversFor(planned, choice, parent),
          report,
        )
      : { count: 0, layer: parent, key: ground };
  const launch: WorkLaunch = {
    purpose,
    choice: choiceForDisk(choice, reused.layer, missing),
    parent: reused.layer,
    parentKey: reused.key,
    componentsDone: reused.count,
    searchSince: await madeAt(parent.path),
    instanceType,
    sizeBytes,
    keyArn,
    timeoutSeconds,
    report,
    signal,
  };
  if (
    purpose === 'build' &&
    override === undefined &&
    typeof inputs['parentInstanceId'] !== 'string' &&
    reused.count === plan.phases.BUILD.length
  ) {
    const finished = await findFinished(services, plan, reused.key);
    if (finished !== undefined) return takeFinished(needs, launch, finished);
  }
  const takes = warm !== undefined && reused.count === 0 && keyArn === undefined;
  if (warm !== undefined && keyArn !== undefined)
    report({ type: 'log', text: 'the disk of the waiting virtual machine is not encrypted, so it is not used' });
  else if (warm !== undefined && !takes)
    report({ type: 'log', text: 'layers of an earlier build are used, so the waiting virtual machine is not needed' });
  const work = { plan, progress, services };
  const launched = takes ? takeFromPool(work, warm, launch) : launchWorkInstance(work, launch);
  const { instance } = await launched.catch(async (error: unknown) => {
    if (error instanceof InstanceError && !signal.aborted)
      throw new InstanceError(await launchFailure(error, purpose, parent.path), error.console, { cause: error });
    throw error;
  });
  if (signal.aborted) throw new StepError('the step ended before its instance was ready');
  return { instanceId: instance.id };
}

/** The waiting instance that the step or the infrastructure configuration asks for. */
function warmWanted({ pool }: Pick<ImagePlan, 'pool'>, inputs: Needs['inputs']): WarmWanted | undefined {
  const id = inputs['parentInstanceId'];
  if (typeof id === 'string') return { id };
  return pool === undefined ? undefined : { pool: pool.name, waitSeconds: pool.waitSeconds };
}

/**
 * Notes that an earlier build has finished the disk that this one would make. The instance is launched only if a step
 * needs it.
 */
function takeFinished({ progress, report }: Needs, launch: WorkLaunch, finished: FinishedDisk): StepOutputs {
  const name = newInstanceId();
  const { report: _, signal: __, parent, searchSince, componentsDone = 0, ...rest } = launch;
  progress.lost.set(name, {
    name,
    handle: { driver: launch.choice.driver, id: name },
    driver: launch.choice.driver,
    preferred: launch.choice,
    launch: { ...rest, componentsDone, parent: parent.id, searchSince: searchSince?.toISOString() },
    layer: undefined,
    parent: parent.id,
    componentsDone,
    parentKey: launch.parentKey ?? parent.key,
    sanitized: undefined,
    stopped: false,
    layerAt: undefined,
  });
  progress.finished = { ...finished, instance: name };
  report({
    type: 'log',
    text:
      `nothing changed since ${finished.imageArn}: its disk is taken (${finished.layer.id}), and no instance is ` +
      'started',
  });
  return { instanceId: name };
}

/** A machine for a disk with ids that a container does not have: its files would belong to nobody there. */
function choiceForDisk(
  choice: DriverChoice,
  { foreignId }: SealedLayer,
  missing: Readonly<Record<string, readonly string[]>>,
): DriverChoice {
  if (foreignId === undefined || driverNamed(choice.driver).capabilities.kernel) return choice;
  return {
    ...chooseTestDriver(missing),
    reason: `rule ids: on its disk ${foreignId}, which a container does not have`,
  };
}

/** Whether a command changes the instance before its components run, which no layer of an earlier build contains. */
function commandsComeFirst(groups: ImagePlan['workflows']['BUILD']): boolean {
  return groups.flat().some(({ document }) => {
    const actions = document.steps.map(({ action }) => action);
    const command = actions.indexOf('RunCommand');
    return command >= 0 && command < actions.lastIndexOf('ExecuteComponents');
  });
}

function parentOf({ plan, services, report, workSignal }: Needs, reference: string) {
  const { arn, account, region } = plan;
  return sealedParent({ ...services, arn, account, region, signal: workSignal, reference, report });
}

/** Console lines that name the cause: from systemd, the initial RAM disk, GRUB, or the kernel. */
const TELLING =
  /\[ ?(?:FAILED|DEPEND|TIME) ?\]|^ALERT! |^error: |Kernel panic|Initramfs unpacking failed|VFS: Cannot open root device/;

/** A message with the error, the console's last lines, and advice. */
async function launchFailure(error: InstanceError, purpose: 'build' | 'test', parent: string): Promise<string> {
  const damage = await damageOf(parent);
  const lines = error.console.map((line) => line.trim()).filter((line) => line !== '');
  const telling = lines.filter((line) => TELLING.test(line)).slice(0, 3);
  const console = (telling.length > 0 ? telling : lines.slice(-4)).join(' | ');
  const advice =
    damage !== undefined
      ? `The parent image's disk is damaged (${damage}): build that image again, or restore its file from a backup.`
      : error.code === 'network'
        ? 'Check whether it answers this host, and the networks section of config.yaml in the data directory.'
        : error.code === 'disk-gone'
          ? remedyFor({ code: error.code, message: error.message, outputTail: [] })
          : purpose === 'test'
            ? 'The new image does not boot: check the console output in the log, and what the ' +
              'components changed in the boot loader, the kernel, /etc/fstab or early services.'
            : `Check the instance's output in the log. Run ${INGOT} doctor to test whether this host can run such ` +
              'instances at all.';
  return [
    `${error.message.replace(/\.$/, '').slice(0, 400)}.`,
    ...(console === ''
      ? []
      : [`On the console: ${(telling.length > 0 ? console.slice(0, 250) : console.slice(-250)).replace(/\.$/, '')}.`]),
    `What to do: ${advice}`,
  ].join(' ');
}
