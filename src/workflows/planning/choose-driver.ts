/** Chooses the driver of an instance. Pure. */
import type { DiskOrigin } from '../../catalog/engine-tables.ts';
import { INGOT } from '../../platform/own-program.ts';

/** The resource tag of an infrastructure configuration that selects the driver of its build instances. */
const DRIVER_TAG = 'ingot:driver';

/** A driver and the reason for it, for the log. */
export interface DriverChoice {
  readonly driver: string;
  readonly reason: string;
}

const WINDOWS_ADVICE =
  ` You can test its components on your own Windows machine: ${INGOT} toe run FILE ` + '--on ssh://HOST';

/**
 * @throws {Error} for an operating system that no driver supports, which is better than an instance that cannot be
 * reached
 */
export function refusePlatform(platform: string | undefined): void {
  if (platform !== undefined && platform !== 'Linux')
    throw new Error(
      `Ingot does not support ${platform} instances yet, so it cannot build ${platform} images ` +
        `here.${platform === 'Windows' ? WINDOWS_ADVICE : ''}`,
    );
}

/**
 * The driver of a build instance: the one in the infrastructure configuration's resource tag `ingot:driver`, otherwise
 * a system container, otherwise (if this host cannot run one) a virtual machine.
 * @param missing for each driver what this host lacks; empty if it works
 * @param origin of the parent image's disk: an untrusted disk needs a virtual machine
 * @throws {Error} if the named driver is unknown or cannot work here
 */
export function chooseBuildDriver(
  resourceTags: Readonly<Record<string, string>> | undefined,
  missing: Readonly<Record<string, readonly string[]>>,
  origin: DiskOrigin = 'made',
): DriverChoice {
  if (origin === 'untrusted') return chooseForUntrusted(resourceTags, missing);
  const wanted = resourceTags?.[DRIVER_TAG];
  if (wanted !== undefined) {
    const lacks = missing[wanted];
    if (lacks === undefined)
      throw new Error(
        `resource tag ${DRIVER_TAG} names the driver '${wanted}'; expected one of: ${Object.keys(missing).join(', ')}`,
      );
    if (lacks.length > 0) throw new Error(`the driver ${wanted} does not work on this host: ${lacks.join('; ')}`);
    return { driver: wanted, reason: `named by the resource tag ${DRIVER_TAG}` };
  }
  if (missing['nspawn']?.length === 0) return { driver: 'nspawn', reason: 'the default for build instances' };
  const { driver } = chooseTestDriver(missing);
  return { driver, reason: `no system container on this host: ${missing['nspawn']?.join('; ')}` };
}

/** Untrusted disks need virtual machines, because for a system container the host's kernel mounts the file systems. */
function chooseForUntrusted(
  resourceTags: Readonly<Record<string, string>> | undefined,
  missing: Readonly<Record<string, readonly string[]>>,
): DriverChoice {
  const wanted = resourceTags?.[DRIVER_TAG];
  const why = 'its parent image is a disk that was imported or fetched, whose file systems this host does not mount';
  if (wanted !== undefined && wanted !== 'qemu')
    throw new Error(
      `resource tag ${DRIVER_TAG} names the driver '${wanted}', and the image is built in a virtual machine: ` +
        `${why}. Remove the tag, or import the disk as a trusted one (${INGOT} import --trusted)`,
    );
  return { ...chooseTestDriver(missing), reason: why };
}

/**
 * The driver of a test instance, which always boots the image with its own boot loader.
 * @throws {Error} if this host has none
 */
export function chooseTestDriver(missing: Readonly<Record<string, readonly string[]>>): DriverChoice {
  const lacks = missing['qemu'] ?? ['no driver of that name'];
  if (lacks.length > 0) throw new Error(`virtual machines do not work on this host: ${lacks.join('; ')}`);
  return { driver: 'qemu', reason: 'a test boots the image through its own boot loader' };
}
