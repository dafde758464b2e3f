/** Queries on an image's packages. `executions.ts` writes them. */
import type { ImagePackageTable } from './engine-tables.ts';
import type { Queryable } from './catalog.ts';
import { standsAfter, type Slice } from './slices.ts';

/** All of an image's packages. */
export async function packagesOfImage(db: Queryable, imageArn: string): Promise<readonly ImagePackageTable[]> {
  return db.selectFrom('image_packages').selectAll().where('image_arn', '=', imageArn).orderBy('name').execute();
}

/** An image's packages, ordered by name and version. */
export async function listImagePackages(
  db: Queryable,
  imageArn: string,
  slice: Slice,
): Promise<readonly ImagePackageTable[]> {
  return db
    .selectFrom('image_packages')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .where(standsAfter(['name', 'version'], slice))
    .orderBy('name')
    .orderBy('version')
    .limit(slice.limit + 1)
    .execute();
}
