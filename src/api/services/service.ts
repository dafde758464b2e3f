/** What a service on the endpoint is made of: its operations, and how its requests and answers are written. */
import type { Command } from '@smithy/types';
import type { Kysely } from 'kysely';
import type { Tables } from '../../catalog/tables.ts';
import type { Place } from '../../catalog/slices.ts';
import type { Need } from '../access/demands.ts';
import type { RequestContext } from '../context.ts';
import type { Protocol } from './protocols/protocol.ts';

/** What a handler is given besides its input. */
export interface ServiceContext extends RequestContext {
  /** `ssm:GetParameter`: the action in policies. */
  readonly operation: string;
  /**
   * The catalogue. For an operation that changes something this is a transaction: what the handler throws undoes all
   * that it wrote.
   */
  readonly db: Kysely<Tables>;
  /** Has something done once the transaction is committed, such as waking the worker. */
  readonly afterCommit: (work: () => void) => void;
}

/** One thing that has to be allowed; the action is the operation's own unless it says another. */
type ServiceNeed = Omit<Need, 'action'> & { readonly action?: string };

/** One operation of a service. */
interface ServiceOperation<Input, Output> {
  /** Whether it changes something: it then runs in a transaction and counts as a write. */
  readonly mutating: boolean;
  /** It makes its own transactions, since it removes files too: `context.db` is the catalogue. */
  readonly outside?: boolean;
  /**
   * Members of the input that the handler reads. A request with another one is rejected: to ignore it could be to do
   * something else than what was asked.
   */
  readonly takes: readonly (keyof Input & string)[];
  /** What policies have to allow. Two sides of a request (source and copy) are two needs. */
  readonly needs: (input: Input, place: Place) => readonly ServiceNeed[];
  readonly run: (input: Input, context: ServiceContext) => Promise<Output>;
}

/** An operation that nobody signs. */
export interface UnsignedOperation {
  readonly takes: readonly string[];
  readonly run: (input: never, context: Omit<RequestContext, 'identity' | 'account'>) => Promise<object>;
}

/** An operation whose types are of no interest to whoever calls it. */
export type AnyOperation = ServiceOperation<never, object>;

/** The operations of a service and its wire model. */
export interface Service {
  /** Name of the module that exports the SDK's schemas: it is loaded with the service. */
  readonly schemas: string;
  /** By the names of the model. */
  readonly operations: Readonly<Record<string, AnyOperation>>;
  /** Operations that need no signature. */
  readonly unsigned?: Readonly<Record<string, UnsignedOperation>>;
}

/** A service as the register has it: what is known of it without loading it. */
export interface ServiceEntry {
  /** As in the scope of a signature: `ssm`. */
  readonly name: string;
  /** `AWS Systems Manager` */
  readonly title: string;
  /** As the SDKs name it in `AWS_ENDPOINT_URL_…`: `SSM`, `CloudWatch Logs`. */
  readonly sdkId: string;
  readonly protocol: Protocol;
  /** Names of the operations that need no signature: the service is loaded for them before anybody is known. */
  readonly unsigned?: readonly string[];
  readonly load: () => Promise<Service>;
}

// The SDK lets every required member be undefined. Behind the checks it is there.
type Present<T> = T extends Date | string | number | boolean | Uint8Array
  ? T
  : T extends readonly (infer E)[]
    ? Present<E>[]
    : T extends object
      ? { [K in keyof T]: Present<Exclude<T[K], undefined>> }
      : T;

type CommandOf<Sdk, O> = O extends string
  ? `${O}Command` extends keyof Sdk
    ? Sdk[`${O}Command`] extends new (
        input: never,
      ) => infer C
      ? C
      : never
    : never
  : never;

/** The decoded input of an operation; `Sdk` is `typeof import('@aws-sdk/client-…')`. */
export type InputOf<Sdk, O extends string> =
  CommandOf<Sdk, O> extends { readonly input: infer Input } ? Present<Input> : never;

/** What an operation answers. */
export type OutputOf<Sdk, O extends string> =
  CommandOf<Sdk, O> extends Command<infer _I, infer _J, infer _C, infer Output, infer _D>
    ? Omit<Output, '$metadata'>
    : never;

type NamesOf<Sdk> = { [K in keyof Sdk]: K extends `${infer O}Command` ? O : never }[keyof Sdk];

/** Operations of an SDK's client, as many as a file has: `{…} satisfies Operations<typeof import('@aws-sdk/…')>`. */
export type Operations<Sdk> = {
  readonly [O in NamesOf<Sdk>]?: ServiceOperation<InputOf<Sdk, O>, OutputOf<Sdk, O>>;
};
