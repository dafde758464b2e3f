/** A template as it was written: values with their places, and functions that are not evaluated yet. */
import type { Position } from '../documents/position.ts';

/** A value of a template, before functions are evaluated. */
export type TemplateNode = ScalarNode | ListNode | MapNode | CallNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean;
  /** The value as it was written, which is what a string gets: `1.0`, `0777`. */
  readonly text: string;
  readonly position: Position;
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
  /** Where the key stands. */
  readonly position: Position;
  readonly value: TemplateNode;
}

/** An intrinsic function: `!Ref X`, `{Ref: X}`, `{"Fn::Sub": …}`. */
export interface CallNode {
  readonly kind: 'call';
  readonly name: CallName;
  readonly argument: TemplateNode;
  readonly position: Position;
}

export type CallName = 'Ref' | 'Fn::GetAtt' | 'Fn::Sub' | 'Fn::Join';

/** A value after evaluation; `unknown` stands for what a resource that does not exist yet will answer. */
export type Value = ScalarNode | ValueList | ValueMap | UnknownValue;

interface ValueList {
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

/** How a kind of value is called in a message. */
export function describe(value: TemplateNode | Value): string {
  if (value.kind === 'scalar')
    return typeof value.value === 'string'
      ? 'a string'
      : typeof value.value === 'number'
        ? 'a number'
        : 'true or false';
  if (value.kind === 'list') return 'a list';
  if (value.kind === 'map') return 'a map';
  return value.kind === 'call' ? `a ${value.name}` : 'a value that is not known yet';
}
