/** The records of an image's AMIs. */
import { timestamp } from '../platform/clock.ts';
import type { ImageWork } from './image-work.ts';

/**
 * What the record of an AMI says besides its disk.
 * @param ami.name the image's with the time when absent: distribution gives it the name that the configuration asks for
 */
export function amiRecord(
  work: ImageWork,
  {
    id,
    region,
    name,
    description,
    tags = {},
  }: {
    readonly id: string;
    readonly region: string;
    readonly name?: string;
    readonly description?: string | undefined;
    readonly tags?: Readonly<Record<string, string>>;
  },
) {
  const created = timestamp();
  return {
    id,
    region,
    account: work.account,
    name: name ?? `${work.image.name} ${created.replaceAll(':', '-')}`,
    description: description ?? null,
    image_arn: work.arn,
    tags: JSON.stringify(tags),
    platform: work.image.platform ?? 'Linux',
    os_version: work.osVersion ?? null,
    architecture: 'x86_64',
    created,
  };
}
