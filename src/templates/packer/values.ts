/** Values of Packer's expressions. Pure. */
import { PackerFault, type Place } from './syntax.ts';

/** A value. Objects are maps, so that no key has a meaning in JavaScript. */
export type PackerValue =
  | string
  | number
  | boolean
  | null
  | readonly PackerValue[]
  | { readonly map: ReadonlyMap<string, PackerValue> };

/** Begins a marker in a text for a value that is known only when an image is built, or that a data source finds. */
const OPEN = '\ue000';
const CLOSE = '\ue001';
/** The time of the build. */
export const BUILD_TIME = `${OPEN}time${CLOSE}`;
/** Marker for a value that is unique per build. */
export const UNIQUE = `${OPEN}unique${CLOSE}`;

/** Marker for a data source's value. */
export function dataMarker(type: string, name: string): string {
  return `${OPEN}data ${type} ${name}${CLOSE}`;
}

/** The data source, if the whole text refers to one. */
export function dataOf(text: string): readonly [type: string, name: string] | undefined {
  const found = /^\ue000data (\S+) (\S+)\ue001$/.exec(text);
  return found === null ? undefined : [found[1]!, found[2]!];
}

/** The text with each marker replaced. */
export function replaceMarkers(text: string, put: (marker: string) => string): string {
  return text.replace(/\ue000[^\ue001]*\ue001/g, put);
}

export function hasMarker(text: string): boolean {
  return text.includes(OPEN);
}

export function isMap(value: PackerValue): value is { readonly map: ReadonlyMap<string, PackerValue> } {
  return typeof value === 'object' && value !== null && 'map' in value;
}

export function isList(value: PackerValue): value is readonly PackerValue[] {
  return Array.isArray(value);
}

/** @throws {PackerFault} */
export function textOf(value: PackerValue, place: Place): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new PackerFault(`expected a text, found ${kindOf(value)}`, place);
}

/** @throws {PackerFault} */
export function numberOf(value: PackerValue, place: Place): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new PackerFault(`expected a number, found ${kindOf(value)}`, place);
}

/** @throws {PackerFault} */
export function booleanOf(value: PackerValue, place: Place): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new PackerFault(`expected true or false, found ${kindOf(value)}`, place);
}

function kindOf(value: PackerValue): string {
  if (value === null) return 'null';
  if (isList(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `${typeof value === 'string' ? 'the text' : 'the value'} '${value}'`;
}
