/** The wire model of a service, from the SDK's schemas of its operations. */
import { createRequire } from 'node:module';
import { NormalizedSchema } from '@smithy/core/schema';
import type { StaticOperationSchema } from '@smithy/types';

/** An operation of the model. */
export interface ModelOperation {
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** Required top-level members of the input. */
  readonly required: readonly string[];
}

/**
 * The SDK's numbers: the kind of an operation's schema, and the index of the number of required members in a
 * structure's.
 */
const OPERATION = 9;
const REQUIRED = 6;

// Only the schemas are loaded. A whole client brings middleware, credential providers and more, at twice the memory.
const require = createRequire(import.meta.url);

/**
 * Reads operations from a module of schemas; names that the model does not have are left out.
 * @param path `@aws-sdk/client-ssm/dist-cjs/schemas/schemas_0.js`
 */
export function readModel(path: string, names: readonly string[]): ReadonlyMap<string, ModelOperation> {
  const schemas = require(path) as Readonly<Record<string, unknown>>;
  return new Map(
    names.flatMap((name) => {
      const schema = schemas[`${name}$`];
      if (!Array.isArray(schema) || schema[0] !== OPERATION) return [];
      const [, , , , input, output] = schema as unknown as StaticOperationSchema;
      const inputSchema = NormalizedSchema.of(input);
      return [
        [name, { input: inputSchema, output: NormalizedSchema.of(output), required: requiredOf(inputSchema) }],
      ] as const;
    }),
  );
}

/** A structure's schema lists its required members first and ends with their number. */
function requiredOf(structure: NormalizedSchema): readonly string[] {
  const schema = structure.getSchema() as unknown as readonly unknown[];
  const names = (schema[4] ?? []) as readonly string[];
  return names.slice(0, (schema[REQUIRED] as number | undefined) ?? 0);
}

/**
 * The first required member that is absent, at any depth: `Filters.1.Key`, or `undefined`.
 * @param value the input as a protocol decoded it by the schema
 */
export function missingMember(
  schema: NormalizedSchema,
  value: unknown,
  path: readonly string[] = [],
): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (schema.isStructSchema()) {
    const given = value as Readonly<Record<string, unknown>>;
    const absent = requiredOf(schema).find((member) => given[member] === undefined || given[member] === null);
    if (absent !== undefined) return [...path, absent].join('.');
    for (const [name, member] of schema.structIterator()) {
      const missing = missingMember(member, given[name], [...path, name]);
      if (missing !== undefined) return missing;
    }
  } else if (schema.isListSchema() || schema.isMapSchema()) {
    const items = schema.isListSchema() ? (value as readonly unknown[]) : Object.values(value);
    for (const [index, item] of items.entries()) {
      const missing = missingMember(schema.getValueSchema(), item, [...path, String(index + 1)]);
      if (missing !== undefined) return missing;
    }
  }
  return undefined;
}
