/** What an image's record says it made, and how that is taken back. */
import type { OutputResources } from '@aws-sdk/client-imagebuilder';
import { amisOfImage, type Ami } from '../catalog/amis.ts';
import { storeOf } from '../distribution/stores.ts';
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

/** Removes an AMI's flat copy and its manifest. The chain of its home Region is layers, which go by themselves. */
export async function removeCopies(work: Pick<ImageWork, 'dataDirectory'>, ami: Ami): Promise<void> {
  const { store, directory } = storeOf(work.dataDirectory, ami.region);
  await store.removeImage({ directory, amiId: ami.id });
}
