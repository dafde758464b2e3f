/**
 * What every launch needs besides a driver: where an instance's files are, which drivers work on this host, how to
 * terminate an instance.
 */
import { join } from 'node:path';
import { RUN_DIRECTORY } from '../platform/host.ts';
import { drivers } from './drivers.ts';
import type { Driver } from './instance.ts';

/** The directory for an instance's sockets and mount points. */
export function instanceDirectory(instanceId: string): string {
  return join(RUN_DIRECTORY, instanceId);
}

/** What this host lacks for each driver of one kind of image. */
export async function missingByDriver(makes: 'AMI' | 'DOCKER' = 'AMI'): Promise<Record<string, readonly string[]>> {
  const asked = Object.values(drivers).filter((driver) => (driver.makes ?? 'AMI') === makes);
  return Object.fromEntries(
    await Promise.all(asked.map(async (driver) => [driver.name, await driver.missing()] as const)),
  );
}

/**
 * A driver by its name.
 * @throws {Error} if the name is unknown
 */
export function driverNamed(name: string): Driver {
  const driver = drivers[name];
  if (driver === undefined) throw new Error(`no driver '${name}'; there are: ${Object.keys(drivers).join(', ')}`);
  return driver;
}
