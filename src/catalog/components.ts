/** Queries on components. */
import type { Component } from '@aws-sdk/client-imagebuilder';
import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { Queryable } from './catalog.ts';
import { documentQueries } from './documents.ts';
import { forgetNamedFiles } from './kept-files.ts';
import type { Place } from './slices.ts';

/** A component with the required members. */
export type StoredComponent = Component & {
  arn: string;
  name: string;
  version: string;
  platform: NonNullable<Component['platform']>;
  data: string;
};

/** Columns that lists can be filtered by. */
type ComponentColumn = 'name' | 'platform' | 'type' | 'status' | 'description' | 'version';

const queries = documentQueries<StoredComponent, ComponentColumn>('components', ({ platform, state, description }) => ({
  platform,
  status: state?.status ?? 'ACTIVE',
  description: description ?? null,
}));

/** Queries on components. */
export const components = {
  ...queries,

  async insert(db: Queryable, place: Place, component: StoredComponent, contentHash: string): Promise<void> {
    await queries.insert(db, place, component, contentHash);
    const versions = [...new Set(component.supportedOsVersions)].map((os_version) => ({
      arn: component.arn,
      os_version,
    }));
    if (versions.length > 0) await db.insertInto('component_os_versions').values(versions).execute();
  },

  async remove(db: Queryable, arn: string): Promise<void> {
    await queries.remove(db, arn);
    await forgetNamedFiles(db, arn);
    await db.deleteFrom('component_os_versions').where('arn', '=', arn).execute();
  },
};

/** Whether a component in a list supports one of these versions of operating systems. */
export function supportsOneOf(versions: readonly string[]): RawBuilder<SqlBool> {
  if (versions.length === 0) return sql<SqlBool>`1 = 0`;
  return sql<SqlBool>`exists (
    select 1 from component_os_versions as o where o.arn = d.arn and o.os_version in (${sql.join([...versions])}))`;
}
