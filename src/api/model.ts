/**
 * The wire model of EC2 Image Builder: all operations with method, URI, status, input and output. It is the SDK's own
 * (`@aws-sdk/client-imagebuilder` exports a schema for each operation). The constraints, which the SDK lacks, are in
 * `validate.ts`.
 */
import * as sdk from '@aws-sdk/client-imagebuilder';
import { NormalizedSchema } from '@smithy/core/schema';
import type { Command, StaticOperationSchema } from '@smithy/types';
import { newerMembers } from './newer-members.ts';

type Sdk = typeof sdk;

/** Names of all operations: `CreateComponent`, … */
export type OperationName = {
  [K in keyof Sdk]: K extends `${infer O}Command` ? (`${O}$` extends keyof Sdk ? O : never) : never;
}[keyof Sdk];

// The SDK allows `undefined` for every required member, because a caller may leave the complaint to the server. After
// validation they are present.
type Present<T> = T extends Date | string | number | boolean
  ? T
  : T extends readonly (infer E)[]
    ? Present<E>[]
    : T extends object
      ? { [K in keyof T]: Present<Exclude<T[K], undefined>> }
      : T;

type SdkCommand<O extends OperationName> = Sdk[`${O}Command`] extends new (input: never) => infer C ? C : never;

/** The input of an operation's handler: decoded and validated against the model, so required members are present. */
export type OperationInput<O extends OperationName> =
  SdkCommand<O> extends { readonly input: infer I } ? Present<I> : never;

/**
 * The output of an operation's handler. Undefined members are absent on the wire. Timestamps are `Date`, `DateTime`
 * members are strings.
 */
export type OperationOutput<O extends OperationName> =
  SdkCommand<O> extends Command<infer _I, infer _J, infer _C, infer Output, infer _D>
    ? Omit<Output, '$metadata'>
    : never;

/** The location of an input member in a request. */
export type Location = 'body' | 'query' | 'label';

/** One operation. */
export interface Operation {
  readonly name: OperationName;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/CreateComponent`, or `/tags/{resourceArn}`. */
  readonly uri: string;
  /** HTTP status of a successful response. */
  readonly status: number;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** Whether it changes anything. If so, it runs in a transaction. */
  readonly mutating: boolean;
  /** Whether its input has a client token. */
  readonly idempotent: boolean;
}

/** The traits of a schema that Ingot reads. */
interface Traits {
  readonly http?: readonly [method: string, uri: string, status: number];
  readonly httpQuery?: string;
  readonly httpLabel?: number;
  readonly jsonName?: string;
}

/** The location and wire name of an input member. */
export function memberLocation(member: NormalizedSchema): { readonly location: Location; readonly name: string } {
  const traits = member.getMergedTraits() as Traits;
  if (traits.httpQuery !== undefined) return { location: 'query', name: traits.httpQuery };
  if (traits.httpLabel) return { location: 'label', name: member.getMemberName() };
  return { location: 'body', name: traits.jsonName ?? member.getMemberName() };
}

// Lists and lookups with a body are POST, like TagResource. For all others the method decides.
function isMutating(name: string, method: string): boolean {
  return method !== 'GET' && !name.startsWith('List') && !name.startsWith('Get');
}

function read(): ReadonlyMap<OperationName, Operation> {
  const operations = new Map<OperationName, Operation>();
  for (const exported of Object.values(sdk) as unknown[]) {
    if (!Array.isArray(exported) || exported[0] !== 9) continue;
    const [, , name, traits, input, output] = exported as unknown as StaticOperationSchema;
    const [method, uri, status] = (traits as Traits).http!;
    const inputSchema = NormalizedSchema.of(input);
    operations.set(name as OperationName, {
      name: name as OperationName,
      method: method as Operation['method'],
      uri,
      status,
      input: inputSchema,
      output: NormalizedSchema.of(output),
      mutating: isMutating(name, method),
      idempotent: members(inputSchema).has('clientToken'),
    });
  }
  return operations;
}

const membersOf = new WeakMap<object, ReadonlyMap<string, NormalizedSchema>>();

/** The members of a structure by name, in the model's order, followed by those that are newer than the model. */
export function members(structure: NormalizedSchema): ReadonlyMap<string, NormalizedSchema> {
  const key = structure.getSchema() as object;
  let found = membersOf.get(key);
  if (!found) membersOf.set(key, (found = new Map([...structure.structIterator(), ...newerMembers(key)])));
  return found;
}

/** All operations, by name. */
export const OPERATIONS: ReadonlyMap<OperationName, Operation> = read();
