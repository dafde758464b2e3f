/** Manifests that clients push: what is read of them. Source: OCI Image Format Specification; Docker's, version 2. */
import { createHash } from 'node:crypto';
import type { PushedImage } from '../../catalog/repositories.ts';
import { isImageDigest } from '../../resources/repositories.ts';
import { manifestInvalid } from './errors.ts';

/** Largest manifest, in bytes. Source: Amazon ECR, "service quotas"; docker-registry has the same. */
export const MANIFEST_LIMIT = 4 << 20;

const IMAGES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;
const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const;
/** Kinds of manifests that are taken. */
const MANIFEST_TYPES: readonly string[] = [...IMAGES, ...INDEXES];

type Json = Readonly<Record<string, unknown>>;

/** The digest of a manifest. */
function digestOf(body: Uint8Array): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/**
 * Reads a manifest. Of an index the size is 0: it depends on its images.
 * @param contentType what the client calls it; a `mediaType` within has to be the same
 * @throws {ServiceError} MANIFEST_INVALID
 */
export function readManifest(body: Uint8Array, contentType: string | undefined): PushedImage {
  let manifest: unknown;
  try {
    manifest = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw manifestInvalid('it is not JSON');
  }
  if (!isObject(manifest)) throw manifestInvalid('it is not a JSON object');
  const inside = manifest['mediaType'];
  const type = contentType?.split(';')[0]?.trim() || (typeof inside === 'string' ? inside : '');
  if (!MANIFEST_TYPES.includes(type))
    throw manifestInvalid(`its media type '${type.slice(0, 100)}' is not one of ${MANIFEST_TYPES.join(', ')}`);
  if (inside !== undefined && inside !== type)
    throw manifestInvalid(`it has the media type '${String(inside).slice(0, 100)}' and was sent as '${type}'`);
  const index = (INDEXES as readonly string[]).includes(type);
  const descriptors = manifest[index ? 'manifests' : 'layers'];
  if (!Array.isArray(descriptors)) throw manifestInvalid(`it has no list '${index ? 'manifests' : 'layers'}'`);
  const parts = descriptors.map((each: unknown, at) => {
    const { digest, size } = isObject(each) ? each : {};
    if (typeof digest !== 'string' || !isImageDigest(digest) || !Number.isSafeInteger(size) || (size as number) < 0)
      throw manifestInvalid(`${index ? 'manifests' : 'layers'}[${at}] has no digest (SHA-256) and size`);
    return { digest, size: size as number };
  });
  const config = isObject(manifest['config']) ? manifest['config']['mediaType'] : undefined;
  const artifact = manifest['artifactType'] ?? config;
  return {
    digest: digestOf(body),
    media_type: type,
    artifact_type: typeof artifact === 'string' ? artifact.slice(0, 255) : null,
    size: index ? 0 : parts.reduce((sum, { size }) => sum + size, 0),
    children: JSON.stringify(index ? parts.map(({ digest }) => digest) : []),
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
