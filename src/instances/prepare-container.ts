/** The start of a container for every driver: directory, ids, limits, disk and the services beside it. */
import { mkdir } from 'node:fs/promises';
import { attachDisk, type AttachedDisk } from '../images/attach.ts';
import { allocateUidRange } from '../platform/host.ts';
import { ringFiles } from '../platform/ring-file.ts';
import { consoleLogOf } from './console.ts';
import { InstanceError, type LaunchRequest } from './instance.ts';
import { INSTANCE_NETWORK } from './network.ts';
import { INSTANCE_ADDRESS } from './nspawn/arguments.ts';
import { hostCgroups, makeCgroups } from './nspawn/cgroups.ts';
import { startInstanceServices } from './services/start.ts';

/** The parts of a container's plan that come from the launch request and the host. */
export interface ContainerPlan {
  readonly id: string;
  readonly directory: string;
  readonly consoleLog: string;
  readonly disk: AttachedDisk['state'];
  readonly cgroups: NonNullable<Awaited<ReturnType<typeof hostCgroups>>>;
  readonly uidBase: number;
  readonly publish: NonNullable<LaunchRequest['publish']>;
  readonly allocationOwner: LaunchRequest['allocationOwner'];
  readonly servicesHeldId: string | undefined;
}

/**
 * Prepares a container. Everything is held, so that the caller can release it if this fails.
 * @param attached called as soon as the disk is attached
 * @returns the plan, and a promise that resolves when the services respond
 * @throws {InstanceError} on a host without a unified cgroup hierarchy
 */
export async function prepareContainer(
  request: LaunchRequest,
  attached: (disk: AttachedDisk) => void = () => {},
): Promise<{ readonly plan: ContainerPlan; readonly ready: () => Promise<void> }> {
  const { id, directory, held } = request;
  const consoleLog = consoleLogOf(request);
  await held.record({ kind: 'path', path: directory });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const path of ringFiles(consoleLog)) await held.record({ kind: 'path', path });
  const uids = await allocateUidRange(request.allocationOwner);
  await held.record({ kind: 'allocation', id: uids.id });
  const cgroups = await hostCgroups(`ingot-${id}`, request);
  if (cgroups === undefined) throw new InstanceError('this host has no unified cgroup hierarchy mounted');
  const disk = await attachDisk({
    disk: request.disk,
    encryption: request.encryption,
    directory,
    held,
    signal: request.signal,
  });
  attached(disk);
  const unlimited = await makeCgroups(cgroups, held);
  if (unlimited.length > 0)
    request.report?.({
      level: 'warn',
      text: `this host sets no limit on ${unlimited.join(', ')} of ${id}: no such cgroup controller`,
    });
  const services = await startInstanceServices(request, { address: INSTANCE_ADDRESS, network: INSTANCE_NETWORK });
  const plan: ContainerPlan = {
    id,
    directory,
    consoleLog,
    disk: disk.state,
    cgroups,
    uidBase: uids.base,
    publish: request.publish ?? [],
    allocationOwner: request.allocationOwner,
    servicesHeldId: services.heldId,
  };
  return { plan, ready: () => services.ready() };
}
