/** Keeps the pools of `config.yaml` filled: one instance boots at a time, and one with an old parent image ends. */
import { cpus, totalmem } from 'node:os';
import type { Catalog } from '../catalog/catalog.ts';
import { poolInstances } from '../catalog/pool-instances.ts';
import { LayerStore } from '../images/layer-store.ts';
import { isScarce } from '../images/space.ts';
import { ConfigError, type Config } from '../platform/config/config.ts';
import { logger } from '../platform/log.ts';
import type { Pool } from '../platform/config/pools.ts';
import { DEFAULT_INSTANCE_TYPE } from '../resources/build-room.ts';
import { resolveInstanceType } from '../resources/instance-types.ts';
import { attached, launchForPool, parentOfPool, terminateInPool } from '../workflows/machines/pool.ts';

/** Time until a pool is tried again whose instance did not start, in milliseconds. */
const AGAIN_MS = 60_000;
/** Time between checks whether instances run, and whether the parent image is another one, in milliseconds. */
const CHECK_MS = 60_000;

/** The pools of a worker. */
export interface PoolKeeper {
  /** Looks for what is missing, unless it is doing so. */
  look(): void;
  /** Terminates what waits. */
  stop(reason: string): Promise<void>;
}

/**
 * Memory that full pools have, in MiB, which builds cannot have.
 * @throws {ConfigError} if a pool's instance type is unknown
 */
export function memoryOfPools(pools: Config['pools']): number {
  const host = Math.floor(totalmem() / (1 << 20));
  return Object.values(pools)
    .map(({ name, size, instanceType = DEFAULT_INSTANCE_TYPE }) => {
      try {
        return size * resolveInstanceType(instanceType, cpus().length, host).memoryMiB;
      } catch (error) {
        throw new ConfigError(`config.yaml: pools.${name}.instanceType: ${(error as Error).message}`);
      }
    })
    .reduce((sum, each) => sum + each, 0);
}

/** Starts to keep pools. @param config.builds with less free space than these keep, nothing is launched */
export function keepPools(catalog: Catalog, config: Pick<Config, 'pools' | 'networks' | 'builds'>): PoolKeeper {
  const pools = Object.values(config.pools);
  const services = { catalog, config };
  const over = new AbortController();
  const notBefore = new Map<string, number>();
  let checked = Date.now();
  let working: Promise<void> | undefined;

  async function fill(): Promise<void> {
    if (Date.now() - checked >= CHECK_MS) {
      checked = Date.now();
      for (const pool of pools) await check(pool);
    }
    for (const pool of pools) {
      if (over.signal.aborted) return;
      const there = (await poolInstances(catalog.db)).filter((each) => each.pool === pool.name);
      if (there.length >= pool.size || (notBefore.get(pool.name) ?? 0) > Date.now()) continue;
      if (await isScarce(catalog.dataDirectory, config.builds.keepFreeBytes)) continue;
      try {
        await launchForPool(services, pool, over.signal);
        logger().info({ pool: pool.name }, 'an instance of a pool is ready');
      } catch (error) {
        if (over.signal.aborted) return;
        notBefore.set(pool.name, Date.now() + AGAIN_MS);
        logger().error({ pool: pool.name, error }, 'an instance of a pool did not start; it is tried again');
      }
    }
  }

  /** Ends the instances of a pool that have died, or that a build would not take any more. */
  async function check(pool: Pool): Promise<void> {
    const owner = `pool ${pool.name}`;
    try {
      const parent = await parentOfPool(services, pool, owner, over.signal);
      for (const each of await poolInstances(catalog.db)) {
        if (each.pool !== pool.name || each.record.state !== 'running') continue;
        const fault = await attached(catalog, each.record).then(
          () => (each.facts?.parent === parent.id ? undefined : 'its parent image is another one now'),
          (error: unknown) => (error as Error).message,
        );
        if (fault !== undefined) await terminateInPool(catalog, each, fault);
      }
    } catch (error) {
      if (!over.signal.aborted) logger().error({ pool: pool.name, error }, 'a pool could not be checked');
    } finally {
      await new LayerStore(catalog, catalog.dataDirectory).release(owner);
    }
  }

  return {
    look() {
      if (pools.length === 0 || over.signal.aborted) return;
      working ??= fill()
        .catch((error: unknown) => logger().error({ error }, 'the pools could not be filled'))
        .finally(() => (working = undefined));
    },
    async stop(reason) {
      over.abort(new Error(reason));
      await working;
      for (const each of await poolInstances(catalog.db)) await terminateInPool(catalog, each, reason);
    },
  };
}
