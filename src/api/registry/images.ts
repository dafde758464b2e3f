/** Images of repositories, as both doors have them: Amazon ECR's operations and the registry. */
import type { ImageTagMutabilityExclusionFilter } from '@aws-sdk/client-ecr';
import {
  countImages,
  digestOfTag,
  imageByDigest,
  recordPush,
  type PushedImage,
  type Repository,
} from '../../catalog/repositories.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import type { LocalRegistry, RegistryQuestion } from '../../distribution/registry/local-registry.ts';
import type { HttpAnswer } from '../../platform/http.ts';
import { INGOT } from '../../platform/own-program.ts';
import { matchesGlob, parseGlob } from '../../policies/globs.ts';
import { serviceUnavailable } from '../../resources/errors.ts';
import { MANIFEST_LIMIT } from './manifests.ts';

/** Images of a repository. Source: Amazon ECR, "service quotas". */
export const MOST_IMAGES = 20_000;

/** Whether an image's tag stays where it is. */
function isTagKept(
  { tag_mutability, mutability_exclusions }: Pick<Repository, 'tag_mutability' | 'mutability_exclusions'>,
  tag: string,
): boolean {
  const filters = JSON.parse(mutability_exclusions ?? '[]') as readonly ImageTagMutabilityExclusionFilter[];
  const excluded = filters.some(({ filter = '' }) => {
    const glob = parseGlob(filter, { wildcards: true, variables: false });
    return glob !== undefined && matchesGlob(glob, tag, () => undefined);
  });
  return tag_mutability.startsWith('IMMUTABLE') !== excluded;
}

/** Asks the registry. @throws {ApiError} when it does not answer */
export async function askRegistry(
  registry: LocalRegistry,
  path: string,
  question: RegistryQuestion = {},
): Promise<HttpAnswer> {
  try {
    return await registry.ask(path, question);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? `docker-registry is not installed: run ${INGOT} doctor` : message;
    throw serviceUnavailable(`The container registry does not answer: ${what}`);
  }
}

/** What an answer says, up to the size of a manifest. */
export async function readAnswer({ answer, close }: HttpAnswer): Promise<Buffer> {
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MANIFEST_LIMIT) throw new Error('the container registry answered more than a manifest may have');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    close();
  }
}

/** The manifest of a digest that is on record. */
export async function manifestOf(registry: LocalRegistry, id: string, image: PushedImage): Promise<Buffer> {
  const asked = await askRegistry(registry, `/v2/${id}/manifests/${image.digest}`, {
    headers: { accept: image.media_type },
  });
  const body = await readAnswer(asked);
  if (asked.answer.statusCode !== 200)
    throw new Error(`the container registry answered ${asked.answer.statusCode} for ${image.digest} of ${id}`);
  return body;
}

/** Why a push is not recorded. */
export type PushRefusal = 'tag kept' | 'too many';

/**
 * Whether a push may be recorded: asked before the registry gets it, and again in the transaction that records it.
 * @returns the refusal
 */
export async function refusalOfPush(
  db: Queryable,
  repository: Repository,
  digest: string,
  tag: string | undefined,
): Promise<PushRefusal | undefined> {
  if (tag !== undefined) {
    const there = await digestOfTag(db, repository.id, tag);
    if (there !== undefined && there !== digest && isTagKept(repository, tag)) return 'tag kept';
  }
  const known = await imageByDigest(db, repository.id, digest);
  return known === undefined && (await countImages(db, repository.id)) >= MOST_IMAGES ? 'too many' : undefined;
}

/** Records an image that the registry has. The size of an index is that of its largest image. */
export async function recordImage(
  db: Queryable,
  repository: Repository,
  image: PushedImage,
  tag: string | undefined,
): Promise<PushRefusal | undefined> {
  const refusal = await refusalOfPush(db, repository, image.digest, tag);
  if (refusal !== undefined) return refusal;
  let { size } = image;
  for (const child of JSON.parse(image.children) as readonly string[])
    size = Math.max(size, (await imageByDigest(db, repository.id, child))?.size ?? 0);
  await recordPush(db, repository.id, { ...image, size }, tag);
  return undefined;
}
