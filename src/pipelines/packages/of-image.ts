/** Packages of an image that have newer versions. */
import type { Queryable } from '../../catalog/catalog.ts';
import { getImage } from '../../catalog/images.ts';
import { packagesOfImage } from '../../catalog/packages.ts';
import { updatesFor, type IndexSource, type PackageUpdate } from './outdated.ts';

/** The tag of pipelines that package updates may start: `security` or `all`. */
export const UPDATES_TAG = 'ingot:on-updates';

/**
 * The packages of an image that have newer versions.
 * @returns `undefined` if the image has no package list
 * @throws {Error} with a message for the user, if the indexes of its system cannot be read
 */
export async function updatesOfImage(
  db: Queryable,
  indexes: IndexSource,
  imageArn: string,
  signal: AbortSignal,
): Promise<readonly PackageUpdate[] | undefined> {
  const packages = await packagesOfImage(db, imageArn);
  if (packages.length === 0) return undefined;
  const image = await getImage(db, imageArn);
  const names = new Set(packages.map(({ name }) => name));
  return updatesFor(packages, await indexes(image?.osVersion, names, signal));
}
