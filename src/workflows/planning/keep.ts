/** How long the instance of a failed image is kept. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { durationFault, durationSeconds } from '../../resources/durations.ts';

/** The image's tag that keeps its build or test instance after a failure, for a duration such as `90m`, `4h`, `2d`. */
export const KEEP_TAG = 'ingot:keep-on-failure';

/** Default duration for which an instance is kept, in seconds. */
export const DEFAULT_KEEP_SECONDS = 4 * 3600;

/**
 * Seconds for which instances that still run are kept after a build that succeeded; `undefined` if they are terminated.
 * As on AWS, `terminateInstanceOnCompletion: false` keeps them, and a `TerminateInstance` step terminates all the same.
 */
export function keepOnCompletion({
  infrastructureConfiguration,
}: Pick<Image, 'infrastructureConfiguration'>): number | undefined {
  return infrastructureConfiguration?.terminateInstanceOnCompletion === false ? DEFAULT_KEEP_SECONDS : undefined;
}

/**
 * Seconds for which a failed image's instance is kept; `undefined` if it is terminated. As on AWS,
 * `terminateInstanceOnFailure: false` in the infrastructure configuration keeps build instances (reference,
 * `workflows.md` section 4).
 * @throws {Error} that names the tag and its value if it is not a duration
 */
export function keepSeconds(
  image: Pick<Image, 'tags' | 'infrastructureConfiguration'>,
  purpose: 'build' | 'test',
): number | undefined {
  const wanted = image.tags?.[KEEP_TAG];
  if (wanted === undefined)
    return purpose === 'build' && image.infrastructureConfiguration?.terminateInstanceOnFailure === false
      ? DEFAULT_KEEP_SECONDS
      : undefined;
  const seconds = durationSeconds(wanted);
  if (seconds === undefined || seconds === 0) throw new Error(durationFault(`tag ${KEEP_TAG}`, wanted));
  return seconds;
}
