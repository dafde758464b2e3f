/**
 * Parts of the JSON Schemas for editors. The schemas in `schemas/` are generated from the registers that the validator
 * uses.
 */

/** A JSON Schema, draft 7, which editors support best. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Where a text is expected, the text of any scalar is accepted. */
export const SCALAR: JsonSchema = { type: ['string', 'number', 'boolean'] };

/** The dialect; the schema has no `$id`, because it is used from the project's folder. */
export const DIALECT = 'http://json-schema.org/draft-07/schema#';

export const SCHEMA_VERSION: JsonSchema = {
  description: 'Version of the document language: 1.0.',
  enum: [1, '1.0', '1'],
};

/** A map with these members and no others. */
export function closedMap(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
  more: JsonSchema = {},
): JsonSchema {
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties,
    additionalProperties: false,
    ...more,
  };
}

/** A schema for the steps whose `action` has this name. */
export function forAction(name: string, then: JsonSchema): JsonSchema {
  return { if: { properties: { action: { const: name } }, required: ['action'] }, then };
}

/** The JSON text of a schema for its file. */
export function schemaText(schema: JsonSchema): string {
  return `${JSON.stringify(schema, undefined, 1)}\n`;
}
