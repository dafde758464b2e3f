/**
 * Puts a manifest into the registry that Ingot runs, which takes it if it has all its blobs: then nothing has to be
 * sent, and no program to be started. Other registries are strangers: `push.ts`.
 */
import { storedManifestText, type BlobDescriptor } from '../../images/container-blobs.ts';
import { askServer } from '../../platform/http.ts';
import { patient } from '../../platform/patience.ts';
import type { PushTarget } from './room.ts';

const STALL_MS = 10_000;

/**
 * Names an image in Ingot's own registry.
 * @param target.uri `127.0.0.1:8700/ACCOUNT/REGION/repository:tag`
 * @returns its digest there; `undefined` if the registry does not have all its blobs
 */
export async function placeManifest(
  dataDirectory: string,
  image: BlobDescriptor,
  { uri, login }: Pick<PushTarget, 'uri' | 'login'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:/]+)$/.exec(uri)!;
  const { answer, close } = await askServer(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: {
      'content-type': image.mediaType,
      ...(login === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}` }),
    },
    body: await storedManifestText(dataDirectory, image),
    proxy: 'none',
    signal,
    stallMs: patient(STALL_MS),
  });
  answer.resume();
  close();
  const digest = answer.headers['docker-content-digest'];
  return answer.statusCode === 201 && typeof digest === 'string' ? digest : undefined;
}
