/** Queries that are asked all the time: building and compiling one takes longer than the database takes to answer. */
import type { Compilable, CompiledQuery } from 'kysely';
import type { Queryable } from './catalog.ts';

/** Stands for a value while a query is built. */
class Slot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A query that is built once for a kind of database.
 * @param build makes the query; it may use each of the values as a value and nothing else, since it is given stand-ins
 * @returns asks the query with values, and answers its rows
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
