/** Errors of STS, whose codes differ from those of Image Builder. */
import { ServiceError } from '../errors.ts';

/** A parameter is missing or invalid. */
export function parameterError(message: string): ServiceError {
  return new ServiceError('ValidationError', message);
}

/** The session policy is invalid. */
export function malformedPolicy(faults: readonly string[]): ServiceError {
  return new ServiceError('MalformedPolicyDocument', faults.join('\n'));
}

/** A token of an identity provider is invalid, and why. */
export function invalidIdentityToken(why: string): ServiceError {
  return new ServiceError('InvalidIdentityToken', why);
}

/** The token has expired. */
export function expiredIdentityToken(): ServiceError {
  return new ServiceError(
    'ExpiredTokenException',
    'Token expired: the web identity token has passed its expiration time.',
  );
}

/** The keys of an identity provider could not be fetched. */
export function providerUnreachable(why: string): ServiceError {
  return new ServiceError('IDPCommunicationError', why);
}
