/**
 * Names of repositories of container images, and where they are. Source: Amazon ECR API Reference, CreateRepository;
 * OCI Distribution Specification, "Pulling manifests".
 */

import type { Container } from '@aws-sdk/client-imagebuilder';

/** The account and Region of a repository. */
interface RepositoryPlace {
  readonly account: string;
  readonly region: string;
}

/** A repository, wherever it is. */
export interface RepositoryName extends RepositoryPlace {
  readonly name: string;
}

const PART = '[a-z0-9]+(?:[._-][a-z0-9]+)*';
/** As AWS writes it in its messages. */
export const REPOSITORY_PATTERN = `(?:${PART}/)*${PART}`;
const ARN = /^arn:aws:ecr:([a-z0-9-]+):(\d{12}):repository\/(.+)$/;
const IN_REGISTRY = /^(\d{12})\/([a-z]{2}[a-z0-9-]{1,30})\/(.+)$/;
const ECR_HOST = /^(\d{12})\.dkr\.ecr\.([a-z]{2}[a-z0-9-]{1,30})\.amazonaws\.com(?::\d+)?$/;

/** Whether a repository can have this name: 2 to 256 characters. */
export function isRepositoryName(text: string): boolean {
  return text.length >= 2 && text.length <= 256 && text.split('/').every(isNamePart);
}

function isNamePart(text: string): boolean {
  return /^[a-z0-9]/.test(text) && /[a-z0-9]$/.test(text) && !/[^a-z0-9._-]|[._-]{2}/.test(text);
}

/** Whether an image can have this tag. */
export function isImageTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text);
}

/** Whether a text is a digest that the registry takes: SHA-256, in lower case. */
export function isImageDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The ARN of a repository, or with `*` of all that a pattern means. */
export function repositoryArn({ account, region, name }: RepositoryName): string {
  return `arn:aws:ecr:${region}:${account}:repository/${name}`;
}

/** Reads an ARN of a repository; `undefined` for anything else. */
export function parseRepositoryArn(text: string): RepositoryName | undefined {
  const [, region, account, name] = ARN.exec(text) ?? [];
  return name === undefined || !isRepositoryName(name) ? undefined : { account: account!, region: region!, name };
}

/** The path of a repository in Ingot's own registry: `123456789012/us-east-1/team/web`. */
export function pathInRegistry({ account, region, name }: RepositoryName): string {
  return `${account}/${region}/${name}`;
}

/**
 * The repository that a client of the registry names.
 * @param host that it names the registry by: with ECR's, a path is the name alone
 * @param path `123456789012/us-east-1/team/web`
 */
export function repositoryAt(host: string, path: string): RepositoryName | undefined {
  const [, hostAccount, hostRegion] = ECR_HOST.exec(host) ?? [];
  const [, account, region, name] =
    hostAccount === undefined ? (IN_REGISTRY.exec(path) ?? []) : [path, hostAccount, hostRegion, path];
  return name === undefined || !isRepositoryName(name) ? undefined : { account: account!, region: region!, name };
}

/** How records name an image of Ingot's own registry: its host depends on who asks. */
export function recordedUri(repository: RepositoryName, tag: string): string {
  return `/${pathInRegistry(repository)}:${tag}`;
}

/** The name by which a client finds an image that is recorded by `recordedUri`; other names stay. */
export function toldUri(uri: string, host: string): string {
  return uri.startsWith('/') ? `${host}${uri}` : uri;
}

/** What a name of `recordedUri` consists of; `undefined` for one in another registry. */
export function recordedPlace(uri: string): (RepositoryName & { readonly tag: string }) | undefined {
  const [, account, region, name, tag] = /^\/(\d{12})\/([^/]+)\/(.+):([^:/]+)$/.exec(uri) ?? [];
  return tag === undefined ? undefined : { account: account!, region: region!, name: name!, tag };
}

/** The name of such an image at Amazon ECR: for messages, which nobody asks for by a host. */
export function ecrUri(uri: string): string {
  const [, account, region, rest] = /^\/(\d{12})\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  return rest === undefined ? uri : `${account}.dkr.ecr.${region}.amazonaws.com/${rest}`;
}

/** Containers of an image's outputs, with the names that somebody is told. */
export function toldContainers(containers: readonly Container[] | undefined, tell: (uri: string) => string) {
  return (containers ?? []).map(({ region, imageUris }) => ({ region, imageUris: imageUris?.map(tell) }));
}
