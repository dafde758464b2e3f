/** The network of a container: an interface in its network namespace, and its published ports. */
import type { HeldRecorder } from '../../platform/held.ts';
import { macOf, publishPorts, startSlirp, type Slirp } from '../network.ts';
import type { ContainerPlan } from '../prepare-container.ts';

/** Name of the interface in a container. */
export const INTERFACE = 'host0';

/** Connects the network namespace of a container's process 1, and publishes its ports. */
export async function connectContainer(
  plan: Pick<ContainerPlan, 'id' | 'directory' | 'allocationOwner' | 'publish'>,
  pid: number,
  held: HeldRecorder,
  signal: AbortSignal | undefined,
): Promise<Slirp> {
  const slirp = await startSlirp({
    target: { pid },
    interfaceName: INTERFACE,
    mac: macOf(plan.id),
    directory: plan.directory,
    held,
    allocationOwner: plan.allocationOwner,
    apiSocket: plan.publish.length > 0,
    signal,
  });
  await publishPorts(slirp, plan.publish);
  return slirp;
}
