/**
 * Debian. Ingot makes `debian-12-x86` and `debian-13-x86` from packages; Debian's own cloud images are available, too.
 * Their checksums are not signed.
 */
import { type BaseImage, containerBases } from '../base/base-images.ts';
import type { NameSource, ParentName } from './name.ts';

export const debian: NameSource = {
  vendor: 'Debian',
  names: [
    made('12'),
    made('13'),
    cloud('12', 'bookworm'),
    cloud('13', 'trixie'),
    ...Object.values(containerBases).map(madeContainer),
  ],
};

function madeContainer({ name, osVersion }: BaseImage): ParentName {
  return { name, osVersion, platform: 'Linux', type: 'DOCKER', supply: { kind: 'made' } };
}

function made(release: string): ParentName {
  return {
    name: `debian-${release}-x86`,
    osVersion: `Debian ${release}`,
    platform: 'Linux',
    type: 'AMI',
    supply: { kind: 'made' },
    parameters: [`/aws/service/debian/release/${release}/latest/amd64`],
  };
}

function cloud(release: string, codename: string): ParentName {
  return {
    name: `debian-${release}-genericcloud-x86`,
    osVersion: `Debian ${release}`,
    platform: 'Linux',
    type: 'AMI',
    supply: {
      kind: 'fetched',
      disk: {
        vendor: 'debian',
        address: 'https://cloud.debian.org/images/cloud/',
        folder: `${codename}/latest/`,
        sums: 'SHA512SUMS',
        file: new RegExp(`^debian-${release}-genericcloud-amd64\\.qcow2$`),
        format: 'qcow2',
      },
    },
  };
}
