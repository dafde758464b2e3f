/** Build and test instances: their disks, records and termination. */
import { totalmem, cpus as hostCpus } from 'node:os';
import type { Queryable } from '../../catalog/catalog.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { insertInstance, updateInstance, wasChangedByHand } from '../../catalog/instances.ts';
import { getLayer } from '../../catalog/layers.ts';
import type { OpenLayer, SealedLayer } from '../../images/layer-store.ts';
import { usableDisk } from '../../images/disks.ts';
import type { Instance } from '../../instances/instance.ts';
import { driverNamed, instanceDirectory } from '../../instances/launch.ts';
import { resolveInstanceType } from '../../resources/instance-types.ts';
import { reachOf } from '../../platform/config/networks.ts';
import { newInstanceId, newUuid } from '../../platform/ids.ts';
import { timestamp } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import type { Report } from '../../resources/progress.ts';
import type { DriverChoice } from '../planning/choose-driver.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { ImageProgress, ImageServices, StepPlace, WorkInstance, WorkLaunch } from './image-progress.ts';
import { metadataFor } from './instance-profile.ts';
import { keyOfItsOwn } from './layer-key.ts';
import { markFirstBoot } from '../../guest/first-boot.ts';
import { enterNetwork } from './network.ts';
import { keepPoint } from './saved-work.ts';

/**
 * Time limit for an instance to respond, in seconds. A container responds at once or never. A virtual machine without
 * progress is aborted long before; one with progress on a slow host is waited for.
 */
const LONGEST_LAUNCH = { container: 300, machine: 1800 } as const;

/**
 * Installs QEMU's guest agent, through which commands reach a virtual machine. Disks for other hypervisors and most
 * vendors' disks lack it. If it is installed, this does nothing.
 */
const BRING_AGENT = `#cloud-config
package_update: true
packages: [qemu-guest-agent]
runcmd:
  - [systemctl, start, qemu-guest-agent.service]
`;

/** What launching and terminating the instances of an image needs. */
export interface Launching {
  readonly plan: Pick<ImagePlan, 'arn' | 'account' | 'region' | 'image' | 'network' | 'instanceProfile'>;
  readonly progress: Pick<ImageProgress, 'instances' | 'ami'>;
  readonly services: Pick<ImageServices, 'catalog' | 'layers' | 'dataDirectory'>;
}

/** What terminating the instances needs. */
export interface Ending {
  readonly progress: Pick<ImageProgress, 'instances'>;
  readonly services: Pick<ImageServices, 'catalog' | 'layers'>;
}

/** Whether a disk is a plain import, with no layer below it. */
async function isBare(db: Queryable, layerId: string): Promise<boolean> {
  return (await getLayer(db, layerId))?.parent_id === null;
}

/**
 * Launches an instance for the work on an image, and records it before and after.
 * @throws {InstanceError} with what it waited for; nothing of the instance is left
 */
export async function launchWorkInstance(work: Launching, launch: WorkLaunch): Promise<WorkInstance> {
  const { instance, layer } = await launchMachine(work, launch, launch.choice, launch.parent);
  const entry: WorkInstance = {
    instance,
    driver: launch.choice.driver,
    preferred: launch.choice,
    launch,
    layer,
    parent: launch.parent,
    parentKey: launch.parentKey ?? launch.parent.key,
    componentsDone: launch.componentsDone ?? 0,
    stopped: false,
  };
  work.progress.instances.set(instance.id, entry);
  return entry;
}

/**
 * Continues with another driver from the last layer. What the instance wrote since is discarded, and its processes end.
 * @throws {InstanceError} if the other driver's instance does not start; the old one is terminated already
 */
export async function moveToDriver(
  work: Launching,
  entry: WorkInstance,
  choice: DriverChoice,
  launch: Pick<WorkLaunch, 'report' | 'signal'>,
): Promise<void> {
  await endMachine(work.services, entry);
  const { instance, layer } = await launchMachine(work, { ...entry.launch, ...launch }, choice, entry.parent);
  entry.instance = instance;
  entry.driver = choice.driver;
  entry.layer = layer;
}

async function launchMachine(
  work: Launching,
  launch: WorkLaunch,
  choice: DriverChoice,
  parent: SealedLayer,
): Promise<{ instance: Instance; layer: OpenLayer }> {
  const { report } = launch;
  const id = newInstanceId();
  const driver = driverNamed(choice.driver);
  const size = resolveInstanceType(launch.instanceType, hostCpus().length, Math.floor(totalmem() / (1 << 20)));
  if (size.cutFrom)
    report({
      type: 'log',
      level: 'warn',
      text:
        `instance type ${launch.instanceType} is larger than this host (${size.cutFrom}); the instance gets ` +
        `${size.cpus} vCPUs and ${size.memoryMiB} MiB`,
    });

  await insertInstance(work.services.catalog.db, {
    id,
    purpose: launch.purpose,
    account: work.plan.account,
    region: work.plan.region,
    image_arn: work.plan.arn,
    ami_id: null,
    driver: driver.name,
    instance_type: launch.instanceType,
    state: 'pending',
    reason: null,
    handle: null,
    request: '{}',
    created: timestamp(),
    kept_until: null,
  });
  report({
    type: 'log',
    text: `${id}: ${launch.purpose} instance, ${launch.instanceType}, driver ${driver.name} (${choice.reason})`,
  });

  const parentSize = (await usableDisk(parent.path)).virtualSize;
  const layer = await work.services.layers.open(parent, Math.max(launch.sizeBytes ?? 0, parentSize), launch.keyArn);
  try {
    const needsAgent =
      launch.purpose === 'build' &&
      parent.origin === 'untrusted' &&
      driver.capabilities.bootLoader &&
      (await isBare(work.services.catalog.db, parent.id));
    if (needsAgent)
      report({
        type: 'log',
        text: `${id}: asking cloud-init to install QEMU's guest agent, in case the imported disk has none`,
      });
    const metadata = metadataFor(work.plan, { ...launch, parent }, work.progress.ami?.id);
    const instance = await driver.launch({
      id,
      ...(needsAgent ? { seed: { userData: BRING_AGENT } } : {}),
      disk: layer.path,
      encryption: await work.services.layers.encryption({ id: layer.id }),
      cpus: size.cpus,
      memoryMiB: size.memoryMiB,
      directory: instanceDirectory(id),
      allocationOwner: { dataDirectory: work.services.dataDirectory, owner: id },
      held: heldRecorder(work.services.catalog.db, id),
      metadata,
      reach: reachOf(work.plan.network.profile),
      timeoutSeconds: Math.min(
        launch.timeoutSeconds,
        driver.capabilities.bootLoader ? patient(LONGEST_LAUNCH.machine) : LONGEST_LAUNCH.container,
      ),
      signal: launch.signal,
      report: (event) =>
        report(
          event.stream === 'console'
            ? { type: 'output', stream: 'console', level: 'debug', text: event.text }
            : { type: 'log', level: event.level ?? 'info', text: `${id}: ${event.text}` },
        ),
    });
    // A container has none of a machine's settings, so its image gets none.
    if (driver.makes !== 'DOCKER')
      await Promise.all([
        enterNetwork(work.plan, instance, {
          resumed: (launch.componentsDone ?? 0) > 0 || parent !== launch.parent,
          report,
          signal: launch.signal,
        }),
        markFirstBoot(instance, metadata, launch.signal),
      ]).catch(async (error: unknown) => {
        await instance.terminate();
        throw error;
      });
    await updateInstance(work.services.catalog.db, id, { state: 'running', handle: JSON.stringify(instance.handle) });
    return { instance, layer };
  } catch (error) {
    await updateInstance(work.services.catalog.db, id, {
      state: 'failed',
      reason: (error as Error).message.slice(0, 1000),
    });
    await work.services.layers.discard(layer);
    throw error;
  }
}

/**
 * Launches an instance that ended with an interruption again, from its last layer, where a step needs it.
 * @param name what workflows call it; nothing happens unless it is lost
 */
export async function replaceLost(
  work: Omit<Launching, 'progress'> & {
    readonly progress: Pick<ImageProgress, 'instances' | 'ami' | 'lost'>;
  },
  name: string,
  { report, signal }: Pick<WorkLaunch, 'report' | 'signal'>,
): Promise<void> {
  const lost = work.progress.lost.get(name);
  if (lost === undefined) return;
  const { layers } = work.services;
  const ground = await layers.get(lost.launch.parent);
  const parent = lost.parent === ground.id ? ground : await layers.get(lost.parent);
  const searchSince = lost.launch.searchSince === undefined ? undefined : new Date(lost.launch.searchSince);
  const launch = { ...lost.launch, parent: ground, searchSince, report, signal } as WorkLaunch;
  report({
    type: 'log',
    text: `${name} ended with the interruption: another instance goes on from its last layer, ${parent.id}`,
  });
  const { instance, layer } = await launchMachine(work, launch, lost.preferred, parent);
  work.progress.lost.delete(name);
  work.progress.instances.set(name, {
    instance,
    driver: lost.preferred.driver,
    preferred: lost.preferred,
    launch,
    layer,
    parent,
    parentKey: lost.parentKey,
    componentsDone: lost.componentsDone,
    layerAt: lost.layerAt,
    stopped: false,
  });
}

/** Terminates an instance and deletes what it wrote since its last layer. Safe to repeat. */
export async function endWorkInstance(work: Ending, id: string): Promise<void> {
  const entry = work.progress.instances.get(id);
  if (entry === undefined) return;
  await endMachine(work.services, entry);
  work.progress.instances.delete(id);
}

async function endMachine({ catalog, layers }: Ending['services'], entry: WorkInstance): Promise<void> {
  await entry.instance.terminate();
  if (entry.layer !== undefined) await layers.discard(entry.layer);
  entry.layer = undefined;
  await updateInstance(catalog.db, entry.instance.id, { state: 'terminated', handle: null });
}

/**
 * The instance that a step names.
 * @throws {Error} if the image's work has no instance with that id
 */
export function workInstance({ instances }: Pick<ImageProgress, 'instances'>, id: unknown): WorkInstance {
  const entry = typeof id === 'string' ? instances.get(id) : undefined;
  if (entry === undefined)
    throw new Error(
      `no instance ${JSON.stringify(id)} is running for this image; an earlier LaunchInstance step has to give its id`,
    );
  return entry;
}

/** Of which work a layer is taken. */
export interface LayerWork {
  readonly plan: Pick<ImagePlan, 'arn' | 'components' | 'workflows'>;
  readonly progress: ImageProgress;
  readonly services: Pick<ImageServices, 'catalog' | 'layers'>;
}

/** What a layer holds, and what is told of it. */
export interface LayerFacts {
  /** Its label, if other builds may find it. */
  readonly label?: string;
  readonly report: Report;
  /** The step that takes it. */
  readonly at?: StepPlace | undefined;
  /** How many components it holds; default as many as the one before. */
  readonly componentsDone?: number;
}

/**
 * Seals what an instance wrote until now and lets it go on in a new layer. Returns the sealed one, from which the work
 * goes on when it is interrupted. Where somebody changed the instance by hand, the layer gets a key that no other build
 * can have, and so do all that lie on it.
 * @param keyOf the key of the layer on what has this key
 */
export async function takeLayer(
  work: LayerWork,
  entry: WorkInstance,
  keyOf: (parentKey: string) => { readonly key: string; readonly record: object },
  { label, report, at, componentsDone = entry.componentsDone }: LayerFacts,
): Promise<SealedLayer> {
  const current = entry.layer!;
  const next = await work.services.layers.announce(current.id);
  try {
    await entry.instance.snapshot(next.path, await work.services.layers.dataKey(next.id));
  } catch (error) {
    await work.services.layers.discard(next);
    throw error;
  }
  entry.layer = next;
  // Checked after sealing: a user's change in the sealed layer was marked before it was made.
  if (await wasChangedByHand(work.services.catalog.db, entry.instance.id)) {
    entry.parentKey = keyOfItsOwn(entry.parentKey, newUuid());
    report({
      type: 'log',
      text: `${entry.instance.id} was changed by hand: no other build uses the layers that are made from now on`,
    });
  }
  const key = keyOf(entry.parentKey);
  const after = { parentKey: key.key, componentsDone, layerAt: at ?? entry.layerAt };
  // Recorded as needed in the same moment: until the next machine uses it, nothing else refers to it.
  const sealed = await work.services.layers.seal(current, key.key, key.record, {
    label,
    owner: work.plan.arn,
    refer: (trx, id) => keepPoint(trx, work, { layer: { id, of: entry, then: { ...after, parent: id } } }),
  });
  Object.assign(entry, { ...after, parent: sealed });
  work.progress.sealed.push(sealed);
  return sealed;
}
