/**
 * Gets container images from registries that `config.yaml` lists, with the operator's logins: neither reaches a build.
 * Skopeo runs as it does for pushes, as a separate user that sees nothing of the host but programs.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { takeLayout, type StoredManifest } from '../../images/container-blobs.ts';
import { patient } from '../../platform/patience.ts';
import { inRoom, type PushControl, type PushTarget } from './room.ts';

/** Time limit of a pull in milliseconds. */
const PULL_MS = 1_800_000;
/** Maximum bytes of a blob. */
const LARGEST_BLOB = 16 * 2 ** 30;

/**
 * Gets an image into the data directory. Its blobs are verified by their digests.
 * @param source.uri `host/repository:tag` or `host/repository@sha256:…`; of several architectures it is this host's
 * @throws {RoomError} with the registry's reason
 */
export async function pullImage(
  dataDirectory: string,
  source: PushTarget,
  { signal, timeoutMs }: Pick<PushControl, 'signal' | 'timeoutMs'>,
): Promise<StoredManifest> {
  return inRoom(
    dataDirectory,
    { ...source, what: 'pulled', control: { signal, timeoutMs: timeoutMs ?? patient(PULL_MS) } },
    {
      fileBytes: LARGEST_BLOB,
      async prepare() {},
      words: (login) => [
        ...['--dest-oci-accept-uncompressed-layers', `--src-tls-verify=${!source.plain}`],
        ...(login === undefined ? [] : ['--src-authfile', login]),
        ...[`docker://${source.uri}`, 'oci:/out/layout:image'],
      ],
      async result(folder) {
        const layout = join(folder, 'out/layout');
        await mkdir(layout, { recursive: true });
        const manifest = await takeLayout(dataDirectory, layout, signal);
        await rm(layout, { recursive: true, force: true });
        return manifest;
      },
    },
  );
}
