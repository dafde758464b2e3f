/** Queries on virtual machines that wait for a build. */
import type { Queryable } from './catalog.ts';
import type { InstanceRecord } from './instances.ts';

/** What is recorded of one in `request`. */
export interface PoolInstanceFacts {
  readonly pool: string;
  /** Id of the layer that it booted from. */
  readonly parent: string;
  /** The layer that it writes to. */
  readonly layer: { readonly id: string; readonly parentId: string | null; readonly path: string };
  /** Its network, and what its metadata service answers: a build with others cannot take it. */
  readonly metadata: string;
}

/** One that is starting, or waits. */
export interface PoolInstance {
  readonly record: InstanceRecord;
  /** `undefined` until its disk is there. */
  readonly facts: PoolInstanceFacts | undefined;
  readonly pool: string;
}

/** Those that are starting or wait, oldest first. */
export async function poolInstances(db: Queryable): Promise<readonly PoolInstance[]> {
  const rows = await db
    .selectFrom('instances')
    .selectAll()
    .where('purpose', '=', 'pool')
    .where('state', 'in', ['pending', 'running'])
    .orderBy('created')
    .execute();
  return rows.map((record) => {
    const request = JSON.parse(record.request) as Partial<PoolInstanceFacts>;
    const facts = request.layer === undefined ? undefined : (request as PoolInstanceFacts);
    return { record, facts, pool: String(request.pool) };
  });
}

/** Gives a waiting instance to an image's build. @returns false if another one was faster, or it has ended */
export async function takePoolInstance(db: Queryable, id: string, imageArn: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('instances')
    .set({ purpose: 'build', image_arn: imageArn })
    .where('id', '=', id)
    .where('purpose', '=', 'pool')
    .where('state', '=', 'running')
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Takes a waiting instance out of its pool, before it is terminated. @returns false if a build was faster */
export async function endPoolInstance(db: Queryable, id: string, reason: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('instances')
    .set({ state: 'terminated', reason })
    .where('id', '=', id)
    .where('purpose', '=', 'pool')
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}
