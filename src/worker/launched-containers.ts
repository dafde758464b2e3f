/** Launched container images: the disk that one starts from, and its program. */
import type { Catalog } from '../catalog/catalog.ts';
import { containerOutput } from '../catalog/container-outputs.ts';
import type { InstanceRecord } from '../catalog/instances.ts';
import { blankContainerDisk } from '../images/base/base-images.ts';
import { ensureBaseImage } from '../images/base/ensure.ts';
import { document, missingBlobs, readSmall, storedManifest } from '../images/container-blobs.ts';
import type { LayerStore, SealedLayer } from '../images/layer-store.ts';
import { isContainerInstance } from '../instances/buildah/driver.ts';
import type { Instance } from '../instances/instance.ts';
import { blobFile } from '../platform/data-layout.ts';
import { unpackImage } from '../workflows/containers/build-parts.ts';

/** A container that is about to start. */
export interface ContainerStart {
  /** The disk to start from. The instance is recorded as its user. */
  readonly layer: SealedLayer;
  readonly program: readonly string[];
  /** Makes the image ready if the disk does not have it, and starts its program. */
  readonly begin: (instance: Instance) => Promise<void>;
}

/**
 * Prepares the launch of a container image. Its disk is that of its build; if that was collected as garbage, the image
 * is unpacked again.
 * @throws {Error} with a message for the user
 */
export async function containerStart(
  catalog: Catalog,
  layers: LayerStore,
  { id, account, image_arn: arn }: InstanceRecord,
  signal: AbortSignal,
): Promise<ContainerStart> {
  const { dataDirectory } = catalog;
  const output = await containerOutput(catalog.db, arn ?? '');
  if (output === undefined) throw new Error(`${arn} was deleted`);
  const missing = await missingBlobs(dataDirectory, JSON.parse(output.blobs) as string[]);
  if (missing.length > 0) throw new Error(`${missing.length} blobs of ${arn} are missing: build it again`);
  const image = { digest: output.digest, mediaType: output.media_type, size: output.size };
  const { config } = await storedManifest(dataDirectory, image);
  const program = programOf(await readSmall(blobFile(dataDirectory, config.digest), 'its configuration'));
  if (program.length === 0) throw new Error(`${arn} has neither ENTRYPOINT nor CMD: there is no program to run`);
  const built = await layers.takeById(output.layer_id, id);
  let layer = built;
  if (layer === undefined) {
    const request = { catalog, layers, dataDirectory, report: () => {}, signal };
    ({ layer } = await ensureBaseImage(blankContainerDisk, request));
    await layers.use(layer.id, id);
  }
  return {
    layer,
    program,
    async begin(instance) {
      if (!isContainerInstance(instance)) throw new TypeError('not a container');
      if (built === undefined)
        await unpackImage(
          instance,
          { kind: 'image', arn: output.image_arn, ...image },
          { dataDirectory, account, report: () => {}, signal },
        );
      await instance.startProgram(signal);
    },
  };
}

/** The program of an image and its arguments, from the image's configuration. */
function programOf(configuration: Buffer): readonly string[] {
  const { config } = document(configuration, 'its configuration');
  const { Entrypoint, Cmd } = (config ?? {}) as Readonly<Record<string, unknown>>;
  return [Entrypoint, Cmd].flatMap((words) => (Array.isArray(words) ? words.map(String) : []));
}
