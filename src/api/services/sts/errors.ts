/** Errors of STS, whose codes are not those of Image Builder. */
import { ServiceError } from '../errors.ts';

/** A parameter that is missing or wrong. */
export function parameterError(message: string): ServiceError {
  return new ServiceError('ValidationError', message);
}

/** A session policy that is none. */
export function malformedPolicy(faults: readonly string[]): ServiceError {
  return new ServiceError('MalformedPolicyDocument', faults.join('\n'));
}

/** A token of an identity provider that is not taken, and why. */
export function invalidIdentityToken(why: string): ServiceError {
  return new ServiceError('InvalidIdentityToken', why);
}

/** A token that has ended. */
export function expiredIdentityToken(): ServiceError {
  return new ServiceError(
    'ExpiredTokenException',
    'Token expired: the web identity token has passed its expiration time.',
  );
}

/** An identity provider whose keys cannot be had. */
export function providerUnreachable(why: string): ServiceError {
  return new ServiceError('IDPCommunicationError', why);
}
