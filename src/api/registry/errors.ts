/**
 * Errors of the registry. Source: OCI Distribution Specification, "Error codes"; the words are Amazon ECR's where it
 * has them.
 */
import type { ApiError, ErrorCode } from '../../resources/errors.ts';
import type { RepositoryName } from '../../resources/repositories.ts';
import { ServiceError } from '../services/errors.ts';

const CODES: Partial<Record<ErrorCode, readonly [code: string, status: number]>> = {
  AccessDeniedException: ['DENIED', 403],
  ExpiredTokenException: ['DENIED', 403],
  MissingAuthenticationTokenException: ['UNAUTHORIZED', 401],
  UnrecognizedClientException: ['UNAUTHORIZED', 401],
  TooManyRequestsException: ['TOOMANYREQUESTS', 429],
  ServiceUnavailableException: ['UNAVAILABLE', 503],
  RequestEntityTooLargeException: ['SIZE_INVALID', 413],
};

/** The code and the status by which clients of the registry are told an error. */
export function registryCode(error: ApiError): readonly [code: string, status: number] {
  if (error instanceof ServiceError) return [error.wireCode, error.status];
  return CODES[error.code] ?? (error.status >= 500 ? ['UNKNOWN', error.status] : ['UNSUPPORTED', 400]);
}

/** A password that was right once. As AWS. */
export function tokenExpired(): ServiceError {
  return new ServiceError('DENIED', 'Your authorization token has expired. Reauthenticate and try again.', 403);
}

/** No password, or none of this server. */
export function notAuthorized(): ServiceError {
  return new ServiceError(
    'UNAUTHORIZED',
    'Not Authorized. Log in with the user AWS and the password of: aws ecr get-login-password',
    401,
  );
}

/** A path that no repository has. */
export function nameInvalid(path: string): ServiceError {
  return new ServiceError(
    'NAME_INVALID',
    `invalid repository name '${path.slice(0, 300)}': expected ACCOUNT/REGION/NAME, such as ` +
      '123456789012/us-east-1/team/web, with a name that aws ecr create-repository accepts',
  );
}

/** A repository that does not exist. As AWS. */
export function nameUnknown({ name, account }: RepositoryName): ServiceError {
  return new ServiceError(
    'NAME_UNKNOWN',
    `The repository with name '${name}' does not exist in the registry with id '${account}'`,
    404,
  );
}

/** A tag or digest that no image of the repository has. */
export function manifestUnknown({ name, account }: RepositoryName, reference: string): ServiceError {
  return new ServiceError(
    'MANIFEST_UNKNOWN',
    `Requested image not found: ${reference.slice(0, 200)} in the repository '${name}' of the registry '${account}'`,
    404,
  );
}

/** A manifest that cannot be taken. */
export function manifestInvalid(why: string): ServiceError {
  return new ServiceError('MANIFEST_INVALID', `invalid manifest: ${why}`);
}

/** A tag that has another image, in a repository that keeps its tags. As AWS. */
export function tagKept(name: string, tag: string): ServiceError {
  return new ServiceError(
    'TAG_INVALID',
    `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the ` +
      'repository is immutable.',
  );
}

/** A request that the registry does not have. */
export function unsupported(method: string, path: string): ServiceError {
  return new ServiceError('UNSUPPORTED', `The registry does not support ${method} ${path.slice(0, 300)}`, 404);
}
