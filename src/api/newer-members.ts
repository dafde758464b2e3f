/** Makes schemas in the SDK's form from the overlay of newer members (`data/newer-members.json`). */
import { NormalizedSchema } from '@smithy/core/schema';
import { NEWER_SHAPES, type NewerShape } from '../resources/newer-members.ts';

const NAMESPACE = 'com.amazonaws.imagebuilder';

// The SDK's numbers for simple types and kinds of schemas.
const SIMPLE: Readonly<Record<string, number>> = { string: 0, integer: 1, boolean: 2 };
const LIST = 1;
const STRUCTURE = 3;
/** Simple shapes of the API data that members of the overlay use. */
const BOOLEANS = ['Boolean', 'NullableBoolean'];

/** Name and schema of each member that the overlay adds to an SDK structure. */
export function newerMembers(structure: object): Iterable<readonly [string, NormalizedSchema]> {
  const [, namespace, name] = structure as readonly unknown[];
  const added = namespace === NAMESPACE ? NEWER_SHAPES[String(name)] : undefined;
  if (added === undefined || added.type !== undefined) return [];
  return NormalizedSchema.of(structureOf(String(name), added) as never).structIterator();
}

const widened = new WeakMap<object, unknown>();

/**
 * A copy of an SDK schema, with the overlay's members in each of its structures: for a client that sends and reads
 * them. The SDK's own schema stays as it is.
 */
export function withNewerSchemas(schema: unknown): unknown {
  if (typeof schema === 'function') return () => withNewerSchemas((schema as () => unknown)());
  if (!Array.isArray(schema)) return schema;
  const known = widened.get(schema);
  if (known !== undefined) return known;
  const copy = copied(schema);
  widened.set(schema, copy);
  return copy;
}

function copied(schema: readonly unknown[]): unknown {
  const [kind, namespace, name, traits, ...rest] = schema;
  // A member with traits of its own: its schema and the traits.
  if (schema.length === 2) return [withNewerSchemas(kind), namespace];
  if (kind !== STRUCTURE) return [kind, namespace, name, traits, ...rest.map(withNewerSchemas)];
  const [names, schemas, required] = rest as [readonly string[], readonly unknown[], number | undefined];
  const added = namespace === NAMESPACE ? NEWER_SHAPES[String(name)] : undefined;
  const [, , , , newerNames, newerSchemas] = structureOf(String(name), added ?? {});
  return [
    ...[kind, namespace, name, traits],
    [...names, ...newerNames],
    [...schemas.map(withNewerSchemas), ...newerSchemas],
    required,
  ];
}

function schemaOf(name: string): unknown {
  const shape = NEWER_SHAPES[name];
  if (shape === undefined) return SIMPLE[BOOLEANS.includes(name) ? 'boolean' : 'string'];
  if (shape.type === 'list') return [LIST, NAMESPACE, name, 0, schemaOf(shape.member!)];
  return shape.type === 'structure' ? structureOf(name, shape) : SIMPLE[shape.type!];
}

type StructureSchema = [number, string, string, number, readonly string[], readonly unknown[]];

function structureOf(name: string, { members = {} }: NewerShape): StructureSchema {
  const schemas = Object.values(members).map(({ shape }) => schemaOf(shape));
  return [STRUCTURE, NAMESPACE, name, 0, Object.keys(members), schemas];
}
