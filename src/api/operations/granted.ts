/**
 * Resources that `config.yaml` grants to some accounts only: instance profiles and networks. They are checked again
 * when a build starts.
 */
import { instanceProfileFor } from '../../platform/config/profiles.ts';
import { networkFor } from '../../platform/config/networks.ts';
import { NotGranted } from '../../platform/config/reading.ts';
import { accessDenied } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { currentConfig } from './plans.ts';

/** The resources of `config.yaml` that an infrastructure configuration names. */
interface Places {
  readonly instanceProfileName?: string | undefined;
  readonly subnetId?: string | undefined;
  readonly securityGroupIds?: readonly string[] | undefined;
}

/**
 * Rejects an instance profile, subnet or security group that belongs to other accounts.
 * @throws {ApiError} AccessDeniedException that names it, and how the operator can grant it
 */
export async function refuseOthersPlaces({ account, services }: RequestContext, places: Places): Promise<void> {
  const config = await currentConfig({ services });
  const checks = [
    () => instanceProfileFor(config.instanceProfiles, places.instanceProfileName ?? '', account),
    () => networkFor(config.networks, account, places.subnetId, places.securityGroupIds ?? []),
  ];
  for (const check of checks) {
    try {
      check();
    } catch (error) {
      // Two networks at once are not a matter of access: the image fails with that message when it starts.
      if (error instanceof NotGranted) throw accessDenied(`You cannot use it: ${error.message}.`);
    }
  }
}
