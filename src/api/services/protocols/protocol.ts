/** A wire protocol: how requests to a service and its answers are written. */
import type { NormalizedSchema } from '@smithy/core/schema';
import type { ApiError } from '../../../resources/errors.ts';
import type { Structure } from '../../codec.ts';

/** A request as it came. */
export interface ProtocolRequest {
  /** Query as it came, without its question mark. */
  readonly query: string;
  /** Of the header `x-amz-target`. */
  readonly target: string | undefined;
  readonly body: Uint8Array;
}

/** A request of which no more than the envelope was read. */
export interface Envelope {
  /** Name of the operation that it asks for, whether it is one or not. */
  readonly operation: string | undefined;
  /** What the audit log keeps of it. */
  readonly parameters: object;
  /**
   * The input, with its members by the names of the model.
   * @throws {ApiError} naming what is wrong
   */
  decode(input: NormalizedSchema): Structure;
}

/** What is sent. */
export interface Answer {
  /** Content type. */
  readonly type: string;
  readonly body: string;
}

/** One protocol. */
export interface Protocol {
  /** @throws {ApiError} for what cannot be read at all */
  open(request: ProtocolRequest): Envelope;
  /** @param output as its schema has it */
  answer(operation: string, schema: NormalizedSchema, output: object, requestId: string): Answer;
  /** An error, and the status that the protocol gives it. */
  refusal(error: ApiError, requestId: string): Answer & { readonly status: number };
  /** The code by which the protocol tells an error. */
  codeOf(error: ApiError): string;
  /** A member that is required and absent. @param operation for the message */
  missing(member: string): ApiError;
  /** A member that Ingot's version of the operation does not have. */
  notTaken(member: string): ApiError;
  /** No operation of this name. @param names those that are there */
  unknownOperation(operation: string | undefined, names: readonly string[], title: string): ApiError;
}
