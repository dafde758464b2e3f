/** The outputs in an image's record. */
import type { OutputResources } from '@aws-sdk/client-imagebuilder';
import { amisOfImage } from '../../catalog/amis.ts';
import { containerCopies } from '../../catalog/container-outputs.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { PlannedImage } from '../planning/image-plan.ts';

/**
 * `outputResources` of an image that is available. The AMI of its home Region comes first: many clients read the first
 * only.
 */
export async function outputResources(
  { arn, region }: Pick<PlannedImage, 'arn' | 'region'>,
  catalog: Pick<Catalog, 'db'>,
  kind: 'AMI' | 'DOCKER' = 'AMI',
): Promise<OutputResources> {
  if (kind === 'DOCKER') {
    const copies = await containerCopies(catalog.db, arn);
    const regions = [region, ...new Set(copies.map((copy) => copy.region).filter((each) => each !== region))];
    return {
      containers: regions.flatMap((each) => {
        const there = copies.filter((copy) => copy.region === each);
        return there.length === 0 ? [] : [{ region: each, imageUris: there.map(({ uri }) => uri) }];
      }),
    };
  }
  const found = await amisOfImage(catalog.db, arn);
  const isHome = (ami: { readonly region: string }): boolean => ami.region === region;
  const amis = [...found.filter(isHome), ...found.filter((ami) => !isHome(ami))];
  return {
    amis: amis.map((ami) => ({
      region: ami.region,
      image: ami.id,
      name: ami.name,
      description: ami.description ?? undefined,
      state: { status: 'AVAILABLE' },
      accountId: ami.account,
    })),
  };
}
