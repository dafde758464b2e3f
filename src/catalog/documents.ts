/** Queries that components and workflows share: documents with versions, and builds that are numbered on changes. */
import { sql, type Insertable, type RawBuilder, type SqlBool } from 'kysely';
import { parseArn, type Arn } from '../resources/arns.ts';
import type { BuildVersion, Version, VersionPattern } from '../resources/versions.ts';
import type { Queryable } from './catalog.ts';
import { removeResourcePolicy } from './resource-policies.ts';
import { meets, standsAfter, versionIs, type Conditions, type Place, type Slice } from './slices.ts';
import type { Tables } from './tables.ts';
import { addTags, removeAllTags, tagsOf, tagsOfEach, type Tags } from './tags.ts';

type Table = 'components' | 'workflows';

/** Members of every build version. */
export interface StoredDocument {
  /** ARN of the build version. */
  readonly arn: string;
  readonly name: string;
  readonly type?: string | undefined;
  /** The document's text. */
  readonly data: string;
  readonly dateCreated?: string | undefined;
  readonly tags?: Tags | undefined;
}

/** The key of a document: a workflow's type is part of its name. */
export type DocumentName = Pick<Arn, 'slug' | 'workflowType'>;

/** Queries on one table of documents. Lists have no `data`. */
export interface DocumentQueries<T extends StoredDocument, Column extends string> {
  /** Records a build version. The next create is compared with `contentHash`. */
  insert(db: Queryable, place: Place, document: T, contentHash: string): Promise<void>;
  /** The build version with its document and tags, or `undefined`. */
  get(db: Queryable, arn: string): Promise<T | undefined>;
  /** All build versions of a name, unordered. */
  versions(
    db: Queryable,
    place: Place,
    name: DocumentName,
  ): Promise<readonly (BuildVersion & { readonly arn: string })[]>;
  /** The latest build of one version, with its content hash. */
  latestBuild(
    db: Queryable,
    place: Place,
    name: DocumentName,
    version: Version,
  ): Promise<{ readonly arn: string; readonly build: number; readonly contentHash: string } | undefined>;
  /** The latest build of each version, in order of `documentPosition`; without tags. */
  listVersions(
    db: Queryable,
    place: Place,
    conditions: Conditions<Column>,
    slice: Slice,
    also?: RawBuilder<SqlBool>,
  ): Promise<readonly Omit<T, 'data'>[]>;
  /** The builds of the versions that match a pattern (without one, all builds of all names), sorted, with tags. */
  listBuilds(
    db: Queryable,
    place: Place,
    of: (DocumentName & { readonly version: VersionPattern }) | undefined,
    slice: Slice,
  ): Promise<readonly Omit<T, 'data'>[]>;
  /** Deletes a build version. */
  remove(db: Queryable, arn: string): Promise<void>;
}

/** Position in a list of versions: name, for workflows type, then version. */
export function documentPosition(document: { readonly arn?: string | undefined }): readonly (string | number)[] {
  const { slug, workflowType, version } = parseArn(document.arn!)!;
  const { major, minor, patch } = version as Version;
  return [slug, ...(workflowType === undefined ? [] : [workflowType.toUpperCase()]), major, minor, patch];
}

/** Position in a list of builds. */
export function documentBuildPosition(document: { readonly arn?: string | undefined }): readonly (string | number)[] {
  return [...documentPosition(document), parseArn(document.arn!)!.build!];
}

/**
 * The queries on a table of documents.
 * @param columns values for the additional columns of the table
 */
export function documentQueries<T extends StoredDocument, Column extends string>(
  table: Table,
  columns: (document: T) => object,
): DocumentQueries<T, Column> {
  const key = table === 'workflows' ? ['slug', 'type'] : ['slug'];
  const order = [...key, 'major', 'minor', 'patch'];
  const inOrder = (columnNames: readonly string[]) => sql.join(columnNames.map((column) => sql.ref(column)));
  const named = ({ slug, workflowType }: DocumentName): RawBuilder<SqlBool> =>
    workflowType === undefined
      ? sql<SqlBool>`slug = ${slug}`
      : sql<SqlBool>`slug = ${slug} and type = ${workflowType.toUpperCase()}`;
  return {
    async insert(db, place, { data, tags, ...record }, contentHash) {
      const { slug, version, build } = parseArn(record.arn)!;
      const row = {
        arn: record.arn,
        account: place.account,
        region: place.region,
        slug,
        name: record.name,
        ...(version as Version),
        build: build!,
        type: record.type!,
        data,
        content_hash: contentHash,
        date_created: record.dateCreated!,
        record: JSON.stringify(record),
        ...columns({ data, tags, ...record } as T),
      };
      await db
        .insertInto(table)
        .values(row as unknown as Insertable<Tables[Table]>)
        .execute();
      await addTags(db, record.arn, tags);
    },

    async get(db, arn) {
      const row = await db.selectFrom(table).select(['record', 'data']).where('arn', '=', arn).executeTakeFirst();
      return row === undefined
        ? undefined
        : { ...(JSON.parse(row.record) as T), data: row.data, tags: await tagsOf(db, arn) };
    },

    async versions(db, place, name) {
      return db
        .selectFrom(table)
        .select(['arn', 'major', 'minor', 'patch', 'build'])
        .where('account', '=', place.account)
        .where('region', '=', place.region)
        .where(named(name))
        .execute();
    },

    async latestBuild(db, place, name, { major, minor, patch }) {
      const row = await db
        .selectFrom(table)
        .select(['arn', 'build', 'content_hash'])
        .where('account', '=', place.account)
        .where('region', '=', place.region)
        .where(named(name))
        .where('major', '=', major)
        .where('minor', '=', minor)
        .where('patch', '=', patch)
        .orderBy('build', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? undefined : { arn: row.arn, build: row.build, contentHash: row.content_hash };
    },

    async listVersions(db, place, conditions, slice, also = sql<SqlBool>`1 = 1`) {
      const same = ['account', 'region', ...order].map(
        (column) => sql`${sql.ref(`later.${column}`)} = ${sql.ref(`d.${column}`)}`,
      );
      const latest = sql<SqlBool>`not exists (
        select 1 from ${sql.table(table)} as later where ${sql.join(same, sql` and `)} and later.build > d.build)`;
      // Both tables have the columns that are read, but the types know only one table under an alias.
      const rows = await db
        .selectFrom(`${table} as d` as 'components as d')
        .select('d.record')
        .where('d.account', '=', place.account)
        .where('d.region', '=', place.region)
        .where(latest)
        .where(meets(conditions, 'd'))
        .where(also)
        .where(
          standsAfter(
            order.map((column) => `d.${column}`),
            slice,
          ),
        )
        .orderBy(inOrder(order.map((column) => `d.${column}`)))
        .limit(slice.limit + 1)
        .execute();
      return rows.map((row) => JSON.parse(row.record) as Omit<T, 'data'>);
    },

    async listBuilds(db, place, of, slice) {
      let query = db
        .selectFrom(table)
        .select(['arn', 'record'])
        .where('account', '=', place.account)
        .where('region', '=', place.region);
      if (of !== undefined) query = query.where(named(of)).where(versionIs(of.version));
      const rows = await query
        .where(standsAfter([...order, 'build'], slice))
        .orderBy(inOrder([...order, 'build']))
        .limit(slice.limit + 1)
        .execute();
      const tags = await tagsOfEach(
        db,
        rows.map(({ arn }) => arn),
      );
      return rows.map(({ arn, record }) => ({ ...(JSON.parse(record) as Omit<T, 'data'>), tags: tags.get(arn)! }));
    },

    async remove(db, arn) {
      await db.deleteFrom(table).where('arn', '=', arn).execute();
      await removeResourcePolicy(db, arn);
      await removeAllTags(db, arn);
    },
  };
}
