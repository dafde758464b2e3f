/** Reads a step's inputs. Their form was validated, but values from references are only known now. Pure. */
import type { InputValue } from '../../documents/component/document.ts';
import { InputError } from '../module.ts';

/** The inputs as a map. */
export function mapOf(inputs: InputValue, where = 'inputs'): Readonly<Record<string, InputValue>> {
  if (typeof inputs === 'object' && inputs !== null && !Array.isArray(inputs))
    return inputs as Readonly<Record<string, InputValue>>;
  if (inputs === null) return {};
  throw new InputError(`${where}: expected a map`);
}

/** The items of inputs that are a list of maps; a single map counts as a list of one. */
export function itemsOf(inputs: InputValue): readonly InputValue[] {
  return Array.isArray(inputs) ? (inputs as readonly InputValue[]) : [inputs];
}

/** A scalar's text, or `undefined` if it is absent. */
export function optionalText(map: Readonly<Record<string, InputValue>>, name: string): string | undefined {
  const value = map[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') throw new InputError(`${name}: expected one value`);
  return String(value);
}

/** A scalar's text. @throws {InputError} if it is absent or empty */
export function text(map: Readonly<Record<string, InputValue>>, name: string): string {
  const value = optionalText(map, name);
  if (value === undefined || value === '') throw new InputError(`${name}: a value is needed`);
  return value;
}

/** A list's texts; empty if it is absent. A single scalar counts as a list of one. */
export function texts(map: Readonly<Record<string, InputValue>>, name: string): readonly string[] {
  const value = map[name];
  if (value === undefined || value === null) return [];
  const items: readonly InputValue[] = Array.isArray(value) ? value : [value as InputValue];
  return items.map((item, index) => {
    if (item === null) return '';
    if (typeof item === 'object') throw new InputError(`${name}[${index}]: expected one value`);
    return String(item);
  });
}

/** A boolean. References turn it into text. */
export function flag(map: Readonly<Record<string, InputValue>>, name: string, otherwise: boolean): boolean {
  const value = optionalText(map, name)?.trim().toLowerCase();
  if (value === undefined || value === '') return otherwise;
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw new InputError(`${name}: expected true or false, not "${value}"`);
}

/** An integer of at least 0. */
export function wholeNumber(map: Readonly<Record<string, InputValue>>, name: string, otherwise: number): number {
  const value = optionalText(map, name)?.trim();
  if (value === undefined || value === '') return otherwise;
  if (!/^[0-9]{1,9}$/.test(value)) throw new InputError(`${name}: expected a whole number, not "${value}"`);
  return Number(value);
}

/**
 * File permissions as four octal digits.
 * @throws {InputError} if they are invalid, or required and absent
 */
export function mode(map: Readonly<Record<string, InputValue>>, name: string): string | undefined;
export function mode(map: Readonly<Record<string, InputValue>>, name: string, needed: 'needed'): string;
export function mode(map: Readonly<Record<string, InputValue>>, name: string, needed?: 'needed'): string | undefined {
  const value = needed === undefined ? optionalText(map, name) : text(map, name);
  if (value === undefined) return undefined;
  if (/^0?[0-7]{1,4}$/.test(value)) return value.slice(-4).padStart(4, '0');
  throw new InputError(`${name}: expected an octal number such as 0644, not "${value}"`);
}
