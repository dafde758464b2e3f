/** The keys of an image's disks. */
import { KeyService } from '../../keys/key-service.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { ImageServices } from './image-progress.ts';

/** What the key of a build depends on. */
export interface KeyWork {
  readonly plan: Pick<ImagePlan, 'account' | 'region' | 'encryption'>;
  readonly services: Pick<ImageServices, 'catalog'>;
}

/**
 * The key that the build's disk is encrypted under; `undefined` if the image does not ask for encryption.
 * @throws {KeyError}
 */
export async function buildKey({ plan, services }: KeyWork): Promise<string | undefined> {
  if (plan.encryption === undefined) return undefined;
  const { build } = plan.encryption;
  return build ?? (await new KeyService(services.catalog).defaultKey(plan)).arn;
}

/** The key that opens the AMI of a Region. @param encrypted whether its disk is @throws {KeyError} */
export async function amiKey(
  { plan, services }: KeyWork,
  region: string,
  encrypted: boolean,
): Promise<string | undefined> {
  if (!encrypted) return undefined;
  const named = plan.encryption?.regions[region];
  if (named !== undefined) return named;
  if (region === plan.region) return buildKey({ plan, services });
  return (await new KeyService(services.catalog).defaultKey({ account: plan.account, region })).arn;
}
