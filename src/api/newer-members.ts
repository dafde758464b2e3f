/** Makes schemas in the SDK's form from the overlay of newer members (`data/newer-members.json`). */
import { NormalizedSchema } from '@smithy/core/schema';
import { NEWER_SHAPES, type NewerShape } from '../resources/newer-members.ts';

const NAMESPACE = 'com.amazonaws.imagebuilder';

// The SDK's numbers for simple types and kinds of schemas.
const SIMPLE: Readonly<Record<string, number>> = { string: 0, integer: 1, boolean: 2 };
const [LIST, STRUCTURE] = [1, 3];
/** Simple shapes of the API data that members of the overlay use. */
const BOOLEANS = ['Boolean', 'NullableBoolean'];

/** Name and schema of each member that the overlay adds to an SDK structure. */
export function newerMembers(structure: object): Iterable<readonly [string, NormalizedSchema]> {
  const [, namespace, name] = structure as readonly unknown[];
  const added = namespace === NAMESPACE ? NEWER_SHAPES[String(name)] : undefined;
  if (added === undefined || added.type !== undefined) return [];
  return NormalizedSchema.of(structureOf(String(name), added) as never).structIterator();
}

function schemaOf(name: string): unknown {
  const shape = NEWER_SHAPES[name];
  if (shape === undefined) return SIMPLE[BOOLEANS.includes(name) ? 'boolean' : 'string'];
  if (shape.type === 'list') return [LIST, NAMESPACE, name, 0, schemaOf(shape.member!)];
  return shape.type === 'structure' ? structureOf(name, shape) : SIMPLE[shape.type!];
}

function structureOf(name: string, { members = {} }: NewerShape): unknown {
  const schemas = Object.values(members).map(({ shape }) => schemaOf(shape));
  return [STRUCTURE, NAMESPACE, name, 0, Object.keys(members), schemas];
}
