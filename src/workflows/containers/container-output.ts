/** Writes the container image of a build as an OCI image, stores its blobs, and records it by its digest. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../../catalog/catalog.ts';
import { compressedLayers, OWN_TIMES, saveCompressedLayers } from '../../catalog/container-layers.ts';
import { containerOutput, containerOutputWithKey, saveContainerOutput } from '../../catalog/container-outputs.ts';
import { wasChangedByHand } from '../../catalog/instances.ts';
import type { BuiltContainer } from '../../distribution/built-container.ts';
import { DIGEST, readSmall, refresh, storedManifest, type StoredManifest } from '../../images/container-blobs.ts';
import { writeImage, type WrittenLayer } from '../../images/container-image.ts';
import { CURRENT_IMAGE, isContainerInstance } from '../../instances/buildah/driver.ts';
import { timestamp } from '../../platform/clock.ts';
import { blobFile } from '../../platform/data-layout.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { readScript } from '../../platform/scripts.ts';
import type { Report } from '../../resources/progress.ts';
import { StepError } from '../errors.ts';
import type { ImageProgress, ImageServices, WorkInstance } from '../machines/image-progress.ts';
import { canonicalJson, keyOfItsOwn } from '../machines/layer-key.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import { beside } from './beside.ts';
import { argumentsOf } from './container-settings.ts';

/** What writing the image needs. */
export interface OutputWork {
  readonly plan: Pick<ImagePlan, 'arn' | 'account' | 'container'>;
  readonly progress: Pick<ImageProgress, 'container'>;
  readonly services: Pick<ImageServices, 'catalog' | 'dataDirectory'>;
}

const EXPORT_SECONDS = 3600;
/** Layers that a build is told of: more than one host's images share. */
const MOST_KNOWN = 1000;
const BASE_DIGEST = 'org.opencontainers.image.base.digest';
const EXPORT = readScript(import.meta.url, 'export.sh');

/** The key of the image that a build makes from its last layer. */
export function outputKey({ container }: Pick<ImagePlan, 'container'>, layerKey: string): string {
  const { labels, epoch } = container!.settings;
  return createHash('sha256')
    .update(canonicalJson({ format: 2, layerKey, labels, epoch }))
    .digest('hex');
}

/** Writes the image of the build instance, or reuses that of an earlier build with the same key. */
export async function writeContainer(
  { plan, progress, services }: OutputWork,
  entry: WorkInstance,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<BuiltContainer> {
  const { db } = services.catalog;
  const key = outputKey(plan, entry.parentKey);
  let manifest: StoredManifest;
  if (isContainerInstance(entry.instance)) manifest = await exportImage(services, plan, entry, report, signal);
  else {
    const made = await containerOutputWithKey(db, key);
    if (made === undefined) throw new StepError('the image of an earlier build was removed meanwhile: build it again');
    manifest = await storedManifest(services.dataDirectory, {
      digest: made.digest,
      mediaType: made.media_type,
      size: made.size,
    });
  }
  const { digest, mediaType, size } = manifest;
  await saveContainerOutput(db, {
    image_arn: plan.arn,
    layer_id: entry.parent.id,
    // A user may have changed it since the last layer was sealed.
    output_key: (await wasChangedByHand(db, entry.instance.id)) ? keyOfItsOwn(key, newUuid()) : key,
    digest,
    media_type: mediaType,
    size,
    blobs: JSON.stringify([digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)]),
    created: timestamp(),
  });
  const built = { digest, mediaType, size, layer: entry.parent };
  progress.container = built;
  const bytes = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  report({
    type: 'log',
    text: `image ${digest}: ${manifest.layers.length} layers, ${Math.round(bytes / 1e6)} MB compressed`,
  });
  return built;
}

async function exportImage(
  { catalog: { db }, dataDirectory }: OutputWork['services'],
  { account, container }: OutputWork['plan'],
  entry: WorkInstance,
  report: Report,
  signal: AbortSignal,
): Promise<StoredManifest> {
  const { instance } = entry;
  if (!isContainerInstance(instance)) throw new TypeError('only a container build has an image to write');
  const { labels, epoch } = container!.settings;
  const known = await knownLayers({ catalog: { db }, dataDirectory }, account, epoch);
  await beside(
    instance,
    {
      script: EXPORT,
      words: [CURRENT_IMAGE],
      what: 'writing the image',
      stdin: [...known.keys()].map((digest) => `${digest.slice('sha256:'.length)}\n`).join(''),
      timeoutSeconds: patient(EXPORT_SECONDS * 1000) / 1000,
    },
    { report, signal },
  );
  const layout = join(instance.workFolder, 'out');
  try {
    const base = await parentDigest(instance.workFolder);
    const { manifest, layers } = await writeImage(
      dataDirectory,
      layout,
      known,
      {
        labels: base === undefined ? labels : { ...labels, [BASE_DIGEST]: base },
        epoch,
        buildArguments: argumentsOf(container!.settings),
      },
      signal,
    );
    await saveCompressedLayers(
      db,
      layers.map(({ diffId, outDiffId, digest, size }) => ({
        account,
        diff_id: diffId,
        epoch: epoch ?? OWN_TIMES,
        out_diff_id: outDiffId,
        digest,
        size,
      })),
    );
    return manifest;
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
}

/** Layers of the account that were compressed before, and whose blobs are there. */
async function knownLayers(
  { catalog: { db }, dataDirectory }: { readonly catalog: Pick<Catalog, 'db'>; readonly dataDirectory: string },
  account: string,
  epoch: number | undefined,
): Promise<ReadonlyMap<string, WrittenLayer>> {
  const known = new Map<string, WrittenLayer>();
  for (const layer of await compressedLayers(db, account, epoch ?? OWN_TIMES, MOST_KNOWN)) {
    const { diff_id: diffId, out_diff_id: outDiffId, digest, size } = layer;
    if (await refresh(blobFile(dataDirectory, digest), size)) known.set(diffId, { diffId, outDiffId, digest, size });
  }
  return known;
}

/** The digest of the parent image's manifest; `undefined` if the build has none. The file is the build's: untrusted. */
async function parentDigest(workFolder: string): Promise<string | undefined> {
  const text = await readSmall(join(workFolder, 'parent.digest'), 'the digest of the parent image').catch(() => '');
  const digest = text.toString().trim();
  return DIGEST.test(digest) ? digest : undefined;
}

/**
 * The container image of a build, for work that begins after it. Records that the image uses its layer.
 * @throws {StepError} if it no longer exists
 */
export async function madeContainer(
  { catalog, layers }: Pick<ImageServices, 'catalog' | 'layers'>,
  arn: string,
): Promise<BuiltContainer> {
  const made = await containerOutput(catalog.db, arn);
  if (made === undefined)
    throw new StepError('what the build stage made was collected as garbage meanwhile: start the build again');
  const { digest, media_type: mediaType, size } = made;
  return { digest, mediaType, size, layer: await layers.takeById(made.layer_id, arn) };
}
