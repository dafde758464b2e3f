/** Rejects an image before it is recorded, with the planner that the worker also uses before it starts. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { ImageTask } from '../../catalog/image-task.ts';
import { NotSharedError } from '../../catalog/sharing.ts';
import { timestamp } from '../../platform/clock.ts';
import { ConfigError, readConfig, type Config } from '../../platform/config/config.ts';
import { NotGranted } from '../../platform/config/reading.ts';
import { resourceArn } from '../../resources/arns.ts';
import { accessDenied, invalidRequest } from '../../resources/errors.ts';
import type { Version } from '../../resources/versions.ts';
import type { ParsedDocuments } from '../../workflows/planning/parsed-documents.ts';
import { planImage } from '../../workflows/planning/plan-image.ts';
import type { BuildContext, RequestContext } from '../context.ts';
import { placeOf } from './common.ts';

/** An image to record. */
export interface WantedImage {
  readonly image: Omit<Image, 'arn' | 'dateCreated' | 'tags'>;
  readonly slug: string;
  readonly version: Version;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly task?: ImageTask;
}

/**
 * The current `config.yaml`, so that a new permission needs no restart. While the file is invalid, for example during
 * an edit, the last valid configuration applies.
 */
export function currentConfig({ services }: Pick<RequestContext, 'services'>): Promise<Config> {
  return readConfig(services.dataDirectory).catch((error: unknown) => {
    if (error instanceof ConfigError) return services.config;
    throw error;
  });
}

/**
 * Rejects what the planner rejects, with its message.
 * @param documents that the request has parsed already
 * @throws {ApiError} InvalidRequestException, AccessDeniedException
 */
export async function refuseUnplannable(
  context: BuildContext,
  { image, slug, version, tags, task }: WantedImage,
  documents?: ParsedDocuments,
): Promise<void> {
  const place = placeOf(context);
  const { refusals } = await planImage({
    ...place,
    // The build number is assigned when the image is recorded.
    arn: resourceArn(place, 'image', slug, version, 1),
    image: { ...image, dateCreated: timestamp(), tags: tags && { ...tags } },
    task,
    catalog: context.services.catalog,
    db: context.db,
    config: await currentConfig(context),
    documents,
  });
  const [first] = refusals;
  if (first === undefined) return;
  const message = refusals.map((refusal) => refusal.message).join('; ');
  const denied = first.cause instanceof NotGranted || first.cause instanceof NotSharedError;
  throw denied ? accessDenied(`You cannot use it: ${message}.`) : invalidRequest(message);
}
