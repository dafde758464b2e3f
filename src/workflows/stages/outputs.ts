/** What an image's record says it made. */
import type { OutputResources } from '@aws-sdk/client-imagebuilder';
import { amisOfImage } from '../../catalog/amis.ts';
import type { ImageWork } from '../image-work.ts';

/** `outputResources` of an image that is available. The AMI of its home Region comes first: many clients read the first only. */
export async function outputResources(work: Pick<ImageWork, 'catalog' | 'arn' | 'region'>): Promise<OutputResources> {
  const found = await amisOfImage(work.catalog.db, work.arn);
  const isHome = (ami: { readonly region: string }): boolean => ami.region === work.region;
  const amis = [...found.filter(isHome), ...found.filter((ami) => !isHome(ami))];
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
