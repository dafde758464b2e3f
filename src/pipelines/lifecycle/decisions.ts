/** What a policy would do with the current images. It changes nothing and reads no disk. */
import type { Catalog } from '../../catalog/catalog.ts';
import type { StoredLifecyclePolicy } from '../../catalog/lifecycle-policies.ts';
import { parseArn } from '../../resources/arns.ts';
import { decideLifecycle, type Decision } from './decide.ts';
import { agedImages } from './facts.ts';

/** The current decision for each selected image, newest first. @param now milliseconds since 1970 */
export async function decisionsOf(
  catalog: Catalog,
  policy: StoredLifecyclePolicy,
  now: number,
): Promise<readonly Decision[]> {
  const { owner: account, region } = parseArn(policy.arn!)!;
  const type = policy.resourceType === 'CONTAINER_IMAGE' ? 'DOCKER' : 'AMI';
  return decideLifecycle(await agedImages(catalog, { account, region }, type), policy, now);
}
