/** Errors of STS, whose codes are not those of Image Builder. */
import { ApiError, type ErrorCode } from '../../resources/errors.ts';

/** What STS calls the errors that both have. */
const CODES: Partial<Record<ErrorCode, string>> = {
  InvalidSignatureException: 'SignatureDoesNotMatch',
  UnrecognizedClientException: 'InvalidClientTokenId',
  MissingAuthenticationTokenException: 'MissingAuthenticationToken',
  IncompleteSignatureException: 'IncompleteSignature',
  ExpiredTokenException: 'ExpiredToken',
  AccessDeniedException: 'AccessDenied',
  ServiceException: 'InternalFailure',
  ServiceUnavailableException: 'ServiceUnavailable',
  TooManyRequestsException: 'Throttling',
  RequestEntityTooLargeException: 'RequestEntityTooLarge',
  SerializationException: 'MalformedInput',
  UnknownOperationException: 'InvalidAction',
  InvalidParameterValueException: 'ValidationError',
};

/** An error that only STS has. */
export class StsError extends ApiError {
  readonly stsCode: string;

  constructor(stsCode: string, message: string, status = 400) {
    super(status === 403 ? 'AccessDeniedException' : 'InvalidParameterValueException', message, status);
    this.stsCode = stsCode;
  }
}

/** The code by which STS tells an error. */
export function stsCodeOf(error: ApiError): string {
  return error instanceof StsError ? error.stsCode : (CODES[error.code] ?? error.code);
}

/** A parameter that is missing or wrong. */
export function parameterError(message: string): StsError {
  return new StsError('ValidationError', message);
}

/** A session policy that is none. */
export function malformedPolicy(faults: readonly string[]): StsError {
  return new StsError('MalformedPolicyDocument', faults.join('\n'));
}

/** A token of an identity provider that is not taken, and why. */
export function invalidIdentityToken(why: string): StsError {
  return new StsError('InvalidIdentityToken', why);
}

/** A token that has ended. */
export function expiredIdentityToken(): StsError {
  return new StsError('ExpiredTokenException', 'Token expired: the web identity token has passed its expiration time.');
}

/** An identity provider whose keys cannot be had. */
export function providerUnreachable(why: string): StsError {
  return new StsError('IDPCommunicationError', why);
}
