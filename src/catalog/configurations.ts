/**
 * Queries that infrastructure configurations, distribution configurations and lifecycle policies share: resources with
 * a name, no version, and a record that updates replace.
 */
import type { Insertable, Updateable } from 'kysely';
import { parseArn } from '../resources/arns.ts';
import type { Queryable } from './catalog.ts';
import { removeReferences } from './dependents.ts';
import type { Conditions, Place, Slice } from './slices.ts';
import type { Tables } from './tables.ts';
import { getTagged, listTagged } from './tagged-records.ts';
import { addTags, removeAllTags, type Tags } from './tags.ts';

/** Members of every configuration. */
export interface Configuration {
  readonly arn?: string | undefined;
  readonly name?: string | undefined;
  readonly dateCreated?: string | undefined;
  readonly tags?: Tags | undefined;
}

/** Queries on one table of configurations. */
export interface ConfigurationQueries<T extends Configuration, Column extends string> {
  /**
   * Records one. `arn` names it.
   * @throws if the name exists; callers check that before
   */
  insert(db: Queryable, place: Place, configuration: T): Promise<void>;
  /** The configuration with its tags, or `undefined`. */
  get(db: Queryable, arn: string): Promise<(T & { arn: string; name: string }) | undefined>;
  /** Replaces a record; name, date of creation and tags stay. */
  replace(db: Queryable, configuration: T): Promise<void>;
  /** Sorted by name, with tags. */
  list(db: Queryable, place: Place, conditions: Conditions<Column>, slice: Slice): Promise<readonly T[]>;
  /** Deletes one. Returns whether it existed. */
  remove(db: Queryable, arn: string): Promise<boolean>;
}

/** Position in lists: the name. */
export function configurationPosition(configuration: Configuration): readonly (string | number)[] {
  return [parseArn(configuration.arn!)!.slug];
}

type Table = 'infrastructure_configurations' | 'distribution_configurations' | 'lifecycle_policies';

/**
 * The queries on a table of configurations.
 * @param columns values for the additional columns of the table
 */
export function configurationQueries<T extends Configuration, Column extends string = 'name'>(
  table: Table,
  columns: (configuration: T) => object = () => ({}),
): ConfigurationQueries<T, Column> {
  return {
    async insert(db, place, { tags, ...record }) {
      const row = {
        arn: record.arn!,
        account: place.account,
        region: place.region,
        slug: parseArn(record.arn!)!.slug,
        name: record.name!,
        date_created: record.dateCreated!,
        record: JSON.stringify(record),
        ...columns(record as T),
      };
      await db
        .insertInto(table)
        .values(row as Insertable<Tables[Table]>)
        .execute();
      await addTags(db, record.arn!, tags);
    },
    get: (db, arn) => getTagged(db, table, arn),
    async replace(db, { tags: _tags, ...record }) {
      await db
        .updateTable(table)
        .set({ record: JSON.stringify(record), ...columns(record as T) } as Updateable<Tables[Table]>)
        .where('arn', '=', record.arn!)
        .execute();
    },
    list: (db, place, conditions, slice) => listTagged(db, table, ['slug'], { place, conditions, slice }),
    async remove(db, arn) {
      const { numDeletedRows } = await db.deleteFrom(table).where('arn', '=', arn).executeTakeFirstOrThrow();
      await removeReferences(db, arn);
      await removeAllTags(db, arn);
      return numDeletedRows > 0n;
    },
  };
}
