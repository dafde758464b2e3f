/** Frequent queries, built once: building and compiling one takes longer than the database needs to answer. */
import type { Compilable, CompiledQuery } from 'kysely';
import type { Queryable } from './catalog.ts';

/** A placeholder for a value while a query is built. */
class Slot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A query that is built once per kind of database.
 * @param build makes the query; it gets placeholders, which it may use only as values
 * @returns a function that runs the query with values and returns its rows
 */
export function preparedQuery<Values extends object, Row>(
  build: (db: Queryable, values: Values) => Compilable<Row>,
): (db: Queryable, values: Values) => Promise<Row[]> {
  const compiled = new WeakMap<object, CompiledQuery<Row>>();
  const slots = new Proxy({}, { get: (_target, name) => new Slot(String(name)) }) as Values;
  return async (db, values) => {
    const { adapter } = db.getExecutor();
    let query = compiled.get(adapter);
    if (query === undefined) compiled.set(adapter, (query = build(db, slots).compile()));
    const { rows } = await db.executeQuery<Row>({
      ...query,
      parameters: query.parameters.map((value) => (value instanceof Slot ? values[value.name as keyof Values] : value)),
    });
    return rows;
  };
}
