/**
 * What `config.yaml` opens to some accounts only: instance profiles and networks. Judged again when an image begins.
 */
import { ConfigError, readConfig } from '../../platform/config/config.ts';
import { instanceProfileFor } from '../../platform/config/profiles.ts';
import { networkFor } from '../../platform/config/networks.ts';
import { NotGranted } from '../../platform/config/reading.ts';
import { accessDenied } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';

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
  // As it is now: what the operator has just opened needs no restart. A file in the middle of an edit says nothing yet.
  const config = await readConfig(services.dataDirectory).catch((error: unknown) => {
    if (error instanceof ConfigError) return services.config;
    throw error;
  });
  const checks = [
    () => instanceProfileFor(config.instanceProfiles, places.instanceProfileName ?? '', account),
    () => networkFor(config.networks, account, places.subnetId, places.securityGroupIds ?? []),
  ];
  for (const check of checks) {
    try {
      check();
    } catch (error) {
      // Two networks at once are no matter of accounts: the image says so when it begins.
      if (error instanceof NotGranted) throw accessDenied(`You cannot use it: ${error.message}.`);
    }
  }
}
