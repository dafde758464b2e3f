/**
 * AWS JSON 1.1: the operation is in a header, requests and responses are JSON. Source: Smithy, "AWS JSON 1.1 protocol".
 */
import { type ApiError, type ErrorCode, serializationError, toldFaults } from '../../../resources/errors.ts';
import { decodeJsonObject, decodeStructure, encodeOutput } from '../../codec.ts';
import { ServiceError } from '../errors.ts';
import { eventStream } from './event-stream.ts';
import type { Protocol } from './protocol.ts';

const JSON_TYPE = 'application/x-amz-json-1.1';

/** Names that JSON services use for the common errors. */
const CODES: Partial<Record<ErrorCode, string>> = {
  ServiceException: 'InternalServerError',
  TooManyRequestsException: 'ThrottlingException',
  InvalidParameterValueException: 'ValidationException',
  UnknownOperationException: 'UnknownOperationException',
};

/**
 * The protocol of one service.
 * @param prefix of the targets: `AmazonSSM`
 * @param codes error codes that the service names differently
 */
export function awsJson(prefix: string, codes: Partial<Record<ErrorCode, string>> = {}): Protocol {
  const codeOf: Protocol['codeOf'] = (error) =>
    error instanceof ServiceError ? error.wireCode : (codes[error.code] ?? CODES[error.code] ?? error.code);
  return {
    open({ target, body }) {
      const [service, operation] = (target ?? '').split('.', 2);
      const parameters = decodeJsonObject(body);
      return {
        operation: service === prefix ? operation : undefined,
        parameters,
        decode(input) {
          const faults: string[] = [];
          const decoded = decodeStructure(input, parameters, faults);
          if (faults.length > 0) throw serializationError(toldFaults(faults));
          return decoded;
        },
      };
    },
    answer(_operation, schema, output) {
      if (schema.isUnitSchema()) return { type: JSON_TYPE, body: '{}' };
      const member = schema.getEventStreamMember();
      return member === ''
        ? { type: JSON_TYPE, body: JSON.stringify(encodeOutput(schema, output)) }
        : eventStream(schema, member, output);
    },
    refusal: (error: ApiError) => ({
      type: JSON_TYPE,
      status: error.status >= 500 || error.status === 413 ? error.status : 400,
      body: JSON.stringify({ __type: codeOf(error), message: error.message }),
    }),
    codeOf,
    missing: (member) =>
      new ServiceError(
        'ValidationException',
        `1 validation error detected: Value null at '${member[0]!.toLowerCase()}${member.slice(1)}' failed to ` +
          'satisfy constraint: Member must not be null',
      ),
    notTaken: (member) =>
      new ServiceError('ValidationException', `The member ${member} is not supported by this version of Ingot.`),
    unknownOperation: (operation, names, title) => {
      const what =
        operation === undefined ? 'The request names no operation' : `There is no operation ${operation.slice(0, 64)}`;
      return new ServiceError(
        'UnknownOperationException',
        `${what} of ${title} in this version of Ingot. It has: ${names.join(', ')}.`,
      );
    },
  };
}
