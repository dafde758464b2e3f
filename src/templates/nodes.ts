/** A template as written: values with their positions, and functions that are not evaluated yet. */
import type { Position } from '../documents/position.ts';

/** A value of a template, before functions are evaluated. */
export type TemplateNode = ScalarNode | ListNode | MapNode | CallNode | NullNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean;
  /** The value as written, which a string gets: `1.0`, `0777`. */
  readonly text: string;
  readonly position: Position;
  /** Where the text itself begins, if its lines are lines of the file: a literal block, or a text on one line. */
  readonly start?: Position;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly TemplateNode[];
  readonly position: Position;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly position: Position;
}

export interface MapEntry {
  /** Position of the key. */
  readonly position: Position;
  readonly value: TemplateNode;
}

/** A key without a value, which is a fault only if it is evaluated. */
interface NullNode {
  readonly kind: 'null';
  readonly position: Position;
}

/** An intrinsic function: `!Ref X`, `{Ref: X}`, `{"Fn::Sub": …}`. */
export interface CallNode {
  readonly kind: 'call';
  /** The long name, also for unknown functions: properties that are not evaluated may contain any. */
  readonly name: string;
  /** As written, such as `!Sub`. */
  readonly written: string;
  readonly argument: TemplateNode;
  readonly position: Position;
}

/** A value after evaluation; `unknown` is a value that depends on a resource that does not exist yet. */
export type Value = ScalarNode | ValueList | ValueMap | UnknownValue;

export interface ValueList {
  readonly kind: 'list';
  readonly items: readonly Value[];
  readonly position: Position;
}

export interface ValueMap {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, { readonly position: Position; readonly value: Value }>;
  readonly position: Position;
}

interface UnknownValue {
  readonly kind: 'unknown';
  readonly position: Position;
}

/** The word for a kind of value in messages. */
export function describe(value: TemplateNode | Value): string {
  switch (value.kind) {
    case 'scalar':
      if (typeof value.value === 'string') return 'a string';
      return typeof value.value === 'number' ? 'a number' : 'true or false';
    case 'list':
      return 'a list';
    case 'map':
      return 'a map';
    case 'null':
      return 'null';
    case 'call':
      return `a ${value.name}`;
    case 'unknown':
      return 'a value that is not known yet';
  }
}

/** A string as a value. */
export function textAt(value: string, position: Position): ScalarNode {
  return { kind: 'scalar', value, text: value, position };
}
