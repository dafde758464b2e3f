/** Snapshots that were sent to AWS. Queries. */
import type { Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import type { AwsSnapshotTable } from './engine-tables.ts';

/** A snapshot on record. */
export type AwsSnapshot = Selectable<AwsSnapshotTable>;

/** The snapshot that was begun or sent for a disk in a Region with an encryption, the newest. */
export async function snapshotOfDisk(
  db: Queryable,
  { region, layer_id, encryption }: Pick<AwsSnapshot, 'region' | 'layer_id' | 'encryption'>,
): Promise<AwsSnapshot | undefined> {
  return db
    .selectFrom('aws_snapshots')
    .selectAll()
    .where('region', '=', region)
    .where('layer_id', '=', layer_id)
    .where('encryption', '=', encryption)
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** Complete snapshots of the image's earlier versions, the newest first. */
export async function earlierSnapshots(
  db: Queryable,
  { region, lineage, encryption, gib }: Pick<AwsSnapshot, 'region' | 'lineage' | 'encryption' | 'gib'>,
): Promise<readonly AwsSnapshot[]> {
  return db
    .selectFrom('aws_snapshots')
    .selectAll()
    .where('region', '=', region)
    .where('lineage', '=', lineage)
    .where('encryption', '=', encryption)
    .where('state', '=', 'completed')
    .where('gib', '<=', gib)
    .orderBy('created', 'desc')
    .limit(5)
    .execute();
}

/** Records a snapshot before it is begun. */
export async function insertSnapshot(db: Queryable, snapshot: AwsSnapshot): Promise<void> {
  await db.insertInto('aws_snapshots').values(snapshot).execute();
}

/** Changes a snapshot's record. */
export async function updateSnapshot(db: Queryable, token: string, changes: Partial<AwsSnapshot>): Promise<void> {
  await db.updateTable('aws_snapshots').set(changes).where('token', '=', token).execute();
}

/** Forgets a snapshot. */
export async function deleteSnapshot(db: Queryable, token: string): Promise<void> {
  await db.deleteFrom('aws_snapshots').where('token', '=', token).execute();
}
