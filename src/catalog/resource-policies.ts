/** Queries on resource policies. Other modules evaluate them. */
import { timestamp } from '../platform/clock.ts';
import { parseArn, type ResourceType } from '../resources/arns.ts';
import type { Queryable } from './catalog.ts';

/** A policy and its resource. */
export interface StoredPolicy {
  /** Of the resource: a component's or an image's build version, a recipe's version. */
  readonly arn: string;
  readonly account: string;
  /** The document as given: JSON. */
  readonly policy: string;
}

/** Sets the policy of a resource, replacing the previous one. */
export async function putResourcePolicy(db: Queryable, arn: string, policy: string): Promise<void> {
  const { owner, region, type } = parseArn(arn)!;
  const changes = { policy, date_updated: timestamp() };
  await db
    .insertInto('resource_policies')
    .values({ arn, account: owner, region, type, ...changes })
    .onConflict((conflict) => conflict.column('arn').doUpdateSet(changes))
    .execute();
}

/** The policy of a resource as given, or `undefined`. */
export async function getResourcePolicy(db: Queryable, arn: string): Promise<string | undefined> {
  return (await db.selectFrom('resource_policies').select('policy').where('arn', '=', arn).executeTakeFirst())?.policy;
}

/** Policies that other accounts have set on resources of a type in a Region, ordered by ARN. */
export async function policiesOfOthers(
  db: Queryable,
  place: { readonly account: string; readonly region: string },
  type: ResourceType,
): Promise<readonly StoredPolicy[]> {
  return db
    .selectFrom('resource_policies')
    .select(['arn', 'account', 'policy'])
    .where('region', '=', place.region)
    .where('type', '=', type)
    .where('account', '<>', place.account)
    .orderBy('arn')
    .execute();
}

/** Removes the policy of a deleted resource. */
export async function removeResourcePolicy(db: Queryable, arn: string): Promise<void> {
  await db.deleteFrom('resource_policies').where('arn', '=', arn).execute();
}
