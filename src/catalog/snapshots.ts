/** Snapshots: each AMI has one, with the same number. The snapshot of a deregistered AMI uses its layer. */
import type { Ami } from './amis.ts';
import type { Queryable } from './catalog.ts';
import type { Place } from './slices.ts';

const PREFIX = 'snap-';

/** The id of an AMI's snapshot: each AMI has one disk. */
export function snapshotIdOf({ id }: Pick<Ami, 'id'>): string {
  return id.replace(/^ami-/, PREFIX);
}

/** The AMI that has a snapshot. */
export function amiIdOf(snapshotId: string): string {
  return snapshotId.replace(/^snap-/, 'ami-');
}

/** Whether a user of layers is a snapshot, which keeps them until it is deleted. */
export function isSnapshot(owner: string): boolean {
  return owner.startsWith(PREFIX);
}

/** Deregistered AMIs of an account in a Region whose snapshots were kept, oldest first. */
export async function amisOfKeptSnapshots(db: Queryable, { account, region }: Place): Promise<readonly Ami[]> {
  const uses = await db.selectFrom('layer_uses').select('owner').where('owner', 'like', `${PREFIX}%`).execute();
  if (uses.length === 0) return [];
  return db
    .selectFrom('amis')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .where('state', '=', 'deregistered')
    .where(
      'id',
      'in',
      uses.map(({ owner }) => amiIdOf(owner)),
    )
    .orderBy('created')
    .orderBy('id')
    .execute();
}
