/**
 * Where repositories of Regions are: in a registry of `config.yaml` that the repository's name or ECR's address names,
 * or else in the one that Ingot runs itself, each Region and account by itself.
 */
import { isFor, NotGranted } from '../../platform/config/reading.ts';
import { readConfig } from '../../platform/config/config.ts';
import type { Registry } from '../../platform/config/registries.ts';
import type { ContainerTarget } from '../plan.ts';
import { ensureLocalRegistry } from './local-registry.ts';
import { registryLogin, type RegistryLogin } from './login.ts';

/** A repository as clients name it. */
export interface Repository {
  /** `host/path`, without a tag. */
  readonly name: string;
  /** Whether its registry speaks plain HTTP. */
  readonly plain: boolean;
  readonly login?: RegistryLogin;
}

/** A repository that an image goes to. */
export interface RepositoryRequest {
  readonly region: string;
  readonly account: string;
  readonly target: Pick<ContainerTarget, 'repository' | 'service'>;
}

/**
 * The repository of a Region; Ingot's registry is started when it does not run.
 * @throws {NotGranted} a registry of other accounts; {LoginError} no login where there should be one
 */
export async function repositoryOf(
  dataDirectory: string,
  request: RepositoryRequest,
  signal?: AbortSignal,
): Promise<Repository> {
  const { registries } = await readConfig(dataDirectory);
  const elsewhere = registryOf(registries, request);
  if (elsewhere === undefined) {
    const { host } = await ensureLocalRegistry(dataDirectory);
    return { name: `${host}/${request.account}/${request.region}/${request.target.repository}`, plain: true };
  }
  const { host, name, registry } = elsewhere;
  const login = registry.authFile === undefined ? undefined : await registryLogin(host, registry.authFile, signal);
  return { name, plain: registry.plain, ...(login === undefined ? {} : { login }) };
}

/**
 * The registry of `config.yaml` that a repository is in.
 * Pure.
 * @throws {NotGranted} when it is one of other accounts
 */
export function registryOf(
  registries: Readonly<Record<string, Registry>>,
  { account, region, target: { repository, service } }: RepositoryRequest,
): { readonly host: string; readonly name: string; readonly registry: Registry } | undefined {
  const slash = repository.indexOf('/');
  const first = slash < 1 ? '' : repository.slice(0, slash);
  const ecr = `${account}.dkr.ecr.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const [host, name] = Object.hasOwn(registries, first) ? [first, repository] : [ecr, `${ecr}/${repository}`];
  if (!Object.hasOwn(registries, host) || (host !== first && service !== 'ECR')) return undefined;
  const registry = registries[host]!;
  if (!isFor(registry.accounts, account))
    throw new NotGranted(`the container registry '${host}'`, account, `registries.${host}.accounts`);
  return { host, name, registry };
}
