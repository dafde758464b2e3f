/**
 * The error catalogue: every code of the API, its HTTP status, and the texts of its messages. Messages marked "as AWS"
 * are those of EC2 Image Builder, which clients (such as Terraform) match on; the others are Ingot's.
 */

/** Every error code and the HTTP status that goes with it. */
export const ERROR_STATUS = {
  // Modelled by EC2 Image Builder.
  InvalidParameterException: 400,
  InvalidParameterValueException: 400,
  InvalidParameterCombinationException: 400,
  InvalidRequestException: 400,
  InvalidVersionNumberException: 400,
  InvalidPaginationTokenException: 400,
  ResourceAlreadyExistsException: 400,
  ResourceInUseException: 400,
  ResourceDependencyException: 400,
  IdempotentParameterMismatchException: 400,
  ClientException: 400,
  ServiceQuotaExceededException: 402,
  ForbiddenException: 403,
  AccessDeniedException: 403,
  ResourceNotFoundException: 404,
  DryRunOperationException: 412,
  CallRateLimitExceededException: 429,
  TooManyRequestsException: 429,
  ServiceException: 500,
  ServiceUnavailableException: 503,
  // Common to all AWS services: signatures and the wire.
  IncompleteSignatureException: 400,
  InvalidSignatureException: 403,
  UnrecognizedClientException: 403,
  ExpiredTokenException: 403,
  MissingAuthenticationTokenException: 403,
  SerializationException: 400,
  UnknownOperationException: 404,
  RequestEntityTooLargeException: 413,
} as const;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof ERROR_STATUS;

/** An error that clients see with its message. Any other exception becomes a ServiceException without details. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  /** HTTP status. */
  readonly status: number;
  /** The invalid values, if the error is about values. */
  readonly values: readonly ValueFault[];
  /** The value in the request that the error is about, such as the ARN of a resource. */
  readonly subject?: string;

  constructor(
    code: ErrorCode,
    message: string,
    status: number = ERROR_STATUS[code],
    values: readonly ValueFault[] = [],
    subject?: string,
  ) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.values = values;
    this.subject = subject;
  }
}

/** An invalid value: the path of its member (`distributions[0].region`), and what is wrong, as a sentence. */
export interface ValueFault {
  readonly path: string;
  readonly detail: string;
  /** For programs. `other-platform`: a component for another platform than its parent image's. */
  readonly reason?: 'missing' | 'other-platform';
}

/** An error about one value of the request. */
function about(subject: string, code: ErrorCode, message: string): ApiError {
  return new ApiError(code, message, undefined, [], subject);
}

function valueMessage(fault: ValueFault): string {
  return `The value supplied for parameter '${fault.path}' is not valid. ${fault.detail}`;
}

/** One wrong value. As AWS. */
export function invalidParameterValue(path: string, detail: string): ApiError {
  return invalidParameterValues([{ path, detail }]);
}

/**
 * Maximum number of errors in one response: a small request with an error at every byte must not cause a large
 * response.
 */
export const MOST_FAULTS = 100;

/** Errors as lines, limited to the maximum. */
export function toldFaults(faults: readonly string[]): string {
  return [
    ...faults.slice(0, MOST_FAULTS),
    ...(faults.length > MOST_FAULTS ? ['There are more faults than these.'] : []),
  ].join('\n');
}

/** All invalid values of one request: as AWS for each, one per line. */
export function invalidParameterValues(faults: readonly ValueFault[]): ApiError {
  const told = toldFaults(faults.slice(0, MOST_FAULTS + 1).map(valueMessage));
  return new ApiError('InvalidParameterValueException', told, undefined, faults.slice(0, MOST_FAULTS));
}

/** Parameters that a component or workflow does not declare: as AWS, one fault to a line. */
export function undefinedParameters(faults: readonly ValueFault[]): ApiError {
  return new ApiError(
    'InvalidParameterCombinationException',
    toldFaults(faults.slice(0, MOST_FAULTS + 1).map(valueMessage)),
  );
}

/** Members that exclude or require each other. */
export function invalidParameterCombination(message: string): ApiError {
  return new ApiError('InvalidParameterCombinationException', message);
}

/** An invalid ARN or tag in the tag operations, which have their own code. */
export function invalidParameter(message: string): ApiError {
  return new ApiError('InvalidParameterException', message);
}

/** A request that the state of a resource does not allow. */
export function invalidRequest(message: string): ApiError {
  return new ApiError('InvalidRequestException', message);
}

/** A version that is malformed or out of range. */
export function invalidVersionNumber(version: string, detail: string): ApiError {
  return about(version, 'InvalidVersionNumberException', `The version '${version}' is not valid. ${detail}`);
}

/** A page token that this list did not issue. */
export function invalidPaginationToken(): ApiError {
  return new ApiError(
    'InvalidPaginationTokenException',
    'The nextToken is not valid. Use the nextToken of the previous response with otherwise unchanged parameters.',
  );
}

/** A resource (by ARN or id) that does not exist. `detail` is a sentence on why, and what to do. */
export function resourceNotFound(arn: string, detail?: string): ApiError {
  return about(
    arn,
    'ResourceNotFoundException',
    `The resource '${arn}' does not exist.${detail === undefined ? '' : ` ${detail}`}`,
  );
}

/**
 * A resource that already exists. As AWS.
 * @param type such as `ImageRecipe`, `Component`
 */
export function resourceAlreadyExists(type: string, arn: string): ApiError {
  return new ApiError('ResourceAlreadyExistsException', `The following resource '${type}' already exists: '${arn}'.`);
}

/** A resource that another operation is using. */
export function resourceInUse(arn: string, detail: string): ApiError {
  return about(arn, 'ResourceInUseException', `The resource '${arn}' is in use. ${detail}`);
}

/** A resource that others refer to: as AWS, followed by the first ten of them. */
export function resourceDependency(arn: string, dependents: readonly string[]): ApiError {
  const named = dependents
    .slice(0, 10)
    .map((dependent) => `'${dependent}'`)
    .join(', ');
  const more = dependents.length > 10 ? ` and ${dependents.length - 10} more` : '';
  const who = dependents.length === 0 ? '' : ` They are: ${named}${more}.`;
  return about(
    arn,
    'ResourceDependencyException',
    `Resource dependency error: The resource ARN '${arn}' has other resources depended on it.${who}`,
  );
}

/** A client token that was used before with different parameters. */
export function idempotentParameterMismatch(token: string): ApiError {
  return new ApiError(
    'IdempotentParameterMismatchException',
    `The client token '${token}' was used before with different parameters.`,
  );
}

/** A successful dry run. As AWS. */
export function dryRunSucceeded(): ApiError {
  return new ApiError('DryRunOperationException', 'Request would have succeeded, but dryRun flag is set.');
}

/** A request that exceeds a quota. */
export function serviceQuotaExceeded(message: string): ApiError {
  return new ApiError('ServiceQuotaExceededException', message);
}

/** An operation of EC2 Image Builder that Ingot does not implement yet. */
export function operationNotSupported(operation: string): ApiError {
  return new ApiError(
    'InvalidRequestException',
    `The operation ${operation} is not supported by this version of Ingot.`,
  );
}

/** A body or value that does not match the operation's input. */
export function serializationError(message: string): ApiError {
  return new ApiError('SerializationException', message);
}

/** A path that no operation has. */
export function unknownOperation(method: string, path: string): ApiError {
  return new ApiError('UnknownOperationException', `Unknown operation: ${method} ${path}.`);
}

/** A request that is signed for a service that Ingot does not have. */
export function unknownService(service: string, names: readonly string[]): ApiError {
  return new ApiError(
    'UnknownOperationException',
    `The service '${service.slice(0, 64)}' is not available on this endpoint. It has: ${names.join(', ')}.`,
  );
}

/** A path of an operation with another method. */
export function methodNotAllowed(method: string, path: string, allowed: readonly string[]): ApiError {
  return new ApiError('UnknownOperationException', `${path} takes ${allowed.join(', ')}, not ${method}.`, 405);
}

/** A body larger than the API accepts. */
export function requestTooLarge(limitBytes: number): ApiError {
  return new ApiError('RequestEntityTooLargeException', `The request is larger than ${limitBytes} bytes.`);
}

/** The error for an unexpected exception. The client gets only the id with which the log has the details. */
export function internalFailure(requestId: string): ApiError {
  return new ApiError(
    'ServiceException',
    `The request failed because of an internal error. The server's log says more under request id ${requestId}.`,
  );
}

/** The service cannot respond now, for example while it is stopping. */
export function serviceUnavailable(message: string): ApiError {
  return new ApiError('ServiceUnavailableException', message);
}

/** A request without a signature. As AWS. */
export function missingAuthenticationToken(): ApiError {
  return new ApiError('MissingAuthenticationTokenException', 'Missing Authentication Token');
}

/** An unknown access key. As AWS. */
export function unrecognizedClient(): ApiError {
  return new ApiError('UnrecognizedClientException', 'The security token included in the request is invalid.');
}

/** Too many requests in too short a time. SDKs wait and retry. */
export function tooManyRequests(): ApiError {
  return new ApiError('TooManyRequestsException', 'Rate exceeded');
}

/** An expired session. As AWS. */
export function expiredToken(): ApiError {
  return new ApiError('ExpiredTokenException', 'The security token included in the request is expired');
}

/** A request that no policy allows, or that one denies: `User: … is not authorized to perform: … on resource: …`. */
export function accessDenied(message: string): ApiError {
  return new ApiError('AccessDeniedException', message);
}

/** A signature that is incomplete or for another service. */
export function incompleteSignature(detail: string): ApiError {
  return new ApiError('IncompleteSignatureException', detail);
}

/** A signature that does not match the request, or has expired. */
export function invalidSignature(detail: string): ApiError {
  return new ApiError('InvalidSignatureException', detail);
}
