/** The functions whose arguments are values: each gets its evaluated argument. */
import type { Position } from '../documents/position.ts';
import { type Faults, suggestion } from './faults.ts';
import { describe, type ScalarNode, textAt, type Value, type ValueList } from './nodes.ts';
import type { Scope } from './scope.ts';

/** Maximum characters of a text that a function returns: the maximum of a template. */
export const MAX_TEXT = 1 << 20;
/** Maximum number of networks from Fn::Cidr. */
const MOST_NETWORKS = 256;

/** A call that is being evaluated. */
export interface Call {
  readonly name: string;
  readonly position: Position;
  readonly path: string;
  readonly scope: Scope;
  readonly faults: Faults;
}

type ValueFunction = (argument: Value, call: Call) => Value | undefined;

/** Functions by name. An unknown argument makes the result unknown, if it matters. */
export const VALUE_FUNCTIONS: ReadonlyMap<string, ValueFunction> = new Map<string, ValueFunction>([
  ['Fn::Base64', base64],
  ['Fn::Cidr', cidr],
  ['Fn::FindInMap', findInMap],
  ['Fn::GetAZs', zones],
  ['Fn::ImportValue', importValue],
  ['Fn::Join', join],
  ['Fn::Length', length],
  ['Fn::Select', select],
  ['Fn::Split', split],
  ['Fn::ToJsonString', toJsonString],
]);

/** The macro that includes a file. */
export const INCLUDE = 'AWS::Include';

/** Functions that need `Transform: AWS::LanguageExtensions`. */
export const EXTENSION_FUNCTIONS: readonly string[] = ['Fn::Length', 'Fn::ToJsonString'];

function wrong(call: Call, position: Position, message: string): undefined {
  call.faults.add('wrong-type', position, call.path, `${call.name} ${message}`);
  return undefined;
}

function unknown(call: Call): Value {
  return { kind: 'unknown', position: call.position };
}

function listOf(items: readonly string[], position: Position): ValueList {
  return { kind: 'list', items: items.map((item) => textAt(item, position)), position };
}

/** The items of a list of this length, or `undefined` if it is not one. */
function itemsOf(argument: Value, least: number, most: number): readonly Value[] | undefined {
  if (argument.kind !== 'list' || argument.items.length < least || argument.items.length > most) return undefined;
  return argument.items;
}

function join(argument: Value, call: Call): Value | undefined {
  const [delimiter, list] = itemsOf(argument, 2, 2) ?? [];
  if (delimiter?.kind === 'unknown' || list?.kind === 'unknown') return unknown(call);
  if (delimiter?.kind !== 'scalar' || list === undefined) return wrong(call, argument.position, JOIN_TAKES);
  if (list.kind !== 'list') return wrong(call, list.position, `joins a list, found ${describe(list)}: ${JOIN_TAKES}`);
  let result = '';
  let open = false;
  for (const [index, item] of list.items.entries()) {
    if (item.kind === 'unknown') open = true;
    else if (item.kind !== 'scalar') wrong(call, item.position, `joins strings, found ${describe(item)}`);
    else result += (index === 0 ? '' : delimiter.text) + item.text;
    if (result.length > MAX_TEXT) return tooLong(call);
  }
  return open ? unknown(call) : textAt(result, call.position);
}

const JOIN_TAKES = 'takes [delimiter, list]';

/** The fault of a text that would exceed the limit. */
export function tooLong({
  faults,
  position,
  path,
  name,
}: Pick<Call, 'faults' | 'position' | 'path' | 'name'>): undefined {
  faults.add('invalid-value', position, path, `${name} makes a text of more than ${MAX_TEXT} characters`);
  return undefined;
}

function select(argument: Value, call: Call): Value | undefined {
  const [index, list] = itemsOf(argument, 2, 2) ?? [];
  if (index?.kind === 'unknown' || list?.kind === 'unknown') return unknown(call);
  if (index?.kind !== 'scalar' || !/^\d{1,6}$/.test(index.text) || list?.kind !== 'list')
    return wrong(call, argument.position, 'takes [index, list], and the first index is 0');
  const item = list.items[Number(index.text)];
  if (item !== undefined) return { ...item, position: call.position };
  const many = `the list has ${list.items.length} item${list.items.length === 1 ? '' : 's'}`;
  call.faults.add('invalid-value', call.position, call.path, `Fn::Select: no item ${index.text}: ${many}`);
  return undefined;
}

function split(argument: Value, call: Call): Value | undefined {
  const [delimiter, text] = itemsOf(argument, 2, 2) ?? [];
  if (delimiter?.kind === 'unknown' || text?.kind === 'unknown') return unknown(call);
  if (delimiter?.kind !== 'scalar' || text?.kind !== 'scalar' || delimiter.text === '')
    return wrong(call, argument.position, 'takes [delimiter, string]');
  return listOf(text.text.split(delimiter.text), call.position);
}

function base64(argument: Value, call: Call): Value | undefined {
  if (argument.kind === 'unknown') return unknown(call);
  if (argument.kind !== 'scalar') return wrong(call, argument.position, `takes a string, found ${describe(argument)}`);
  return textAt(Buffer.from(argument.text, 'utf8').toString('base64'), call.position);
}

/** Three zones of a Region, the number that most Regions have. */
function zones(argument: Value, call: Call): Value | undefined {
  if (argument.kind === 'unknown') return unknown(call);
  if (argument.kind !== 'scalar')
    return wrong(
      call,
      argument.position,
      `takes the name of a Region, or '' for this one, found ${describe(argument)}`,
    );
  const region = argument.text === '' ? call.scope.pseudo.region : argument.text;
  return listOf(
    ['a', 'b', 'c'].map((zone) => `${region}${zone}`),
    call.position,
  );
}

function importValue(argument: Value, call: Call): Value | undefined {
  if (argument.kind === 'unknown') return unknown(call);
  if (argument.kind !== 'scalar')
    return wrong(call, argument.position, `takes the name of an export, found ${describe(argument)}`);
  const value = call.scope.surroundings.exportValue?.(argument.text);
  if (value !== undefined) return textAt(value, call.position);
  call.faults.add(
    'unknown-export',
    call.position,
    call.path,
    `no stack exports '${argument.text}': deploy the stack that does, or give the value with ` +
      `--import ${argument.text}=VALUE`,
  );
  // The fault was reported, so its result must not be reported as well.
  return unknown(call);
}

function findInMap(argument: Value, call: Call): Value | undefined {
  const items = itemsOf(argument, 3, 4);
  if (items === undefined) return wrong(call, argument.position, 'takes [map, top-level key, second-level key]');
  const [map, top, second, options] = items as [Value, Value, Value, Value | undefined];
  if (options !== undefined && !call.scope.extensions) return needsExtensions(call, 'DefaultValue of Fn::FindInMap');
  if (options !== undefined && (options.kind !== 'map' || !options.entries.has('DefaultValue')))
    return wrong(call, options.position, 'takes {DefaultValue: …} as its fourth item');
  const otherwise = options?.kind === 'map' ? options.entries.get('DefaultValue')!.value : undefined;
  if (map.kind === 'unknown' || top.kind === 'unknown' || second.kind === 'unknown') return unknown(call);
  if (map.kind !== 'scalar' || top.kind !== 'scalar' || second.kind !== 'scalar')
    return wrong(call, argument.position, 'takes three strings: the map and two keys');
  const mapping = call.scope.mappings.get(map.text);
  const found = mapping?.get(top.text)?.get(second.text);
  if (found !== undefined) return { ...found, position: call.position };
  if (otherwise !== undefined) return { ...otherwise, position: call.position };
  const missing =
    mapping === undefined
      ? missingKey('mapping', map, [...call.scope.mappings.keys()])
      : mapping.has(top.text)
        ? missingKey(`second-level key of ${map.text}.${top.text}`, second, [...mapping.get(top.text)!.keys()])
        : missingKey(`top-level key of the mapping ${map.text}`, top, [...mapping.keys()]);
  call.faults.add('unknown-reference', call.position, call.path, `Fn::FindInMap: ${missing}`);
  return undefined;
}

function missingKey(what: string, key: ScalarNode, known: readonly string[]): string {
  return `no ${what} is called '${key.text}'${suggestion(key.text, known)}`;
}

/** The fault of a function that needs `AWS::LanguageExtensions`. */
export function needsExtensions(call: Pick<Call, 'faults' | 'position' | 'path'>, what: string): undefined {
  call.faults.add(
    'not-supported',
    call.position,
    call.path,
    `${what} needs the line 'Transform: AWS::LanguageExtensions' in the template`,
  );
  return undefined;
}

function length(argument: Value, call: Call): Value | undefined {
  if (argument.kind === 'unknown') return unknown(call);
  if (argument.kind !== 'list') return wrong(call, argument.position, `counts a list, found ${describe(argument)}`);
  const { length: value } = argument.items;
  return { kind: 'scalar', value, text: String(value), position: call.position };
}

function toJsonString(argument: Value, call: Call): Value | undefined {
  if (argument.kind !== 'list' && argument.kind !== 'map' && argument.kind !== 'unknown')
    return wrong(call, argument.position, `takes a map or a list, found ${describe(argument)}`);
  const plain = plainValue(argument);
  if (plain === undefined) return unknown(call);
  const text = JSON.stringify(plain);
  return text.length > MAX_TEXT ? tooLong(call) : textAt(text, call.position);
}

/** A value as JSON, or `undefined` if any part is unknown. */
export function plainValue(value: Value): unknown {
  if (value.kind === 'unknown') return undefined;
  if (value.kind === 'scalar') return value.value;
  if (value.kind === 'list') {
    const items = value.items.map(plainValue);
    return items.includes(undefined) ? undefined : items;
  }
  const entries = [...value.entries].map(([key, entry]) => [key, plainValue(entry.value)] as const);
  return entries.some(([, entry]) => entry === undefined) ? undefined : Object.fromEntries(entries);
}

function cidr(argument: Value, call: Call): Value | undefined {
  const items = itemsOf(argument, 2, 3);
  if (items?.some((item) => item.kind === 'unknown')) return unknown(call);
  const [block, count, bits] = (items ?? []).map((item) => (item.kind === 'scalar' ? item.text : ''));
  const networks = Number(count);
  const hostBits = Number(bits ?? 8);
  const network = parseNetwork(block ?? '');
  if (network === undefined || !Number.isInteger(networks) || !Number.isInteger(hostBits))
    return wrong(call, argument.position, 'takes [network, count, bits of a host], such as [10.0.0.0/16, 6, 8]');
  const free = network.width - network.prefix - hostBits;
  const refuse = (why: string): undefined => {
    call.faults.add('invalid-value', call.position, call.path, `Fn::Cidr: ${why}`);
    return undefined;
  };
  if (networks < 1 || networks > MOST_NETWORKS) return refuse(`the count ${count} is not from 1 to ${MOST_NETWORKS}`);
  if (hostBits < 1 || free < 0) return refuse(`${block} has no network with ${hostBits} bits for hosts`);
  if (free < 9 && networks > 2 ** free)
    return refuse(`${block} has ${2 ** free} networks with ${hostBits} bits for hosts, not ${networks}`);
  const prefix = network.width - hostBits;
  return listOf(
    Array.from({ length: networks }, (_, index) => {
      const address = network.address + (BigInt(index) << BigInt(hostBits));
      return `${formatAddress(address, network.width)}/${prefix}`;
    }),
    call.position,
  );
}

interface Network {
  readonly address: bigint;
  readonly prefix: number;
  /** 32 or 128. */
  readonly width: number;
}

function parseNetwork(text: string): Network | undefined {
  const slash = text.lastIndexOf('/');
  const prefix = Number(text.slice(slash + 1));
  const written = text.slice(0, slash);
  const parts = written.includes(':') ? groupsOf(written) : written.split('.').map((part) => Number(part));
  const [size, many] = written.includes(':') ? [16, 8] : [8, 4];
  const width = size * many;
  if (slash < 1 || !/^\d+$/.test(text.slice(slash + 1)) || prefix > width || parts?.length !== many) return undefined;
  if (parts.some((part) => !Number.isInteger(part) || part < 0 || part >= 2 ** size)) return undefined;
  const address = parts.reduce((sum, part) => (sum << BigInt(size)) + BigInt(part), 0n);
  const hosts = BigInt(width - prefix);
  return { address: (address >> hosts) << hosts, prefix, width };
}

/** The eight numbers of an IPv6 address. */
function groupsOf(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half) =>
    half === '' ? [] : half.split(':').map((group) => (/^[0-9a-fA-F]{1,4}$/.test(group) ? parseInt(group, 16) : NaN)),
  ) as [number[], number[] | undefined];
  if (right === undefined) return left;
  return [...left, ...Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
}

function formatAddress(address: bigint, width: number): string {
  const size = width === 32 ? 8n : 16n;
  const parts = Array.from({ length: width / Number(size) }, (_, index) =>
    Number((address >> (BigInt(width) - size * BigInt(index + 1))) & ((1n << size) - 1n)),
  );
  if (width === 32) return parts.join('.');
  // The longest run of zeros is abbreviated, as is customary.
  const text = parts.map((part) => part.toString(16)).join(':');
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].toSorted((a, b) => b[0].length - a[0].length);
  const [run] = runs;
  if (run === undefined) return text;
  const before = text.slice(0, run.index);
  const after = text.slice(run.index + run[0].length + 1);
  return `${before}::${after}`;
}
