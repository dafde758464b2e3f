/**
 * Writes the image that a build has made: its layers compressed, its configuration and manifest by Ingot. A layer that
 * was compressed before is not even read.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { blobFile } from '../platform/data-layout.ts';
import { syncFile } from '../platform/files.ts';
import { newUuid } from '../platform/ids.ts';
import {
  DIGEST,
  document,
  LayoutError,
  openLayout,
  openPlain,
  readSmall,
  refresh,
  type BlobDescriptor,
  type StoredManifest,
} from './container-blobs.ts';
import { cutTimes } from './tar-times.ts';

/** A layer, and the blob that it is compressed to. */
export interface WrittenLayer {
  /** Digest of the tar archive as the build had it. */
  readonly diffId: string;
  /** Digest of the tar archive in the blob: another one where its times were cut. */
  readonly outDiffId: string;
  readonly digest: string;
  readonly size: number;
}

/** What an image gets beside what its build left. */
export interface ImageEdits {
  /** Labels of the image and annotations of its manifest. The time of its making is added. */
  readonly labels: Readonly<Record<string, string>>;
  /** `SOURCE_DATE_EPOCH`, seconds since 1970: later times in the image become this one. */
  readonly epoch?: number | undefined;
  /** Arguments of the build: their values do not belong into the history. */
  readonly buildArguments?: Readonly<Record<string, string>>;
}

/** An image that was written. */
export interface WrittenImage {
  readonly manifest: StoredManifest;
  readonly layers: readonly WrittenLayer[];
}

/** As Docker and BuildKit. */
const GZIP_LEVEL = 6;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/**
 * Takes the image of a layout with uncompressed layers into the data directory.
 * @param layout folder of the layout; nothing in it is trusted
 * @param known layers that were compressed before, by `diffId`; their blobs are there
 * @throws {LayoutError} what is wrong with the layout
 */
export async function writeImage(
  dataDirectory: string,
  layout: string,
  known: ReadonlyMap<string, WrittenLayer>,
  edits: ImageEdits,
  signal?: AbortSignal,
): Promise<WrittenImage> {
  const { manifest, file } = await openLayout(layout);
  const config = document(await readSmall(file(manifest.config.digest), 'its configuration'), 'its configuration');
  const diffIds = diffIdsOf(config);
  if (diffIds.length !== manifest.layers.length || manifest.layers.some(({ digest }, at) => digest !== diffIds[at]))
    throw new LayoutError('its configuration does not name the layers of its manifest');
  const layerOf = async (diffId: string): Promise<WrittenLayer> =>
    known.get(diffId) ?? compress(dataDirectory, file(diffId), diffId, edits.epoch, signal);
  const written = new Map<string, Promise<WrittenLayer>>();
  for (const diffId of diffIds) if (!written.has(diffId)) written.set(diffId, layerOf(diffId));
  // All come to their end before this does: nothing writes behind its back.
  await Promise.allSettled(written.values());
  const layers = await Promise.all(diffIds.map((diffId) => written.get(diffId)!));
  const edited = editedConfig(config, layers, edits);
  const configBlob = await writeDocument(dataDirectory, CONFIG, edited);
  const descriptors = layers.map(({ digest, size }) => ({ mediaType: LAYER, digest, size }));
  const blob = await writeDocument(dataDirectory, MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: configBlob,
    layers: descriptors,
    annotations: withCreated(edits.labels, edited['created']),
  });
  return { manifest: { ...blob, config: configBlob, layers: descriptors }, layers };
}

function diffIdsOf({ rootfs }: Readonly<Record<string, unknown>>): readonly string[] {
  const { diff_ids: ids } = (rootfs ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string' && DIGEST.test(id)))
    throw new LayoutError('its configuration has no rootfs.diff_ids');
  return ids as string[];
}

/** The configuration with what it gets. Pure. */
function editedConfig(
  config: Readonly<Record<string, unknown>>,
  layers: readonly WrittenLayer[],
  { labels, epoch, buildArguments = {} }: ImageEdits,
): Readonly<Record<string, unknown>> {
  const settings = (config['config'] ?? {}) as Readonly<Record<string, unknown>>;
  const cut = (value: unknown): unknown =>
    epoch !== undefined && typeof value === 'string' && Date.parse(value) > epoch * 1000
      ? new Date(epoch * 1000).toISOString().replace('.000Z', 'Z')
      : value;
  const history = (Array.isArray(config['history']) ? (config['history'] as unknown[]) : []).filter(
    (entry): entry is Readonly<Record<string, unknown>> => typeof entry === 'object' && entry !== null,
  );
  const created = cut(config['created']);
  return {
    ...config,
    created,
    config: { ...settings, Labels: { ...(settings['Labels'] as object | undefined), ...withCreated(labels, created) } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ outDiffId }) => outDiffId) },
    history: history.map(({ comment, created_by: by, ...entry }) => ({
      ...entry,
      ...('created' in entry ? { created: cut(entry['created']) } : {}),
      ...(typeof by === 'string' ? { created_by: withoutArguments(by, buildArguments) } : {}),
      // Names and ids of the build's storage, others in every build.
      ...(comment === undefined || (typeof comment === 'string' && /^FROM \S+$/.test(comment)) ? {} : { comment }),
    })),
  };
}

/** `|2 TOKEN=x NAME=y /bin/sh -c …` without the arguments that the build was given. */
function withoutArguments(command: string, given: Readonly<Record<string, string>>): string {
  const count = /^\|(\d+) /.exec(command);
  if (count === null) return command;
  let rest = command.slice(count[0].length);
  const others: string[] = [];
  for (let left = Number(count[1]); left > 0; left--) {
    const known = Object.entries(given).find(([name, value]) => rest.startsWith(`${name}=${value} `));
    const length = known === undefined ? rest.indexOf(' ') + 1 : `${known[0]}=${known[1]} `.length;
    if (length === 0) return command;
    if (known === undefined) others.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return others.length === 0 ? rest : `|${others.length} ${others.join('')}${rest}`;
}

function withCreated(labels: Readonly<Record<string, string>>, created: unknown): Readonly<Record<string, string>> {
  return typeof created === 'string' ? { 'org.opencontainers.image.created': created, ...labels } : labels;
}

async function compress(
  dataDirectory: string,
  source: string,
  diffId: string,
  epoch: number | undefined,
  signal: AbortSignal | undefined,
): Promise<WrittenLayer> {
  const from = await openPlain(source, `the layer ${diffId}`);
  const folder = dirname(blobFile(dataDirectory, diffId));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = `${blobFile(dataDirectory, diffId)}.${newUuid()}`;
  try {
    const to = await open(partial, 'wx', 0o600);
    const [given, cut, blob] = [hashing(), hashing(), hashing()];
    await pipeline(
      from.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }) as Readable,
      given.stream,
      epoch === undefined ? new PassThrough() : cutTimes(epoch),
      cut.stream,
      createGzip({ level: GZIP_LEVEL, chunkSize: 256 << 10 }),
      blob.stream,
      to.createWriteStream(),
      ...(signal === undefined ? [] : [{ signal }]),
    );
    if (given.digest() !== diffId)
      throw new LayoutError(`the layer ${diffId} does not have the content that its digest names`);
    await syncFile(partial);
    const digest = blob.digest();
    await rename(partial, blobFile(dataDirectory, digest));
    return { diffId, outDiffId: cut.digest(), digest, size: blob.bytes() };
  } finally {
    await from.close();
    await rm(partial, { force: true });
  }
}

/** A stream that passes everything on, and knows its digest in the end. */
function hashing(): { readonly stream: Transform; digest(): string; bytes(): number } {
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    stream: new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        done(null, chunk);
      },
    }),
    digest: () => `sha256:${hash.copy().digest('hex')}`,
    bytes: () => bytes,
  };
}

async function writeDocument(dataDirectory: string, mediaType: string, content: object): Promise<BlobDescriptor> {
  const text = JSON.stringify(content);
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const size = Buffer.byteLength(text);
  const path = blobFile(dataDirectory, digest);
  if (!(await refresh(path, size))) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const partial = `${path}.${newUuid()}`;
    await writeFile(partial, text, { mode: 0o600 });
    await syncFile(partial);
    await rename(partial, path);
  }
  return { mediaType, digest, size };
}
