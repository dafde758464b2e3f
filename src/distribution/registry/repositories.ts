/** Where repositories of Regions are: in the registry that Ingot runs itself, each Region and account by itself. */
import type { ContainerTarget } from '../plan.ts';
import { ensureLocalRegistry } from './local-registry.ts';

/** A repository as clients name it. */
export interface Repository {
  /** `host/path`, without a tag. */
  readonly name: string;
  /** Whether its registry speaks plain HTTP. */
  readonly plain: boolean;
}

/** A repository that an image goes to. */
export interface RepositoryRequest {
  readonly region: string;
  readonly account: string;
  readonly target: Pick<ContainerTarget, 'repository'>;
}

/** The repository of a Region; the registry is started when it does not run. */
export async function repositoryOf(dataDirectory: string, request: RepositoryRequest): Promise<Repository> {
  const { host } = await ensureLocalRegistry(dataDirectory);
  return { name: `${host}/${request.account}/${request.region}/${request.target.repository}`, plain: true };
}
