/** The worker's side of launched instances: starts requested ones, and terminates those in `shutting-down`. */
import { mkdir, rm } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { amiOnRecord } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { heldRecorder } from '../catalog/held.ts';
import { getInstance, isUsers, liveInstances, type InstanceRecord, updateInstance } from '../catalog/instances.ts';
import { layerStore } from '../distribution/from-stores.ts';
import { withdrawAmi } from '../distribution/withdraw.ts';
import { LayerStore } from '../images/layer-store.ts';
import { driverNamed, instanceDirectory } from '../instances/launch.ts';
import type { InstanceHandle } from '../instances/instance.ts';
import { NO_AMI, roleOf } from '../instances/services/metadata.ts';
import { resolveInstanceType } from '../resources/instance-types.ts';
import { dataPath, instanceDisk } from '../platform/data-layout.ts';
import { releaseAll } from '../platform/held.ts';
import { logger } from '../platform/log.ts';
import { timestamp } from '../platform/clock.ts';
import { readConfig } from '../platform/config/config.ts';
import { defaultReach } from '../platform/config/networks.ts';
import type { StoredLaunch } from '../launches/service.ts';
import { containerStart } from './launched-containers.ts';

/**
 * Starts a launched instance that is `pending`. It becomes `running`, or `failed` with a reason.
 * @param signal aborts the launch; nothing is left behind
 */
export async function makeLaunched(catalog: Catalog, record: InstanceRecord, signal: AbortSignal): Promise<void> {
  const { id } = record;
  const held = heldRecorder(catalog.db, id);
  const layers = layerStore(catalog, catalog.dataDirectory);
  try {
    const stored = JSON.parse(record.request) as StoredLaunch;
    const { networks, instanceProfiles } = await readConfig(catalog.dataDirectory);
    const role =
      stored.instanceProfile === undefined
        ? undefined
        : roleOf(instanceProfiles, stored.instanceProfile, record.account);
    if (stored.instanceProfile !== undefined && role === undefined) {
      throw new Error(`the instance profile '${stored.instanceProfile}' has no credentials in config.yaml any more`);
    }
    const container = record.ami_id === null ? await containerStart(catalog, layers, record, signal) : undefined;
    const layer = container?.layer ?? (await layers.takeAmi(record.ami_id!, record.region, id))?.layer;
    if (layer === undefined) throw new Error(`${record.ami_id} is not available in ${record.region} any more`);
    const disk = instanceDisk(catalog.dataDirectory, id);
    await held.record({ kind: 'path', path: disk });
    await mkdir(dataPath(catalog.dataDirectory, 'instances'), { recursive: true, mode: 0o700 });
    const encryption = await layers.createDisk(layer, disk);
    const size = resolveInstanceType(record.instance_type, cpus().length, Math.floor(totalmem() / (1 << 20)));
    const wantsSeed = stored.sshKeys.length > 0 || stored.userData !== undefined;
    const instance = await driverNamed(record.driver).launch({
      id,
      disk,
      encryption,
      cpus: size.cpus,
      memoryMiB: size.memoryMiB,
      directory: instanceDirectory(id),
      allocationOwner: { dataDirectory: catalog.dataDirectory, owner: id },
      held,
      metadata: {
        account: record.account,
        region: record.region,
        imageId: record.ami_id ?? NO_AMI,
        instanceType: record.instance_type,
        launched: timestamp(),
        tokens: 'required',
        ...(stored.userData === undefined ? {} : { userData: Buffer.from(stored.userData).toString('base64') }),
        ...(stored.sshKeys.length > 0 ? { sshKeys: stored.sshKeys } : {}),
        role,
      },
      reach: defaultReach(networks),
      detached: true,
      publish: stored.publish,
      ...(wantsSeed ? { seed: { sshKeys: stored.sshKeys, userData: stored.userData } } : {}),
      firmware: stored.firmware,
      program: container?.program,
      signal,
    });
    await container?.begin(instance);
    // The user may have terminated it while it started. Then it stays `shutting-down`, with a handle to terminate it
    // by.
    const now = await getInstance(catalog.db, id);
    await updateInstance(catalog.db, id, {
      handle: JSON.stringify(instance.handle),
      ...(now?.state === 'pending' ? { state: 'running' } : {}),
    });
  } catch (error) {
    logger().warn({ instance: id, error }, 'a launch failed');
    await releaseAll(held).catch((cause: unknown) =>
      logger().error({ instance: id, error: cause }, 'a failed launch left something'),
    );
    await letGo(catalog, record);
    await updateInstance(catalog.db, id, { state: 'failed', reason: (error as Error).message.slice(0, 2000) });
  }
}

/** Requests the termination of launched instances that ended by themselves, with the reason if they failed. */
export async function noticeEnds(catalog: Catalog): Promise<void> {
  for (const record of await liveInstances(catalog.db)) {
    if (record.state !== 'running' || record.handle === null || !isUsers(record)) continue;
    const end = await driverNamed(record.driver).endOf?.(JSON.parse(record.handle) as InstanceHandle);
    if (end !== undefined)
      await updateInstance(catalog.db, record.id, {
        state: 'shutting-down',
        reason: end.reason?.slice(0, 2000) ?? null,
      });
  }
}

/** Terminates a launched or kept instance that is `shutting-down`, and deletes what it wrote. */
export async function endLaunched(catalog: Catalog, record: InstanceRecord): Promise<void> {
  const held = heldRecorder(catalog.db, record.id);
  if (record.handle !== null) {
    const instance = await driverNamed(record.driver)
      .attach(JSON.parse(record.handle) as InstanceHandle, held)
      .catch(() => undefined);
    await instance?.terminate();
  }
  await releaseAll(held);
  await rm(instanceDisk(catalog.dataDirectory, record.id), { force: true });
  // A kept instance wrote to a layer of its build.
  await new LayerStore(catalog, catalog.dataDirectory).discardWritten(record.id);
  await letGo(catalog, record);
  await updateInstance(catalog.db, record.id, { state: 'terminated', handle: null });
}

/** Removes the record that an instance uses its image, and frees what only this instance kept of a deregistered AMI. */
async function letGo(catalog: Catalog, record: InstanceRecord): Promise<void> {
  const layers = new LayerStore(catalog, catalog.dataDirectory);
  await layers.release(record.id);
  const ami = await amiOnRecord(catalog.db, record.ami_id ?? '');
  if (ami?.state === 'deregistered' && ami.layer_id !== null)
    await withdrawAmi(catalog, layers, ami, { keepReusable: false });
}
