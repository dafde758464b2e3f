/** The durable recorder of held things; see `platform/held.ts`. */
import type { Kysely } from 'kysely';
import type { HeldRecorder, HeldThing } from '../platform/held.ts';
import { newUuid } from '../platform/ids.ts';
import type { Tables } from './tables.ts';

/** The recorder of one owner. */
export function heldRecorder(db: Kysely<Tables>, owner: string): HeldRecorder {
  return {
    owner,
    async record(thing) {
      const id = newUuid();
      await db
        .insertInto('held_things')
        .values({ id, owner, thing: JSON.stringify(thing) })
        .execute();
      return id;
    },
    async amend(id, thing) {
      await db
        .updateTable('held_things')
        .set({ thing: JSON.stringify(thing) })
        .where('id', '=', id)
        .execute();
    },
    async free(id) {
      await db.deleteFrom('held_things').where('id', '=', id).execute();
    },
    async list() {
      const rows = await db
        .selectFrom('held_things')
        .select(['id', 'thing'])
        .where('owner', '=', owner)
        .orderBy('seq')
        .execute();
      return rows.map((row) => ({ id: row.id, thing: JSON.parse(row.thing) as HeldThing }));
    },
  };
}

/** Every owner of held things. */
export async function heldOwners(db: Kysely<Tables>): Promise<readonly string[]> {
  const rows = await db.selectFrom('held_things').select('owner').distinct().execute();
  return rows.map((row) => row.owner);
}

/** Held files and folders, with absolute paths. */
export async function heldPaths(db: Kysely<Tables>): Promise<readonly string[]> {
  const rows = await db.selectFrom('held_things').select('thing').execute();
  return rows
    .map(({ thing }) => JSON.parse(thing) as HeldThing)
    .flatMap((thing) => (thing.kind === 'path' ? [thing.path] : []));
}
