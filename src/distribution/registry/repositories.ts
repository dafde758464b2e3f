/**
 * The registry of a repository: one of `config.yaml` that matches the repository's name or ECR's address, otherwise the
 * local registry of Ingot, which keeps Regions and accounts apart.
 */
import type { Queryable } from '../../catalog/catalog.ts';
import { findRepository } from '../../catalog/repositories.ts';
import { isFor, NotGranted } from '../../platform/config/reading.ts';
import { readConfig } from '../../platform/config/config.ts';
import type { Registry } from '../../platform/config/registries.ts';
import { openSealer } from '../../platform/sealing.ts';
import { runningServer } from '../../platform/server-file.ts';
import { pathInRegistry, repositoryArn, type RepositoryName } from '../../resources/repositories.ts';
import type { ContainerTarget } from '../plan.ts';
import type { ImageFolder } from './folders.ts';
import { LoginError, registryLogin, type RegistryLogin } from './login.ts';
import { REGISTRY_USER, sealRegistryToken } from './token.ts';

/** A repository with the address of its registry. */
export interface Repository {
  /** `host/path`, without a tag. */
  readonly name: string;
  /** The repository, if it is in Ingot's own registry. */
  readonly own?: OwnRepository;
  /** Whether the registry uses plain HTTP. */
  readonly plain: boolean;
  readonly login?: RegistryLogin;
  /** Instead of a registry. */
  readonly folder?: ImageFolder | undefined;
}

/** A repository of Ingot's own registry, with its id in the catalogue. */
interface OwnRepository extends RepositoryName {
  readonly id: string;
}

/** A repository that an image goes to. */
export interface RepositoryRequest {
  readonly region: string;
  readonly account: string;
  readonly target: Pick<ContainerTarget, 'repository' | 'service'>;
}

/** What a repository is looked up for. */
export interface RepositoryUse {
  readonly db: Queryable;
  readonly dataDirectory: string;
  /** ARN of the image that goes there. */
  readonly image: string;
}

/** How long the password for a push is good, in milliseconds: pushes have a shorter time limit. */
const PASSWORD_MS = 43_200_000;

/**
 * The repository of a Region.
 * @throws {NotGranted} a registry of other accounts; {LoginError} no login where there should be one; {Error} a
 *   repository that was deleted since the image was planned
 */
export async function repositoryOf(
  { db, dataDirectory, image }: RepositoryUse,
  request: RepositoryRequest,
  signal?: AbortSignal,
): Promise<Repository> {
  const { registries } = await readConfig(dataDirectory);
  const elsewhere = registryOf(registries, request);
  if (elsewhere === undefined) {
    const name = { account: request.account, region: request.region, name: request.target.repository };
    const found = await findRepository(db, name, name.name);
    if (found === undefined)
      throw new Error(
        `The repository with name '${name.name}' does not exist in the registry with id '${name.account}' in ` +
          name.region,
      );
    const server = await runningServer(dataDirectory);
    if (server === undefined) throw new Error('the server, which the registry belongs to, does not run');
    const host = server.host === '0.0.0.0' || server.host === '::' ? '127.0.0.1' : server.host;
    const password = sealRegistryToken(await openSealer(dataDirectory), {
      kind: 'image',
      image,
      repository: repositoryArn(name),
      expires: Date.now() + PASSWORD_MS,
    });
    return {
      name: `${host.includes(':') ? `[${host}]` : host}:${server.port}/${pathInRegistry(name)}`,
      own: { ...name, id: found.id },
      plain: true,
      login: { user: REGISTRY_USER, password },
    };
  }
  const { host, name, registry } = elsewhere;
  const login = registry.authFile === undefined ? undefined : await registryLogin(host, registry.authFile, signal);
  return { name, plain: registry.plain, folder: registry.folder, ...(login === undefined ? {} : { login }) };
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
  if (registry.folder !== undefined)
    throw new LoginError(`${reference} is in a folder (registries.${host}.folder): name it in parentImages instead`);
  const login = registry.authFile === undefined ? undefined : await registryLogin(host, registry.authFile, signal);
  return { name, plain: registry.plain, ...(login === undefined ? {} : { login }) };
}
