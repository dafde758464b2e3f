/** Encodes responses as XML, by the SDK's schemas. */
import type { NormalizedSchema } from '@smithy/core/schema';
import { members } from '../../model.ts';

/** The traits that give names in XML and queries. */
export interface NameTraits {
  readonly xmlName?: string;
  readonly ec2QueryName?: string;
  readonly xmlFlattened?: number;
}

/** The traits of a schema, together with those of the member that uses it. */
export function nameTraits(schema: NormalizedSchema): NameTraits {
  return schema.getMergedTraits() as NameTraits;
}

/** An XML element. @param content escaped text, or elements */
export function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

/** Escapes text for XML. */
export function escaped(text: string): string {
  // XML does not allow most control characters, not even escaped.
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/**
 * The elements of a structure's members.
 * @throws {TypeError} if a value does not have its schema's type: a bug in the handler
 */
export function elementsOf(schema: NormalizedSchema, value: object): string {
  // The operation has no output.
  if (schema.isUnitSchema()) return '';
  return [...members(schema)]
    .map(([name, member]) => {
      const given = (value as Record<string, unknown>)[name];
      if (given === undefined || given === null) return '';
      const tag = nameTraits(member).xmlName ?? name;
      if (nameTraits(member).xmlFlattened && member.isListSchema()) return items(member, given, tag);
      return element(tag, content(member, given, name));
    })
    .join('');
}

function items(list: NormalizedSchema, value: unknown, tag: string): string {
  const item = list.getValueSchema();
  return (value as readonly unknown[]).map((each) => element(tag, content(item, each, tag))).join('');
}

function content(schema: NormalizedSchema, value: unknown, path: string): string {
  if (schema.isStructSchema() && typeof value === 'object') return elementsOf(schema, value!);
  if (schema.isListSchema() && Array.isArray(value)) {
    return items(schema, value, nameTraits(schema.getValueSchema()).xmlName ?? 'member');
  }
  if (schema.isTimestampSchema() && value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (schema.isBlobSchema() && value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (schema.isStringSchema() && typeof value === 'string') return escaped(value);
  if (schema.isBooleanSchema() && typeof value === 'boolean') return String(value);
  if (schema.isNumericSchema() && typeof value === 'number') return String(value);
  throw new TypeError(`${path} is ${JSON.stringify(value)}, which its schema does not allow`);
}
