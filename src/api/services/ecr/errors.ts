/** Errors of Amazon ECR, in its words. Source: Amazon ECR API Reference. */
import type { RepositoryName } from '../../../resources/repositories.ts';
import { ServiceError } from '../errors.ts';

/** A member that is wrong. */
export function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameterException', message);
}

/** A member that does not have the form that it needs. */
export function invalidForm(member: string, pattern: string): ServiceError {
  return invalid(
    `Invalid parameter at '${member}' failed to satisfy constraint: 'must satisfy regular expression '${pattern}''`,
  );
}

const within = ({ name, account }: RepositoryName): string =>
  `the repository with name '${name}' in the registry with id '${account}'`;

/** A repository that does not exist. */
export function repositoryNotFound({ name, account }: RepositoryName): ServiceError {
  return new ServiceError(
    'RepositoryNotFoundException',
    `The repository with name '${name}' does not exist in the registry with id '${account}'`,
  );
}

/** A name that is taken. */
export function repositoryExists({ name, account }: RepositoryName): ServiceError {
  return new ServiceError(
    'RepositoryAlreadyExistsException',
    `The repository with name '${name}' already exists in the registry with id '${account}'`,
  );
}

/** A repository that has images. */
export function repositoryNotEmpty({ name, account }: RepositoryName): ServiceError {
  return new ServiceError(
    'RepositoryNotEmptyException',
    `The repository with name '${name}' in registry with id '${account}' cannot be deleted because it still ` +
      'contains images',
  );
}

/** An image that does not exist. */
export function imageNotFound(
  repository: RepositoryName,
  { imageDigest, imageTag }: { readonly imageDigest?: string | undefined; readonly imageTag?: string | undefined },
): ServiceError {
  return new ServiceError(
    'ImageNotFoundException',
    `The image with imageId {imageDigest:'${imageDigest ?? 'null'}', imageTag:'${imageTag ?? 'null'}'} does not ` +
      `exist within ${within(repository)}`,
  );
}

/** A policy that does not exist. @param kind as AWS names it */
export function policyNotFound(kind: 'Lifecycle' | 'Repository', repository: RepositoryName): ServiceError {
  const message = `${kind} policy does not exist for ${within(repository)}`;
  return new ServiceError(`${kind}PolicyNotFoundException`, message);
}
