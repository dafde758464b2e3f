/** A wire protocol: how requests to a service and its responses are encoded. */
import type { Readable } from 'node:stream';
import type { NormalizedSchema } from '@smithy/core/schema';
import type { ApiError } from '../../../resources/errors.ts';
import type { Structure } from '../../codec.ts';

/** A request as received. */
export interface ProtocolRequest {
  /** The query as received, without its question mark. */
  readonly query: string;
  /** Value of the header `x-amz-target`. */
  readonly target: string | undefined;
  readonly body: Uint8Array;
}

/** A request of which only the envelope was read. */
export interface Envelope {
  /** Name of the requested operation; it may not exist. */
  readonly operation: string | undefined;
  /** What the audit log records of the request. */
  readonly parameters: object;
  /**
   * Decodes the input, with the model's member names.
   * @throws {ApiError} that names the invalid member
   */
  decode(input: NormalizedSchema): Structure;
}

/** An encoded response. */
export interface Answer {
  /** Content type. */
  readonly type: string;
  /** A stream goes on until the client goes, or the server stops. */
  readonly body: string | Readable;
}

/** One protocol. */
export interface Protocol {
  /** Reads the envelope. @throws {ApiError} if the request cannot be parsed at all */
  open(request: ProtocolRequest): Envelope;
  /** Encodes a response. @param output matches the schema */
  answer(operation: string, schema: NormalizedSchema, output: object, requestId: string): Answer;
  /** Encodes an error, with the status that the protocol uses for it. */
  refusal(error: ApiError, requestId: string): Answer & { readonly status: number; readonly body: string };
  /** The code by which the protocol names an error. */
  codeOf(error: ApiError): string;
  /** The error for a required member that is absent. */
  missing(member: string): ApiError;
  /** The error for a member that Ingot does not support. */
  notTaken(member: string): ApiError;
  /** The error for an unknown operation. @param names the operations that exist */
  unknownOperation(operation: string | undefined, names: readonly string[], title: string): ApiError;
}
