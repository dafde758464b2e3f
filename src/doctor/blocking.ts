/**
 * What keeps a build or a launch from even starting on this host: looked for in a moment, where the checks really try
 * things.
 */
import { managedImages } from '../images/base/base-images.ts';
import { missingByDriver } from '../instances/launch.ts';
import { lookAt, spaceBlocks } from './checks/space.ts';
import { isThere, neededPackages } from './packages.ts';
import { INGOT } from '../platform/own-program.ts';

/**
 * What is in the way, one sentence each; empty when it can start.
 * @param dataDirectory absolute; it may not be there yet
 */
export async function blockingFor(purpose: 'build' | 'launch', dataDirectory: string): Promise<readonly string[]> {
  const [missing, found] = await Promise.all([missingByDriver(), lookAt(dataDirectory)]);
  const space = spaceBlocks(found);
  return judgeBlocking(purpose, {
    missing,
    packages: (await neededPackages()).filter((each) => !isThere(each)).map(({ name }) => name),
    space,
    ...(found.haveBase ? {} : { forBaseImages: [...new Set(managedImages.flatMap((image) => image.missing()))] }),
  });
}

/**
 * The same from what was found. Pure.
 * @param found.missing for each driver what this host lacks for it
 * @param found.packages Debian packages that are not there; sentences about them are left out
 * @param found.space what is wrong with the data directory
 * @param found.forBaseImages what making a base image lacks; absent when one is there
 */
export function judgeBlocking(
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
  // One driver that works will do: which one a build takes, and whether its tests can run, is judged when its recipe is
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
