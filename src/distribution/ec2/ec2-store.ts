/** A Region that is a Region of AWS. `place-image.ts` puts images there; what is there belongs to EC2. */
import { Ec2Region } from '../../platform/aws-ebs.ts';
import type { AwsSettings } from '../../platform/aws-secrets.ts';
import type { Ec2Settings } from '../../platform/config/regions.ts';
import type { Store } from '../store.ts';

/** Where AWS is. */
export function awsRegion(settings: Ec2Settings, region: string): AwsSettings {
  return {
    region: settings.awsRegion ?? region,
    endpoint: settings.endpoint,
    profile: settings.profile,
  };
}

/** The store of such a Region. Its disks are blocks, not layers, so it gives none back. */
export function ec2Store(settings: Ec2Settings, region: string): Store {
  const target = awsRegion(settings, region);
  const place = `EC2 in ${target.region}`;
  const asked = async <T>(ask: (aws: Ec2Region) => Promise<T>): Promise<T> => {
    const aws = new Ec2Region(target);
    try {
      return await ask(aws);
    } catch (error) {
      const { name, message } = error as Error;
      throw new Error(`${place}: ${name === 'Error' ? '' : `${name}: `}${message}`, { cause: error });
    } finally {
      await aws.close();
    }
  };
  return {
    place,
    check: (signal) => asked((aws) => aws.mayRegister(signal)),
    putImage: () => Promise.reject(new Error(`${place} takes disks, not layers`)),
    image: async () => undefined,
    images: async () => [],
    fetchLayer: () => Promise.reject(new Error(`${place} gives no layers back`)),
    faultsOf: async () => [],
    share: (amiId, permission, signal) => asked((aws) => aws.shareImage(amiId, permission, signal)),
    removeImage: (amiId) => asked((aws) => aws.removeImage(amiId)),
  };
}
