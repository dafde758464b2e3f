/** Dependencies: recorded with the dependent, checked before a resource is deleted. */
import { nameArn, parseArn } from '../resources/arns.ts';
import { highestMatch, matchesVersion, type Version } from '../resources/versions.ts';
import type { Queryable } from './catalog.ts';

/**
 * Replaces the recorded dependencies of a resource. References that are not Image Builder ARNs (an AMI id) are skipped.
 */
export async function setReferences(
  db: Queryable,
  dependent: string,
  references: readonly (string | undefined)[],
): Promise<void> {
  await db.deleteFrom('resource_references').where('dependent', '=', dependent).execute();
  const rows = [...new Set(references)].flatMap((reference) => {
    const arn = reference === undefined ? undefined : parseArn(reference);
    return arn === undefined ? [] : [{ dependent, reference: reference!, target: nameArn(arn) }];
  });
  if (rows.length > 0) await db.insertInto('resource_references').values(rows).execute();
}

/** Removes the dependencies of a deleted resource. */
export async function removeReferences(db: Queryable, dependent: string): Promise<void> {
  await db.deleteFrom('resource_references').where('dependent', '=', dependent).execute();
}

/**
 * Dependents of a resource, ordered by ARN.
 * @param versions for a resource with versions: all versions of its name. A reference without a build depends on the
 * build that it currently resolves to
 */
export async function dependentsOf(
  db: Queryable,
  arn: string,
  versions: readonly MaybeBuild[] = [],
): Promise<readonly string[]> {
  const needed = parseArn(arn);
  if (needed === undefined) return [];
  const rows = await db
    .selectFrom('resource_references')
    .select(['dependent', 'reference'])
    .where('target', '=', nameArn(needed))
    .orderBy('dependent')
    .execute();
  const dependents = rows.filter(({ reference }) => {
    const { version, build } = parseArn(reference)!;
    if (version === undefined || needed.version === undefined) return true;
    if (needed.build === undefined) return resolvesTo(version, undefined, needed.version, versions);
    return build === undefined
      ? resolvesTo(version, needed.build, needed.version, versions)
      : build === needed.build && matchesVersion(version, needed.version as Version);
  });
  return [...new Set(dependents.map(({ dependent }) => dependent))];
}

type Pattern = Parameters<typeof matchesVersion>[0];
type MaybeBuild = Version & { readonly build?: number };

function resolvesTo(
  reference: Pattern,
  build: number | undefined,
  version: Pattern,
  versions: readonly MaybeBuild[],
): boolean {
  const found = highestMatch(reference, versions);
  return found !== undefined && matchesVersion(version, found) && (build === undefined || found.build === build);
}
