/** Whether this host can run the instances of an image: checked before the build, not in its middle. */
import { LEAST_FOR_BUILD, refuseWithoutRoom } from '../../images/space.ts';
import { missingByDriver } from '../../instances/launch.ts';
import { chooseBuildDriver, chooseTestDriver } from '../planning/choose-driver.ts';
import { INGOT } from '../../platform/own-program.ts';

/**
 * Finds a driver for the build instance, and one for the test instance if there are tests. It only looks for files and
 * programs, so it is fast.
 * @param wanted.dataDirectory where layers are written: must have free space for them
 * @param wanted.resourceTags of the infrastructure configuration, which may name the driver
 * @throws {Error} what the host lacks, and how to fix it
 */
export async function refuseUnfitHost(wanted: {
  readonly dataDirectory: string;
  readonly resourceTags: Readonly<Record<string, string>> | undefined;
  readonly tests: boolean;
  readonly kind: 'AMI' | 'DOCKER';
}): Promise<void> {
  await refuseWithoutRoom(wanted.dataDirectory, LEAST_FOR_BUILD, 'even a small build');
  if (wanted.kind === 'DOCKER') {
    const lacks = Object.values(await missingByDriver('DOCKER')).flat();
    if (lacks.length > 0) throw new Error(`container images cannot be built on this host: ${lacks.join(' ')}`);
    return;
  }
  const missing = await missingByDriver();
  chooseBuildDriver(wanted.resourceTags, missing);
  if (!wanted.tests) return;
  try {
    chooseTestDriver(missing);
  } catch (error) {
    throw new Error(
      `the image could be built here but not tested: ${(error as Error).message}. Fix that (${INGOT} doctor says ` +
        'how), or disable its tests',
      { cause: error },
    );
  }
}
