/**
 * Pools: virtual machines that have booted from a parent image and wait, so that a build starts without its boot. They
 * are the worker's, and end with it; one that a build takes is the build's from then on.
 */
import { cpus as hostCpus, totalmem } from 'node:os';
import type { Catalog } from '../../catalog/catalog.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { insertInstance, updateInstance, type InstanceRecord } from '../../catalog/instances.ts';
import {
  endPoolInstance,
  poolInstances,
  takePoolInstance,
  type PoolInstance,
  type PoolInstanceFacts,
} from '../../catalog/pool-instances.ts';
import { layerStore } from '../../distribution/from-stores.ts';
import { usableDisk } from '../../images/disks.ts';
import type { LayerStore } from '../../images/layer-store.ts';
import { sealedParent } from '../../images/parents.ts';
import type { Instance, InstanceHandle } from '../../instances/instance.ts';
import { driverNamed, instanceDirectory } from '../../instances/launch.ts';
import type { InstanceMetadata } from '../../instances/services/metadata.ts';
import { markFirstBoot } from '../../guest/first-boot.ts';
import { sleep, timestamp } from '../../platform/clock.ts';
import { networkFor, reachOf, type NetworkProfile } from '../../platform/config/networks.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Pool } from '../../platform/config/pools.ts';
import { releaseAll } from '../../platform/held.ts';
import { newInstanceId } from '../../platform/ids.ts';
import { logger } from '../../platform/log.ts';
import { DEFAULT_INSTANCE_TYPE } from '../../resources/build-room.ts';
import { resolveInstanceType } from '../../resources/instance-types.ts';
import { StepError } from '../errors.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { WorkInstance, WorkLaunch } from './image-progress.ts';
import { metadataFor } from './instance-profile.ts';
import type { Launching } from './instances.ts';
import { enterNetwork } from './network.ts';

const DRIVER = 'qemu';
/** Interval at which a build looks for an instance that it waits for, in milliseconds. */
const LOOK_MS = 200;

/** What a pool's instances need. */
export interface PoolServices {
  readonly catalog: Catalog;
  readonly config: Pick<Config, 'networks'>;
}

/** What an instance cannot change any more: its network, and its metadata but when and from what it was launched. */
function comparable(
  { launched: _launched, imageId: _imageId, ...metadata }: InstanceMetadata,
  network: Pick<NetworkProfile, 'name'>,
): string {
  return JSON.stringify({ ...metadata, network: network.name });
}

/** The layer that a pool's parent image is now, used by `owner` until it releases it. */
export async function parentOfPool(
  { catalog }: PoolServices,
  pool: Pool,
  owner: string,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof sealedParent>>['layer']> {
  const { layer } = await sealedParent({
    catalog,
    layers: layerStore(catalog, catalog.dataDirectory),
    dataDirectory: catalog.dataDirectory,
    arn: owner,
    account: pool.account,
    region: pool.region,
    reference: pool.image,
    report: ({ text }) => logger().debug({ pool: pool.name }, text),
    signal,
  });
  return layer;
}

/**
 * Boots an instance of a pool, which waits from then on.
 * @throws {Error} if it does not start; nothing of it is left
 */
export async function launchForPool(services: PoolServices, pool: Pool, signal: AbortSignal): Promise<void> {
  const { catalog, config } = services;
  const { db, dataDirectory } = catalog;
  const layers = layerStore(catalog, dataDirectory);
  const id = newInstanceId();
  const instanceType = pool.instanceType ?? DEFAULT_INSTANCE_TYPE;
  const size = resolveInstanceType(instanceType, hostCpus().length, Math.floor(totalmem() / (1 << 20)));
  await insertInstance(db, {
    id,
    purpose: 'pool',
    account: pool.account,
    region: pool.region,
    image_arn: null,
    ami_id: null,
    driver: DRIVER,
    instance_type: instanceType,
    state: 'pending',
    reason: null,
    handle: null,
    request: JSON.stringify({ pool: pool.name }),
    created: timestamp(),
    kept_until: null,
  });
  const driver = driverNamed(DRIVER);
  try {
    const parent = await parentOfPool(services, pool, id, signal);
    const image = { imageRecipe: { parentImage: pool.image } } as ImagePlan['image'];
    const plan = { account: pool.account, region: pool.region, image, instanceProfile: undefined };
    const metadata = metadataFor(plan, { instanceType, parent, purpose: 'build' }, undefined);
    const layer = await layers.open(parent);
    const network = networkFor(config.networks, pool.account, undefined, []).profile;
    const facts: PoolInstanceFacts = {
      pool: pool.name,
      parent: parent.id,
      layer,
      metadata: comparable(metadata, network),
    };
    await updateInstance(db, id, { request: JSON.stringify(facts) });
    const instance = await driver.launch({
      id,
      disk: layer.path,
      encryption: await layers.encryption({ id: layer.id }),
      cpus: size.cpus,
      memoryMiB: size.memoryMiB,
      directory: instanceDirectory(id),
      allocationOwner: { dataDirectory, owner: id },
      held: heldRecorder(db, id),
      metadata,
      reach: reachOf(network),
      signal,
    });
    await updateInstance(db, id, { state: 'running', handle: JSON.stringify(instance.handle) });
  } catch (error) {
    await freePoolInstance(layers, catalog, id, (error as Error).message);
    throw error;
  }
}

/** Terminates an instance that waits. Nothing happens if a build has taken it. */
export async function terminateInPool(catalog: Catalog, { record }: PoolInstance, reason: string): Promise<void> {
  if (!(await endPoolInstance(catalog.db, record.id, reason))) return;
  const instance = await attached(catalog, record).catch(() => undefined);
  await instance?.terminate();
  await freePoolInstance(layerStore(catalog, catalog.dataDirectory), catalog, record.id, reason);
}

async function freePoolInstance(layers: LayerStore, catalog: Catalog, id: string, reason: string): Promise<void> {
  await updateInstance(catalog.db, id, { state: 'terminated', handle: null, reason: reason.slice(0, 1000) });
  await releaseAll(heldRecorder(catalog.db, id));
  await layers.release(id);
  const row = await catalog.db.selectFrom('instances').select('request').where('id', '=', id).executeTakeFirst();
  const { layer } = JSON.parse(row?.request ?? '{}') as Partial<PoolInstanceFacts>;
  if (layer !== undefined) await layers.discard(layer);
}

/** @throws {InstanceError} if it no longer runs */
export async function attached(catalog: Catalog, { id, driver, handle }: InstanceRecord): Promise<Instance> {
  return driverNamed(driver).attach(JSON.parse(handle ?? '{}') as InstanceHandle, heldRecorder(catalog.db, id));
}

/** Which instance a build takes: one of a pool, or a certain one. */
export type WarmWanted = { readonly pool: string; readonly waitSeconds: number } | { readonly id: string };

/**
 * Takes an instance that waits, for the build of an image; it waits for one if it may.
 * @throws {StepError} if there is none, or none that fits
 */
export async function takeFromPool(
  work: Launching & { readonly services: { readonly catalog: Catalog } },
  wanted: WarmWanted,
  launch: WorkLaunch,
): Promise<WorkInstance> {
  const { plan, progress, services } = work;
  const { report, signal, parent } = launch;
  if (launch.sizeBytes !== undefined && launch.sizeBytes !== (await usableDisk(parent.path)).virtualSize)
    throw new StepError(
      'the recipe asks for another size of the root volume than that of its parent image, which an instance of a ' +
        'pool cannot have: remove it, or parentInstance',
    );
  const deadline = Date.now() + ('pool' in wanted ? wanted.waitSeconds * 1000 : 0);
  let waits = false;
  for (;;) {
    const all = await poolInstances(services.catalog.db);
    const own = all.filter(
      ({ record, pool }) =>
        ('id' in wanted ? record.id === wanted.id : pool === wanted.pool) &&
        record.account === plan.account &&
        record.region === plan.region,
    );
    const problems = new Set<string>();
    for (const each of own) {
      const problem = whyNot(each, plan, launch);
      if (problem !== undefined) {
        problems.add(problem);
        continue;
      }
      if (!(await takePoolInstance(services.catalog.db, each.record.id, plan.arn))) continue;
      const entry = await adopt(work, each, launch);
      if (entry === undefined) continue;
      progress.instances.set(entry.instance.id, entry);
      return entry;
    }
    signal.throwIfAborted();
    const name = 'id' in wanted ? wanted.id : `the pool '${wanted.pool}'`;
    if (Date.now() >= deadline)
      throw new StepError(
        'id' in wanted
          ? `parentInstanceId: ${name} is not an instance that waits in a pool of this account` +
              (problems.size === 0 ? '' : `, or does not fit: ${[...problems].join('; ')}`)
          : `no instance of ${name} is ready: ${
              problems.size === 0 ? `${own.length} exist` : [...problems].join('; ')
            }. To wait longer, set parentInstance.autoScalingGroup.capacityWaitTimeoutSeconds`,
      );
    if (!waits) report({ type: 'log', text: `waiting for an instance of ${name}` });
    waits = true;
    await sleep(LOOK_MS, signal);
  }
}

/** Why a build cannot take an instance, as a clause. */
function whyNot({ record, facts }: PoolInstance, plan: Launching['plan'], launch: WorkLaunch): string | undefined {
  if (record.state !== 'running' || facts === undefined) return `${record.id} is starting`;
  if (facts.parent !== launch.parent.id)
    return `${record.id} has booted from ${facts.parent}, and the parent image is ${launch.parent.id}`;
  const metadata = metadataFor(plan, { ...launch, instanceType: record.instance_type }, undefined);
  if (comparable(metadata, plan.network.profile) !== facts.metadata)
    return (
      `${record.id} was launched without the instance profile's credentials, network, security groups, user data or ` +
      'metadata options of the infrastructure configuration'
    );
  return undefined;
}

/** @returns `undefined` if it has died meanwhile */
async function adopt(
  work: Launching & { readonly services: { readonly catalog: Catalog } },
  { record, facts }: PoolInstance,
  launch: WorkLaunch,
): Promise<WorkInstance | undefined> {
  const { plan, services } = work;
  const { catalog, layers } = services;
  const { report, signal, parent } = launch;
  let instance: Instance;
  try {
    instance = await attached(catalog, record);
  } catch (error) {
    report({ type: 'log', level: 'warn', text: `${record.id} of the pool ended: ${(error as Error).message}` });
    await freePoolInstance(layers, catalog, record.id, (error as Error).message);
    return undefined;
  }
  // The image uses the parent itself.
  await layers.release(record.id);
  const metadata = metadataFor(plan, { ...launch, instanceType: record.instance_type }, undefined);
  const entry: WorkInstance = {
    instance,
    driver: launch.choice.driver,
    preferred: launch.choice,
    launch: { ...launch, instanceType: record.instance_type },
    layer: facts!.layer,
    parent,
    parentKey: launch.parentKey ?? parent.key,
    componentsDone: 0,
    stopped: false,
  };
  try {
    await Promise.all([
      enterNetwork(plan, instance, { resumed: false, report, signal }),
      markFirstBoot(instance, metadata, signal),
    ]);
  } catch (error) {
    await instance.terminate();
    await freePoolInstance(layers, catalog, record.id, (error as Error).message);
    throw error;
  }
  report({
    type: 'log',
    text:
      `${record.id}: build instance, ${record.instance_type}, from the pool '${facts!.pool}', where it has waited ` +
      `since ${record.created}`,
  });
  return entry;
}
