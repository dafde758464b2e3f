/** How requests name repositories and images. */
import { findRepository, type Repository, type RepositoryImage } from '../../../catalog/repositories.ts';
import type { Place } from '../../../catalog/slices.ts';
import {
  isRepositoryName,
  pathInRegistry,
  REPOSITORY_PATTERN,
  repositoryArn,
  type RepositoryName,
} from '../../../resources/repositories.ts';
import type { ServiceContext } from '../service.ts';
import { invalid, invalidForm, repositoryNotFound } from './errors.ts';

interface Named {
  readonly registryId?: string | undefined;
  readonly repositoryName: string;
}

/** The repository that a request names: of the caller's account unless it says another. */
export function nameOf({ registryId, repositoryName: name }: Named, { account, region }: Place): RepositoryName {
  return { account: registryId ?? account, region, name };
}

/** What has to be allowed: the action on the repository. */
export function needsOf(input: Named, place: Place): readonly [{ readonly resource: string }] {
  return [{ resource: repositoryArn(nameOf(input, place)) }];
}

/** @throws {ServiceError} InvalidParameterException */
export function checkName({ account, name }: RepositoryName): void {
  if (!/^\d{12}$/.test(account)) throw invalidForm('registryId', '[0-9]{12}');
  if (name.length < 2 || name.length > 256)
    throw invalid(
      "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length between 2 and 256'",
    );
  if (!isRepositoryName(name)) throw invalidForm('repositoryName', REPOSITORY_PATTERN);
}

/** The repository that a request names. @throws {ServiceError} RepositoryNotFoundException */
export async function repositoryOf(input: Named, context: ServiceContext): Promise<Repository> {
  const name = nameOf(input, context);
  checkName(name);
  const found = await findRepository(context.db, name, name.name);
  if (found === undefined) throw repositoryNotFound(name);
  return found;
}

/** The address by which clients of the registry find a repository: by the name under which this caller found us. */
export function uriOf(repository: RepositoryName, { host }: ServiceContext): string {
  return `${host}/${pathInRegistry(repository)}`;
}

/** How a request names an image. */
export interface ImageName {
  readonly imageDigest?: string | undefined;
  readonly imageTag?: string | undefined;
}

/** The image that a request names, by digest or tag or both; `undefined` when there is none. */
export function imageNamed(
  images: readonly RepositoryImage[],
  { imageDigest, imageTag }: ImageName,
): RepositoryImage | undefined {
  return images.find(
    ({ digest, tags }) =>
      (imageDigest === undefined || digest === imageDigest) && (imageTag === undefined || tags.includes(imageTag)),
  );
}
