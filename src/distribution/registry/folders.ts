/**
 * Container images in folders of this host: an OCI layout for each repository, or a Docker archive for each tag.
 * `config.yaml` names the folders, so what is in them is the operator's.
 */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { document, openPlain, storedManifest, type BlobDescriptor } from '../../images/container-blobs.ts';
import { blobFile } from '../../platform/data-layout.ts';
import { syncFile, writeFileAtomic } from '../../platform/files.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { isImageTag, isRepositoryName } from '../../resources/repositories.ts';
import { inRoom, lentLayout, type PushControl } from './room.ts';

/** A folder of `config.yaml`. */
export interface ImageFolder {
  /** Absolute path. It exists. */
  readonly path: string;
  readonly format: 'oci' | 'docker-archive';
}

/** What an image becomes there. */
export interface FolderTarget {
  readonly folder: ImageFolder;
  /** `HOST/team/web`, where HOST is the folder's name in `config.yaml`. */
  readonly repository: string;
  readonly tag: string;
}

/** The image cannot be written. The message names the folder. */
class FolderError extends Error {
  override readonly name = 'FolderError';
}

/** Annotation of an entry in an index: the tag. Source: OCI Image Format Specification, "Annotations". */
const TAG = 'org.opencontainers.image.ref.name';
/** Time limit for an archive, in milliseconds. */
const ARCHIVE_MS = 1_800_000;
/** Maximum bytes of an archive: its layers are not compressed. */
const LARGEST_ARCHIVE = 64 * 2 ** 30;

// An index is read, changed and written: one image after another.
const writing = new Map<string, Promise<unknown>>();

/**
 * Writes an image of the data directory to a folder, under a tag. An older image of that tag loses it.
 * @returns the image's digest
 * @throws {Error} named FolderError
 */
export async function writeToFolder(
  dataDirectory: string,
  image: BlobDescriptor,
  target: FolderTarget,
  control: PushControl,
): Promise<string> {
  const { folder, repository, tag } = target;
  const name = repository.slice(repository.indexOf('/') + 1);
  if (!isRepositoryName(name) || !isImageTag(tag))
    throw new FolderError(
      `'${name}:${tag}' is not a name and a tag that an image can have in the folder ${folder.path}`,
    );
  if ((await stat(folder.path).catch(() => undefined))?.isDirectory() !== true)
    throw new FolderError(`the folder ${folder.path}, which config.yaml names, does not exist`);
  const place = join(folder.path, name);
  const before = writing.get(place) ?? Promise.resolve();
  const write = folder.format === 'oci' ? writeLayout : writeArchive;
  const done = before.catch(() => {}).then(() => write(dataDirectory, image, { ...target, place }, control));
  writing.set(place, done);
  try {
    await done;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new FolderError(`${place} cannot be written (${code})`, { cause: error });
  } finally {
    if (writing.get(place) === done) writing.delete(place);
  }
  return image.digest;
}

type Placed = FolderTarget & { readonly place: string };

async function writeLayout(
  dataDirectory: string,
  image: BlobDescriptor,
  { place, tag }: Placed,
  { signal }: PushControl,
): Promise<void> {
  const { digest, mediaType, size } = image;
  const manifest = await storedManifest(dataDirectory, image);
  const blobs = join(place, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  for (const blob of [...manifest.layers, manifest.config, manifest]) {
    signal.throwIfAborted();
    const target = join(blobs, blob.digest.slice('sha256:'.length));
    if ((await stat(target).catch(() => undefined))?.size === blob.size) continue;
    await copyInto(blobFile(dataDirectory, blob.digest), target);
  }
  await writeFileAtomic(join(place, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const path = join(place, 'index.json');
  const text = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.from('{"schemaVersion":2,"manifests":[]}');
    throw error;
  });
  const index = document(text, path);
  if (!Array.isArray(index['manifests'])) throw new FolderError(`${path} is not the index of an OCI layout`);
  const others = (index['manifests'] as readonly { readonly annotations?: Readonly<Record<string, string>> }[]).filter(
    (entry) => entry.annotations?.[TAG] !== tag,
  );
  const manifests = [...others, { mediaType, digest, size, annotations: { [TAG]: tag } }];
  await writeFileAtomic(path, JSON.stringify({ ...index, manifests }));
}

async function writeArchive(
  dataDirectory: string,
  image: BlobDescriptor,
  { place, repository, tag }: Placed,
  { signal, timeoutMs }: PushControl,
): Promise<void> {
  await mkdir(place, { recursive: true });
  const uri = `${repository}:${tag}`;
  await inRoom(
    dataDirectory,
    { uri, plain: false, what: 'written', control: { signal, timeoutMs: timeoutMs ?? patient(ARCHIVE_MS) } },
    {
      fileBytes: LARGEST_ARCHIVE,
      prepare: (given, user) => lentLayout(dataDirectory, given, image, user),
      words: () => ['oci:layout', `docker-archive:/out/image.tar:${uri}`],
      async result(room) {
        const file = await openPlain(join(room, 'out/image.tar'), 'the archive');
        try {
          await copyInto(`/proc/self/fd/${file.fd}`, join(place, `${tag}.tar`));
        } finally {
          await file.close();
        }
      },
    },
  );
}

/** Copies a file so that the target is complete or absent. */
async function copyInto(source: string, target: string): Promise<void> {
  const partial = join(dirname(target), `.ingot-${newUuid()}`);
  try {
    await copyFile(source, partial, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    // That of the data directory is closed.
    await chmod(partial, 0o644);
    await syncFile(partial);
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
}
