/** What functions of Packer's language share: reading their arguments, and limits. Pure. */
import { PackerFault, type Place } from '../syntax.ts';
import { hasMarker, isList, isMap, numberOf, textOf, type PackerValue } from '../values.ts';

/** A function of Packer's language. */
export type PackerFunction = (args: readonly PackerValue[], place: Place) => PackerValue;
/** Functions by name. */
export type PackerFunctions = readonly (readonly [name: string, run: PackerFunction])[];

/** Maximum length of a text or list that a function returns. */
export const MOST = 1 << 20;

/** A function of one text. */
export function text(run: (text: string) => PackerValue): PackerFunction {
  return (args, place) => run(textArgument(args, 0, place));
}

/** A function of one number. */
export function number(run: (number: number) => number): PackerFunction {
  return (args, place) => finite(run(numberArgument(args, 0, place)), place);
}

/** @throws {PackerFault} if it is missing */
export function argument(args: readonly PackerValue[], index: number, place: Place): PackerValue {
  const value = args[index];
  if (value === undefined) throw new PackerFault(`argument ${index + 1} is missing`, place);
  return value;
}

export function textArgument(args: readonly PackerValue[], index: number, place: Place): string {
  return textOf(argument(args, index, place), place);
}

export function numberArgument(args: readonly PackerValue[], index: number, place: Place): number {
  return numberOf(argument(args, index, place), place);
}

export function listArgument(args: readonly PackerValue[], index: number, place: Place): readonly PackerValue[] {
  return listOf(argument(args, index, place), place);
}

export function mapArgument(
  args: readonly PackerValue[],
  index: number,
  place: Place,
): ReadonlyMap<string, PackerValue> {
  return mapOf(argument(args, index, place), place);
}

export function listOf(value: PackerValue, place: Place): readonly PackerValue[] {
  if (isList(value)) return value;
  throw new PackerFault('expected a list', place);
}

export function mapOf(value: PackerValue, place: Place): ReadonlyMap<string, PackerValue> {
  if (isMap(value)) return value.map;
  throw new PackerFault('expected a map', place);
}

/** Rejects what is not a number in Packer's language, such as 0/0. */
export function finite(value: number, place: Place): number {
  if (Number.isFinite(value)) return value;
  throw new PackerFault('the result is not a number', place);
}

/** A text that is known now: the time of the build is not. @throws {PackerFault} */
export function known(value: string, place: Place): string {
  if (hasMarker(value)) throw new PackerFault('it needs a value that is known only when the image is built', place);
  return value;
}

/** @throws {PackerFault} if a text or list would be too long */
export function limited(length: number, place: Place): void {
  if (length > MOST) throw new PackerFault('the text becomes too long', place);
}
