/** Writes the container image of a build as an OCI image, stores its blobs, and records it by its digest. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { containerOutput, containerOutputWithKey, saveContainerOutput } from '../../catalog/container-outputs.ts';
import { wasChangedByHand } from '../../catalog/instances.ts';
import type { BuiltContainer } from '../../distribution/built-container.ts';
import { storedManifest, takeLayout, type StoredManifest } from '../../images/container-blobs.ts';
import { CURRENT_IMAGE, isContainerInstance } from '../../instances/buildah/driver.ts';
import { timestamp } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { readScript } from '../../platform/scripts.ts';
import { parseArn } from '../../resources/arns.ts';
import { formatVersion } from '../../resources/versions.ts';
import type { Report } from '../../resources/progress.ts';
import { StepError } from '../errors.ts';
import type { ImageProgress, ImageServices, WorkInstance } from '../machines/image-progress.ts';
import { canonicalJson, keyOfItsOwn } from '../machines/layer-key.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import { beside } from './beside.ts';

/** What writing the image needs. */
export interface OutputWork {
  readonly plan: Pick<ImagePlan, 'arn' | 'image'>;
  readonly progress: Pick<ImageProgress, 'container'>;
  readonly services: Pick<ImageServices, 'catalog' | 'dataDirectory'>;
}

const EXPORT_SECONDS = 3600;
const EXPORT = readScript(import.meta.url, 'export.sh');

/** OCI labels of the image. They are equal for two builds of the same content. */
function labelsOf({ arn, image }: OutputWork['plan']): Readonly<Record<string, string>> {
  const version = parseArn(arn)?.version;
  return {
    'org.opencontainers.image.title': image.name ?? '',
    ...(version === undefined ? {} : { 'org.opencontainers.image.version': formatVersion(version) }),
    ...(image.containerRecipe?.description === undefined
      ? {}
      : { 'org.opencontainers.image.description': image.containerRecipe.description }),
    'org.opencontainers.image.base.name': image.containerRecipe?.parentImage ?? '',
  };
}

/** The key of the image that a build makes from its last layer. */
export function outputKey(plan: OutputWork['plan'], layerKey: string): string {
  return createHash('sha256')
    .update(canonicalJson({ format: 1, layerKey, labels: labelsOf(plan) }))
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
  { dataDirectory }: Pick<ImageServices, 'dataDirectory'>,
  plan: OutputWork['plan'],
  entry: WorkInstance,
  report: Report,
  signal: AbortSignal,
): Promise<StoredManifest> {
  if (!isContainerInstance(entry.instance)) throw new TypeError('only a container build has an image to write');
  const labels = Object.entries(labelsOf(plan)).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
  await beside(
    entry.instance,
    {
      script: EXPORT,
      words: [CURRENT_IMAGE, ...labels],
      what: 'writing the image',
      timeoutSeconds: patient(EXPORT_SECONDS * 1000) / 1000,
    },
    { report, signal },
  );
  const layout = join(entry.instance.workFolder, 'out');
  try {
    return await takeLayout(dataDirectory, layout, signal);
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
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
