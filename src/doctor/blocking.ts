/**
 * Quick checks for what prevents a build or a launch on this host. The doctor's checks exercise the features for real.
 */
import { managedImages } from '../images/base/base-images.ts';
import { missingByDriver } from '../instances/launch.ts';
import { lookAt, spaceBlocks } from './checks/space.ts';
import { isThere, neededPackages } from './packages.ts';
import { INGOT } from '../platform/own-program.ts';

/**
 * What prevents a build or launch, one sentence each; empty if it can start.
 * @param dataDirectory absolute; need not exist yet
 */
export async function blockingFor(purpose: 'build' | 'launch', dataDirectory: string): Promise<readonly string[]> {
  const [missing, found] = await Promise.all([missingByDriver(), lookAt(dataDirectory)]);
  const space = spaceBlocks(found);
  return checkBlocking(purpose, {
    missing,
    packages: (await neededPackages()).filter((each) => !isThere(each)).map(({ name }) => name),
    space,
    ...(found.haveBase ? {} : { forBaseImages: [...new Set(managedImages.flatMap((image) => image.missing()))] }),
  });
}

/**
 * The same, from findings. Pure.
 * @param found.missing for each driver what this host lacks
 * @param found.packages missing Debian packages; sentences about them are left out
 * @param found.space a problem with the data directory
 * @param found.forBaseImages what is missing to make a base image; absent if one exists
 */
export function checkBlocking(
  purpose: 'build' | 'launch',
  found: {
    readonly missing: Readonly<Record<string, readonly string[]>>;
    readonly packages: readonly string[];
    readonly space?: string;
    readonly forBaseImages?: readonly string[];
  },
): readonly string[] {
  const { missing } = found;
  const lacks = (driver: string): readonly string[] => missing[driver] ?? [];
  const drivers = purpose === 'launch' ? ['qemu'] : Object.keys(missing);
  // One working driver is enough. Which one a build needs, and whether its tests can run, is decided when its recipe is
  // known.
  const machines = drivers.some((driver) => lacks(driver).length === 0) ? [] : [...new Set(drivers.flatMap(lacks))];
  const others = [...machines, ...(found.forBaseImages ?? [])].filter(
    (each) => !found.packages.some((name) => new RegExp(`\\b${name}\\b`).test(each)),
  );
  const lacking = found.packages.length > 0 && others.length < machines.length + (found.forBaseImages?.length ?? 0);
  return [
    ...(lacking
      ? [`Debian packages are missing: ${found.packages.join(', ')} (${INGOT} doctor --install installs them)`]
      : []),
    ...others.map((each) => each.replace(/\.$/, '')),
    ...(found.space === undefined ? [] : [found.space]),
  ];
}
