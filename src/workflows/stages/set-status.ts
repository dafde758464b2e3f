/** Changes of an image's status, as its log and its record have them. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import { getImage, transitionImage } from '../../catalog/images.ts';
import type { Report } from '../../resources/progress.ts';
import type { ImageStatus } from '../../resources/statuses.ts';

/** What `state.reason` holds at most. */
export const REASON_LENGTH = 1024;

/**
 * Changes an image's status: first in its log, so that a follower has read all when the record says that it is at its
 * end.
 * @param options.reason at most 1,024 characters are kept
 * @param options.and what else is recorded with the change
 */
export async function setStatus(
  catalog: Catalog,
  arn: string,
  report: Report,
  status: ImageStatus,
  options: {
    readonly reason?: string;
    readonly patch?: Partial<Image>;
    readonly and?: (trx: Queryable) => Promise<void>;
  } = {},
): Promise<void> {
  const reason = options.reason?.slice(0, REASON_LENGTH);
  report({
    type: 'state',
    status,
    level: status === 'FAILED' ? 'error' : 'info',
    text: reason === undefined ? status : `${status}: ${reason}`,
  });
  await catalog.transaction(async (trx) => {
    await transitionImage(trx, arn, status, { reason, patch: options.patch });
    await options.and?.(trx);
  });
}

/** Changes the status of an image that goes on: one that was interrupted may have it already. */
export async function enterStatus(catalog: Catalog, arn: string, report: Report, status: ImageStatus): Promise<void> {
  if ((await getImage(catalog.db, arn))?.state?.status !== status) await setStatus(catalog, arn, report, status);
}
