/** What an image's record says it made. */
import type { OutputResources } from '@aws-sdk/client-imagebuilder';
import { amisOfImage } from '../catalog/amis.ts';
import type { ImageWork } from './image-work.ts';

/** `outputResources` of an image that is available. */
export async function outputResources(work: ImageWork): Promise<OutputResources> {
  const amis = await amisOfImage(work.catalog.db, work.arn);
  return {
    amis: amis.map((ami) => ({
      region: ami.region,
      image: ami.id,
      name: ami.name,
      ...(ami.description === null ? {} : { description: ami.description }),
      state: { status: 'AVAILABLE' },
      accountId: ami.account,
    })),
  };
}
