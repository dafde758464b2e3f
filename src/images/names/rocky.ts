/** Rocky Linux. Each disk has a file of checksums, which are not signed. */
import type { NameSource, ParentName } from './name.ts';

export const rocky: NameSource = {
  vendor: 'Rocky Linux',
  names: ['8', '9', '10'].map((release): ParentName => {
    const file = `Rocky-${release}-GenericCloud-Base.latest.x86_64.qcow2`;
    return {
      name: `rocky-linux-${release}-x86`,
      osVersion: `Rocky Linux ${release}`,
      platform: 'Linux',
      type: 'AMI',
      supply: {
        kind: 'fetched',
        disk: {
          vendor: 'rocky',
          address: 'https://dl.rockylinux.org/pub/rocky/',
          folder: `${release}/images/x86_64/`,
          sums: `${file}.CHECKSUM`,
          file: new RegExp(`^${file.replaceAll('.', '\\.')}$`),
          format: 'qcow2',
        },
      },
    };
  }),
};
