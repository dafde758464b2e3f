/** Functions of Packer's language on lists and maps. Pure. */
import { PackerFault, type Place } from '../syntax.ts';
import { booleanOf, isList, isMap, numberOf, textOf, type PackerValue } from '../values.ts';
import {
  argument,
  finite,
  limited,
  listArgument,
  listOf,
  mapArgument,
  mapOf,
  MOST,
  numberArgument,
  textArgument,
  type PackerFunctions,
} from './arguments.ts';

function flatten(list: readonly PackerValue[]): PackerValue[] {
  const flat: PackerValue[] = [];
  for (const item of list) {
    if (isList(item)) flat.push(...flatten(item));
    else flat.push(item);
    if (flat.length > MOST) break;
  }
  return flat;
}

/** Numbers from a start to before an end. */
function range(args: readonly PackerValue[], place: Place): readonly number[] {
  const [first, second, third] = args.map((value) => numberOf(value, place));
  if (first === undefined) throw new PackerFault('argument 1 is missing', place);
  const [start, end] = second === undefined ? [0, first] : [first, second];
  const step = third ?? (end < start ? -1 : 1);
  const count = Math.ceil((end - start) / step);
  if (step === 0 || count < 0) throw new PackerFault('range: the step does not lead to the end', place);
  if (count > 1024) throw new PackerFault('range: more than 1024 numbers', place);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

function product(lists: readonly (readonly PackerValue[])[], place: Place): readonly (readonly PackerValue[])[] {
  limited(
    lists.reduce((count, list) => count * list.length, 1),
    place,
  );
  return lists.reduce<readonly (readonly PackerValue[])[]>(
    (made, list) => made.flatMap((before) => list.map((item) => [...before, item])),
    [[]],
  );
}

function chunks(list: readonly PackerValue[], size: number, place: Place): readonly PackerValue[] {
  if (!Number.isInteger(size) || size < 0) throw new PackerFault(`chunklist: '${size}' is not a size`, place);
  if (size === 0) return [list];
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

/** Lists and maps by name. */
export const COLLECTIONS: PackerFunctions = [
  ['concat', (args, place) => args.flatMap((list) => [...listOf(list, place)])],
  ['flatten', (args, place) => flatten(listArgument(args, 0, place))],
  ['compact', (args, place) => listArgument(args, 0, place).filter((item) => item !== '' && item !== null)],
  ['distinct', (args, place) => [...new Set(listArgument(args, 0, place))]],
  ['reverse', (args, place) => listArgument(args, 0, place).toReversed()],
  [
    'sort',
    (args, place) =>
      listArgument(args, 0, place)
        .map((item) => textOf(item, place))
        .sort(),
  ],
  ['merge', (args, place) => ({ map: new Map(args.flatMap((map) => (map === null ? [] : [...mapOf(map, place)]))) })],
  ['keys', (args, place) => [...mapArgument(args, 0, place).keys()].sort()],
  [
    'values',
    (args, place) => [...mapArgument(args, 0, place)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value),
  ],
  [
    'lookup',
    (args, place) => {
      const found = mapArgument(args, 0, place).get(textArgument(args, 1, place)) ?? args[2];
      if (found === undefined) throw new PackerFault('lookup: the map has no such key, and there is no default', place);
      return found;
    },
  ],
  [
    'element',
    (args, place) => {
      const list = listArgument(args, 0, place);
      return list[numberArgument(args, 1, place) % list.length] ?? null;
    },
  ],
  [
    'index',
    (args, place) => {
      const found = listArgument(args, 0, place).indexOf(argument(args, 1, place));
      if (found === -1) throw new PackerFault('index: the list does not have the item', place);
      return found;
    },
  ],
  ['contains', (args, place) => listArgument(args, 0, place).includes(argument(args, 1, place))],
  [
    'length',
    (args, place) => {
      const value = argument(args, 0, place);
      return isList(value) ? value.length : isMap(value) ? value.map.size : [...textOf(value, place)].length;
    },
  ],
  [
    'coalesce',
    (args, place) => {
      const found = args.find((value) => value !== null && value !== '');
      if (found === undefined) throw new PackerFault('coalesce: no argument has a value', place);
      return found;
    },
  ],
  [
    'coalescelist',
    (args, place) => {
      const found = args.find((value) => value !== null && listOf(value, place).length > 0);
      if (found === undefined) throw new PackerFault('coalescelist: all lists are empty', place);
      return found;
    },
  ],
  ['chunklist', (args, place) => chunks(listArgument(args, 0, place), numberArgument(args, 1, place), place)],
  [
    'slice',
    (args, place) => {
      const list = listArgument(args, 0, place);
      const [start, end] = [numberArgument(args, 1, place), numberArgument(args, 2, place)];
      if (start < 0 || end < start || end > list.length)
        throw new PackerFault(`slice: the list has ${list.length} items, not ${start} to ${end}`, place);
      return list.slice(start, end);
    },
  ],
  ['range', range],
  [
    'zipmap',
    (args, place) => {
      const [keys, values] = [listArgument(args, 0, place), listArgument(args, 1, place)];
      if (keys.length !== values.length) throw new PackerFault('zipmap: the lists differ in length', place);
      return { map: new Map(keys.map((key, index) => [textOf(key, place), values[index]!])) };
    },
  ],
  ['setunion', (args, place) => [...new Set(args.flatMap((list) => listOf(list, place)))].sort()],
  [
    'setintersection',
    (args, place) => {
      const [first, ...others] = args.map((list) => listOf(list, place));
      return [...new Set(first)].filter((item) => others.every((list) => list.includes(item))).sort();
    },
  ],
  [
    'setproduct',
    (args, place) =>
      product(
        args.map((list) => listOf(list, place)),
        place,
      ),
  ],
  [
    'sum',
    (args, place) =>
      finite(
        listArgument(args, 0, place).reduce<number>((total, item) => total + numberOf(item, place), 0),
        place,
      ),
  ],
  ['alltrue', (args, place) => listArgument(args, 0, place).every((item) => booleanOf(item, place))],
  ['anytrue', (args, place) => listArgument(args, 0, place).some((item) => booleanOf(item, place))],
];
