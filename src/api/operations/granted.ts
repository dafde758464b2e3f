/**
 * What `config.yaml` grants to some accounts only: instance profiles and networks. Checked again when an image begins.
 */
import { instanceProfileFor } from '../../platform/config/profiles.ts';
import { networkFor } from '../../platform/config/networks.ts';
import { NotGranted } from '../../platform/config/reading.ts';
import { accessDenied } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { currentConfig } from './plans.ts';

/** What an infrastructure configuration names of `config.yaml`. */
interface Places {
  readonly instanceProfileName?: string | undefined;
  readonly subnetId?: string | undefined;
  readonly securityGroupIds?: readonly string[] | undefined;
}

/**
 * Refuses an instance profile, or a subnet or security group, that belongs to other accounts.
 * @throws {ApiError} AccessDeniedException that names it, and how the operator opens it
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
      // Two networks at once are not a question of access: the image reports it when it begins.
      if (error instanceof NotGranted) throw accessDenied(`You cannot use it: ${error.message}.`);
    }
  }
}
