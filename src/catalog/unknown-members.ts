/** Queries on unknown members of requests, which images that are built with the resources report. */
import type { Queryable } from './catalog.ts';

/** A member that was dropped from a resource. */
export interface UnknownMember {
  readonly arn: string;
  /** Path in the request. */
  readonly member: string;
}

/** Replaces the recorded members of a resource. */
export async function rememberUnknown(trx: Queryable, arn: string, members: readonly string[]): Promise<void> {
  await trx.deleteFrom('unknown_members').where('arn', '=', arn).execute();
  const rows = [...new Set(members)].map((member) => ({ arn, member }));
  if (rows.length > 0) await trx.insertInto('unknown_members').values(rows).execute();
}

/** The recorded members of these resources. */
export async function unknownMembersOf(db: Queryable, arns: readonly string[]): Promise<readonly UnknownMember[]> {
  return db
    .selectFrom('unknown_members')
    .selectAll()
    .where('arn', 'in', [...arns])
    .orderBy('arn')
    .orderBy('member')
    .execute();
}
