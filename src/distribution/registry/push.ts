/**
 * Pushes container images to registries with skopeo: manifests keep their digests, and blobs that the registry has are
 * skipped.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storedManifest, type BlobDescriptor, type StoredManifest } from '../../images/container-blobs.ts';
import { patient } from '../../platform/patience.ts';
import { inRoom, lentLayout, type PushControl, type PushTarget } from './room.ts';

/**
 * Pushes an image of the data directory to a registry. A repeated push sends only what is missing there.
 * @returns the digest in the registry
 * @throws {PushError} with the registry's reason
 */
export async function pushImage(
  dataDirectory: string,
  image: BlobDescriptor,
  target: PushTarget,
  { report, signal, timeoutMs }: PushControl,
): Promise<string> {
  const { uri, plain } = target;
  const manifest = await storedManifest(dataDirectory, image);
  return inRoom(
    dataDirectory,
    { ...target, what: 'pushed', control: { signal, timeoutMs: timeoutMs ?? patient(timeFor(manifest)) } },
    {
      prepare: (given, user) => lentLayout(dataDirectory, given, image, user),
      words: (login) => [
        ...['--preserve-digests', `--dest-tls-verify=${!plain}`],
        ...(login === undefined ? [] : ['--dest-authfile', login]),
        ...['--digestfile', '/out/digest', 'oci:layout', `docker://${uri}`],
      ],
      async result(folder) {
        const digest = (await readFile(join(folder, 'out/digest'), 'utf8')).trim();
        report({ type: 'log', level: 'debug', text: `${uri} is ${digest}` });
        return digest;
      },
    },
  );
}

function timeFor({ layers }: StoredManifest): number {
  const mebibytes = layers.reduce((sum, { size }) => sum + size, 0) / 2 ** 20;
  return 120_000 + mebibytes * 1000;
}
