/** The parts of a service on the endpoint: its operations, and how its requests and responses are encoded. */
import type { Command } from '@smithy/types';
import type { Kysely } from 'kysely';
import type { Tables } from '../../catalog/tables.ts';
import type { Place } from '../../catalog/slices.ts';
import type { Need } from '../access/demands.ts';
import type { RequestContext } from '../context.ts';
import type { Protocol } from './protocols/protocol.ts';

/** What a handler receives besides its input. */
export interface ServiceContext extends RequestContext {
  /** `ssm:GetParameter`: the action in policies. */
  readonly operation: string;
  /** The catalogue. For a mutating operation this is a transaction: an error that the handler throws rolls it back. */
  readonly db: Kysely<Tables>;
  /** Aborts when the client disconnects or the server stops: for responses that are streams. */
  readonly signal: AbortSignal;
  /** Runs work after the transaction is committed, such as waking the worker. */
  readonly afterCommit: (work: () => void) => void;
}

/** One permission that the caller needs. The action is the operation's own unless it names another one. */
type ServiceNeed = Omit<Need, 'action'> & { readonly action?: string };

/** One operation of a service. */
interface ServiceOperation<Input, Output> {
  /** Whether it changes anything. If so, it runs in a transaction and counts as a write. */
  readonly mutating: boolean;
  /** It runs its own transactions, because it also deletes files: `context.db` is the catalogue. */
  readonly outside?: boolean;
  /**
   * Members of the input that the handler reads. A request with another member is rejected, because ignoring it could
   * do something else than what was requested.
   */
  readonly takes: readonly (keyof Input & string)[];
  /** The permissions that the caller needs. Two resources of a request (source and copy) are two permissions. */
  readonly needs: (input: Input, place: Place) => readonly ServiceNeed[];
  readonly run: (input: Input, context: ServiceContext) => Promise<Output>;
}

/** An operation that needs no signature. */
export interface UnsignedOperation {
  readonly takes: readonly string[];
  readonly run: (input: never, context: Omit<RequestContext, 'identity' | 'account'>) => Promise<object>;
}

/** An operation, for callers that do not need its types. */
export type AnyOperation = ServiceOperation<never, object>;

/** The operations of a service and its wire model. */
export interface Service {
  /** Name of the module that exports the SDK's schemas. It is loaded with the service. */
  readonly schemas: string;
  /** Operations by their names in the model. */
  readonly operations: Readonly<Record<string, AnyOperation>>;
  /** Operations that need no signature. */
  readonly unsigned?: Readonly<Record<string, UnsignedOperation>>;
}

/** A service in the register: what is known without loading it. */
export interface ServiceEntry {
  /** Its name in the scope of a signature: `ssm`. */
  readonly name: string;
  /** `AWS Systems Manager` */
  readonly title: string;
  /** Its name in the SDKs' `AWS_ENDPOINT_URL_…`: `SSM`, `CloudWatch Logs`. */
  readonly sdkId: string;
  readonly protocol: Protocol;
  /** Operations that need no signature: the service is loaded for them before the caller is identified. */
  readonly unsigned?: readonly string[];
  readonly load: () => Promise<Service>;
}

// The SDK allows `undefined` for every required member. After validation they are present.
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

/** The output of an operation. */
export type OutputOf<Sdk, O extends string> =
  CommandOf<Sdk, O> extends Command<infer _I, infer _J, infer _C, infer Output, infer _D>
    ? Omit<Output, '$metadata'>
    : never;

type NamesOf<Sdk> = { [K in keyof Sdk]: K extends `${infer O}Command` ? O : never }[keyof Sdk];

/** Some operations of an SDK's client: `{…} satisfies Operations<typeof import('@aws-sdk/…')>`. */
export type Operations<Sdk> = {
  readonly [O in NamesOf<Sdk>]?: ServiceOperation<InputOf<Sdk, O>, OutputOf<Sdk, O>>;
};
