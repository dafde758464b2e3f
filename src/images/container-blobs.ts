/**
 * The blobs of container images in the data directory: files named by their digests, each complete or absent. Files of
 * a build are untrusted: each is read through an open file descriptor, and identified by its own hash.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, copyFile, link, mkdir, open, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blobFile } from '../platform/data-layout.ts';
import { syncFile } from '../platform/files.ts';
import { newUuid } from '../platform/ids.ts';

/** Identifies a blob. */
export interface BlobDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An image as described by its manifest. */
export interface StoredManifest extends BlobDescriptor {
  readonly config: BlobDescriptor;
  readonly layers: readonly BlobDescriptor[];
}

/** Maximum bytes of a manifest, a configuration or an index. */
const DOCUMENT_LIMIT = 4 << 20;
/** Maximum layers of an image: more than any runtime mounts. */
const MOST_LAYERS = 512;
/** A digest of SHA-256. */
export const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** The layout is invalid, or does not have exactly one image. */
export class LayoutError extends Error {
  override readonly name = 'LayoutError';
}

/**
 * Copies the one image of an OCI layout into the data directory.
 * @param layout directory of the layout, which is untrusted
 * @throws {LayoutError} with its fault
 */
export async function takeLayout(dataDirectory: string, layout: string, signal?: AbortSignal): Promise<StoredManifest> {
  const { named, manifest, file } = await openLayout(layout);
  for (const blob of [manifest.config, ...manifest.layers]) {
    signal?.throwIfAborted();
    await takeBlob(dataDirectory, file(blob.digest), blob);
  }
  await takeBlob(dataDirectory, file(named.digest), named);
  return manifest;
}

/**
 * Reads what a layout of one image says; nothing in it is trusted.
 * @throws {LayoutError} what is wrong with it
 */
export async function openLayout(layout: string): Promise<{
  readonly named: BlobDescriptor;
  readonly manifest: StoredManifest;
  /** The path of a blob. */
  readonly file: (digest: string) => string;
}> {
  const index = document(await readSmall(join(layout, 'index.json'), 'index.json'), 'index.json');
  const entries = Array.isArray(index['manifests']) ? (index['manifests'] as unknown[]) : [];
  const entry = entries.at(-1);
  if (entry === undefined) throw new LayoutError('the layout holds no image');
  const named = descriptor(entry, 'its manifest');
  const file = (digest: string): string => join(layout, 'blobs/sha256', digest.slice('sha256:'.length));
  return { named, manifest: readManifest(await readSmall(file(named.digest), 'its manifest'), named), file };
}

/** Reads a manifest in the data directory. @throws {LayoutError} if it does not exist */
export async function storedManifest(dataDirectory: string, named: BlobDescriptor): Promise<StoredManifest> {
  return readManifest(await readSmall(blobFile(dataDirectory, named.digest), `the manifest ${named.digest}`), named);
}

/** The bytes of a manifest in the data directory. @throws {LayoutError} if it does not exist */
export async function storedManifestText(dataDirectory: string, { digest }: BlobDescriptor): Promise<Buffer> {
  return readSmall(blobFile(dataDirectory, digest), `the manifest ${digest}`);
}

/** The blobs that are missing in the data directory. */
export async function missingBlobs(dataDirectory: string, digests: readonly string[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const digest of digests)
    if ((await stat(blobFile(dataDirectory, digest)).catch(() => undefined)) === undefined) missing.push(digest);
  return missing;
}

/**
 * Creates a directory that is an OCI layout of one image for a process of another user, who may only read it. Its blobs
 * are those of the data directory, which get that owner and mode 0400, so nothing is copied. The directory must be
 * mounted read-only for that process, because an owner may change modes.
 * @param folder does not exist yet; the caller removes it
 * @throws {LayoutError} if a blob no longer exists
 */
export async function lendLayout(
  dataDirectory: string,
  folder: string,
  image: BlobDescriptor,
  user: number,
): Promise<StoredManifest> {
  const manifest = await storedManifest(dataDirectory, image);
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true, mode: 0o755 });
  for (const digest of new Set([manifest, manifest.config, ...manifest.layers].map((each) => each.digest))) {
    const target = join(blobs, digest.slice('sha256:'.length));
    await link(blobFile(dataDirectory, digest), target).catch((cause: unknown) => {
      throw new LayoutError(`the blob ${digest} is not there any more: build its image again`, { cause });
    });
    await chown(target, user, user);
    await chmod(target, 0o400);
  }
  await writeDescription(folder, image);
  return manifest;
}

/**
 * Copies an image of the data directory into a directory, as an OCI layout.
 * @param folder does not exist yet
 * @throws {LayoutError} if a blob no longer exists
 */
export async function copyLayout(dataDirectory: string, folder: string, image: BlobDescriptor): Promise<void> {
  const manifest = await storedManifest(dataDirectory, image);
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true, mode: 0o755 });
  for (const { digest } of [manifest, manifest.config, ...manifest.layers]) {
    const target = join(blobs, digest.slice('sha256:'.length));
    await copyFile(blobFile(dataDirectory, digest), target).catch((cause: unknown) => {
      throw new LayoutError(`the blob ${digest} is not there any more: build its image again`, { cause });
    });
    await chmod(target, 0o644);
  }
  await writeDescription(folder, image);
}

async function writeDescription(folder: string, { mediaType, digest, size }: BlobDescriptor): Promise<void> {
  const files = {
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    'index.json': { schemaVersion: 2, manifests: [{ mediaType, digest, size }] },
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(content));
    await chmod(join(folder, name), 0o644);
  }
}

function readManifest(text: Buffer, named: BlobDescriptor): StoredManifest {
  const content = document(text, 'the manifest');
  const layers = Array.isArray(content['layers']) ? (content['layers'] as unknown[]) : [];
  if (layers.length > MOST_LAYERS) throw new LayoutError(`the image has more than ${MOST_LAYERS} layers`);
  return {
    ...named,
    config: descriptor(content['config'], 'its configuration'),
    layers: layers.map((layer, at) => descriptor(layer, `layer ${at + 1}`)),
  };
}

/** The object that a text in JSON is. @throws {LayoutError} */
export function document(content: Buffer, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(content.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Thrown below.
  }
  throw new LayoutError(`${what} is not a JSON object`);
}

/** What names a blob, from a document. @throws {LayoutError} */
function descriptor(value: unknown, what: string): BlobDescriptor {
  const { mediaType, digest, size } = (value ?? {}) as Record<string, unknown>;
  if (typeof digest !== 'string' || !DIGEST.test(digest) || typeof mediaType !== 'string' || typeof size !== 'number')
    throw new LayoutError(`${what} has no mediaType, digest and size`);
  return { mediaType, digest, size };
}

/** Reads a small file through an open file descriptor; links are rejected. */
export async function readSmall(path: string, what: string): Promise<Buffer> {
  const file = await openPlain(path, what);
  try {
    const { size } = await file.stat();
    if (size > DOCUMENT_LIMIT) throw new LayoutError(`${what} is larger than 4 MiB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Opens a file that is not a link. @throws {LayoutError} */
export async function openPlain(path: string, what: string) {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => {
    throw new LayoutError(`${what} is missing`);
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new LayoutError(`${what} is not a file`);
}

async function takeBlob(dataDirectory: string, source: string, { digest, size }: BlobDescriptor): Promise<void> {
  const target = blobFile(dataDirectory, digest);
  if (await refresh(target, size)) return;
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const partial = `${target}.${newUuid()}`;
  const from = await openPlain(source, `the blob ${digest}`);
  try {
    const to = await open(partial, 'wx', 0o600);
    const hash = createHash('sha256');
    let read = 0;
    try {
      const buffer = Buffer.allocUnsafe(1 << 20);
      for (;;) {
        const { bytesRead } = await from.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) break;
        read += bytesRead;
        if (read > size) throw new LayoutError(`the blob ${digest} is larger than its ${size} bytes`);
        hash.update(buffer.subarray(0, bytesRead));
        await to.write(buffer, 0, bytesRead);
      }
    } finally {
      await to.close();
    }
    if (read !== size || `sha256:${hash.digest('hex')}` !== digest)
      throw new LayoutError(`the blob ${digest} does not have the content that its digest names`);
    await syncFile(partial);
    await rename(partial, target);
  } finally {
    await from.close();
    await rm(partial, { force: true });
  }
}

/** Whether a blob exists. Marks it as fresh for garbage collection, because no record names it yet. */
export async function refresh(path: string, size: number): Promise<boolean> {
  if ((await stat(path).catch(() => undefined))?.size !== size) return false;
  const now = new Date();
  await utimes(path, now, now);
  return true;
}
