/** The records of an image's AMIs. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Insertable } from 'kysely';
import type { AmiTable } from '../catalog/engine-tables.ts';
import type { SealedLayer } from '../images/layer-store.ts';
import { timestamp } from '../platform/clock.ts';

/** The record of an AMI that a store gets. */
export type CopiedAmi = Pick<
  Insertable<AmiTable>,
  | 'id'
  | 'region'
  | 'account'
  | 'name'
  | 'description'
  | 'tags'
  | 'image_arn'
  | 'platform'
  | 'os_version'
  | 'architecture'
>;

/** The AMI that the build stage created in the home Region. */
export interface BuiltAmi {
  readonly id: string;
  readonly layer: SealedLayer;
}

/** The image of an AMI. */
export interface AmiSource {
  readonly arn: string;
  readonly account: string;
  readonly image: Pick<Image, 'name' | 'platform'>;
}

/**
 * The members of an AMI's record, without its disk.
 * @param ami.name default: the image's name and the time; distribution later sets the configured name
 */
export function amiRecord(
  { arn, account, image }: AmiSource,
  {
    id,
    region,
    osVersion,
    name,
    description,
    tags = {},
  }: {
    readonly id: string;
    readonly region: string;
    readonly osVersion: string | undefined;
    readonly name?: string;
    readonly description?: string | undefined;
    readonly tags?: Readonly<Record<string, string>>;
  },
) {
  const created = timestamp();
  return {
    id,
    region,
    account,
    name: name ?? `${image.name} ${created.replaceAll(':', '-')}`,
    description: description ?? null,
    image_arn: arn,
    tags: JSON.stringify(tags),
    platform: image.platform ?? 'Linux',
    os_version: osVersion ?? null,
    architecture: 'x86_64',
    created,
  };
}
