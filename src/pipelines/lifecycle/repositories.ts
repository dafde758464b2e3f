/** Carries out the lifecycle policies of repositories: the first time an hour after a change, then once a day. */
import type { Catalog } from '../../catalog/catalog.ts';
import {
  imagesOfRepository,
  removeImage,
  repositoriesToAge,
  updateRepository,
  type Repository,
} from '../../catalog/repositories.ts';
import { logger } from '../../platform/log.ts';
import { repositoryArn } from '../../resources/repositories.ts';
import { expiredImages, type RepositoryRule } from './repository-rules.ts';

const DAY_MS = 86_400_000;

/**
 * Deletes the images that have expired in repositories that are due. The registry frees their layers at the next
 * garbage collection.
 * @param now milliseconds since 1970
 * @returns the number of deleted images
 */
export async function ageRepositories(catalog: Catalog, now: number): Promise<number> {
  const at = new Date(now).toISOString();
  let deleted = 0;
  for (const repository of await repositoriesToAge(catalog.db, at)) {
    const digests = await ageOne(catalog, repository, now);
    deleted += digests.length;
    if (digests.length > 0)
      logger().info({ repository: repositoryArn(repository), digests }, 'the lifecycle policy deleted images');
  }
  return deleted;
}

/** One transaction for a repository: what is pushed meanwhile waits, and is not judged by an old list. */
async function ageOne(catalog: Catalog, { id }: Repository, now: number): Promise<readonly string[]> {
  const at = new Date(now).toISOString();
  return catalog.transaction(async (trx) => {
    const repository = (await repositoriesToAge(trx, at)).find((each) => each.id === id);
    if (repository?.lifecycle_policy == null) return [];
    const { rules } = JSON.parse(repository.lifecycle_policy) as { rules: readonly RepositoryRule[] };
    const images = (await imagesOfRepository(trx, id)).map(({ digest, tags, pushed, pulled, children }) => ({
      digest,
      tags,
      pushed: Date.parse(pushed),
      pulled: pulled === null ? undefined : Date.parse(pulled),
      children: JSON.parse(children) as readonly string[],
    }));
    const expired = expiredImages(rules, images, now);
    for (const { digest } of expired) await removeImage(trx, id, digest);
    await updateRepository(trx, id, {
      lifecycle_evaluated: at,
      lifecycle_due: new Date(now + DAY_MS).toISOString(),
    });
    return expired.map(({ digest }) => digest);
  });
}
