/** The pool that an infrastructure configuration names for its build instances. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { didYouMean } from '../../documents/nearest.ts';
import type { Config } from '../../platform/config/config.ts';
import type { ImagePlan } from './image-plan.ts';

/**
 * The pool, or `undefined` if none is named.
 * @throws {Error} if there is none of that name for this account and Region, or the image is a container image
 */
export function poolFor(
  pools: Config['pools'],
  { infrastructureConfiguration, type }: Pick<Image, 'infrastructureConfiguration' | 'type'>,
  place: { readonly account: string; readonly region: string },
): ImagePlan['pool'] {
  const group = infrastructureConfiguration?.parentInstance?.autoScalingGroup;
  if (group?.name === undefined) return undefined;
  const what = `infrastructureConfiguration.parentInstance: the pool '${group.name}'`;
  if (type === 'DOCKER') throw new Error(`${what} has virtual machines, and container images are not built in one`);
  const pool = Object.hasOwn(pools, group.name) ? pools[group.name] : undefined;
  // Another account learns nothing of it.
  if (pool === undefined || pool.account !== place.account) {
    const names = Object.values(pools)
      .filter(({ account }) => account === place.account)
      .map(({ name }) => name);
    throw new Error(
      `${what} does not exist.${didYouMean(group.name, names)} The operator of this server defines pools in ` +
        'config.yaml',
    );
  }
  if (pool.region !== place.region) throw new Error(`${what} is in ${pool.region}, and the image in ${place.region}`);
  return { name: pool.name, waitSeconds: group.capacityWaitTimeoutSeconds ?? 0 };
}
