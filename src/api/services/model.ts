/** The wire model of a service: the SDK's schemas of its operations. */
import { createRequire } from 'node:module';
import { NormalizedSchema } from '@smithy/core/schema';
import type { StaticOperationSchema } from '@smithy/types';

/** What is known of an operation without a handler. */
export interface ModelOperation {
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** Members at the top of the input that a request must have. */
  readonly required: readonly string[];
}

/** Kind of a schema that is an operation, and place of the number of required members in one of a structure. */
const OPERATION = 9;
const REQUIRED = 6;

// The SDK's package is not loaded as a whole: a client brings middleware, credential providers and more, at twice the
// memory of its schemas.
const require = createRequire(import.meta.url);

/**
 * Reads operations from a module of schemas. A name that the model lacks is absent.
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

/** Required members come first in a structure's schema, which ends with their number. */
function requiredOf(structure: NormalizedSchema): readonly string[] {
  const schema = structure.getSchema() as unknown as readonly unknown[];
  const names = (schema[4] ?? []) as readonly string[];
  return names.slice(0, (schema[REQUIRED] as number | undefined) ?? 0);
}

/**
 * The first member that is required and absent, at any depth: `Filters.1.Key`, or `undefined`.
 * @param value what a protocol decoded by the schema
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
