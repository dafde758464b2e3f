/**
 * The registry of a repository: one of `config.yaml` that matches the repository's name or ECR's address, otherwise the
 * local registry of Ingot, which keeps Regions and accounts apart.
 */
import { isFor, NotGranted } from '../../platform/config/reading.ts';
import { readConfig } from '../../platform/config/config.ts';
import type { Registry } from '../../platform/config/registries.ts';
import type { ContainerTarget } from '../plan.ts';
import { ensureLocalRegistry } from './local-registry.ts';
import { registryLogin, type RegistryLogin } from './login.ts';

/** A repository with the address of its registry. */
export interface Repository {
  /** `host/path`, without a tag. */
  readonly name: string;
  /** Whether the registry uses plain HTTP. */
  readonly plain: boolean;
  readonly login?: RegistryLogin;
  /** Whether it is in the registry that Ingot runs. */
  readonly own?: true;
}

/** A repository that an image is pushed to. */
export interface RepositoryRequest {
  readonly region: string;
  readonly account: string;
  readonly target: Pick<ContainerTarget, 'repository' | 'service'>;
}

/**
 * The repository of a Region. Starts the local registry if it is needed.
 * @throws {NotGranted} if the registry belongs to other accounts; {LoginError} if the configured login cannot be read
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
    return {
      name: `${host}/${request.account}/${request.region}/${request.target.repository}`,
      plain: true,
      own: true,
    };
  }
  const { host, name, registry } = elsewhere;
  const login = registry.authFile === undefined ? undefined : await registryLogin(host, registry.authFile, signal);
  return { name, plain: registry.plain, ...(login === undefined ? {} : { login }) };
}

/**
 * The registry of `config.yaml` that a repository is in. Pure.
 * @throws {NotGranted} if it belongs to other accounts
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

/**
 * The parent image of a build, in a registry of `config.yaml`; `undefined` if its registry is none of these: then the
 * build gets it itself, without a login, through its own network.
 * @param reference `registry.example.com/team/base:1.2`
 * @throws {NotGranted} a registry of other accounts; {LoginError} no login where there should be one
 */
export async function parentRepository(
  dataDirectory: string,
  account: string,
  reference: string,
  signal?: AbortSignal,
): Promise<Repository | undefined> {
  const { registries } = await readConfig(dataDirectory);
  const request = { account, region: '', target: { repository: reference, service: '' } };
  const found = registryOf(registries, request);
  if (found === undefined) return undefined;
  const { host, name, registry } = found;
  const login = registry.authFile === undefined ? undefined : await registryLogin(host, registry.authFile, signal);
  return { name, plain: registry.plain, ...(login === undefined ? {} : { login }) };
}
