/**
 * Pages of ordered lists: the items after a position, so that items that are created or deleted meanwhile shift
 * nothing.
 */
import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { slug } from '../resources/names.ts';
import { parseVersionPattern, type VersionPattern } from '../resources/versions.ts';

/** The requested page. */
export interface Slice {
  /** Maximum number of items. One more is read, to find out whether there are more. */
  readonly limit: number;
  /** The order values of the last item before the page. */
  readonly after?: readonly (string | number)[];
}

/** The account and Region of resources. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** Whether a row is after the page's position, in the order of these columns. */
export function standsAfter(
  columns: readonly string[],
  slice: Slice,
  order: 'asc' | 'desc' = 'asc',
): RawBuilder<SqlBool> {
  if (slice.after === undefined) return sql<SqlBool>`1 = 1`;
  const position = sql.join(columns.map((column) => sql.ref(column)));
  return sql<SqlBool>`(${position}) ${sql.raw(order === 'asc' ? '>' : '<')} (${sql.join([...slice.after])})`;
}

/** Columns that must have one of the given values (`version`: match one of the patterns); without values any. */
export type Conditions<Column extends string> = Partial<Record<Column, readonly string[]>>;

/** All conditions combined. */
export function meets(conditions: Conditions<string>, table?: string): RawBuilder<SqlBool> {
  const among = (column: string, values: readonly string[]): RawBuilder<SqlBool> =>
    sql<SqlBool>`${sql.ref(table === undefined ? column : `${table}.${column}`)} in (${sql.join([...values])})`;
  const parts = Object.entries(conditions).flatMap(([column, values]) => {
    if (values === undefined) return [];
    // Two filters on one column without a common value leave no value; an empty list is not valid SQL everywhere.
    if (values.length === 0) return [sql<SqlBool>`1 = 0`];
    if (column === 'version')
      return [
        sql<SqlBool>`(${sql.join(
          values.map((value) => versionIs(parseVersionPattern(value), table)),
          sql` or `,
        )})`,
      ];
    // The indexes are on slugs; a name has exactly one.
    return column === 'name' ? [among('slug', values.map(slug)), among(column, values)] : [among(column, values)];
  });
  return parts.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`(${sql.join(parts, sql` and `)})`;
}

/** Whether a row's version matches a pattern; false without a pattern. */
export function versionIs(pattern: VersionPattern | undefined, table?: string): RawBuilder<SqlBool> {
  if (pattern === undefined) return sql<SqlBool>`1 = 0`;
  const nodes = (['major', 'minor', 'patch'] as const).flatMap((node) =>
    pattern[node] === 'x'
      ? []
      : [sql<SqlBool>`${sql.ref(table === undefined ? node : `${table}.${node}`)} = ${pattern[node]}`],
  );
  return nodes.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`(${sql.join(nodes, sql` and `)})`;
}

/** The requested page of a list in memory, which is sorted by `position`. */
export function sliceOf<T>(
  items: readonly T[],
  slice: Slice,
  position: (item: T) => readonly (string | number)[],
): readonly T[] {
  const { after } = slice;
  const rest = after === undefined ? items : items.filter((item) => comparePositions(position(item), after) > 0);
  return rest.slice(0, slice.limit + 1);
}

/** Compares positions value by value: numbers by size, text by code units. */
export function comparePositions(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index]!;
    if (value < other) return -1;
    if (value > other) return 1;
  }
  return 0;
}
