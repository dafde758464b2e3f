/**
 * Ubuntu. Canonical signs the checksums of its cloud images. The key is identified by its fingerprint, wherever it was
 * downloaded from.
 */
import { container, forArm, refused, type NameSource, type ParentName } from './name.ts';

/** "UEC Image Automatic Signing Key <cdimage@ubuntu.com>". */
const FINGERPRINT = 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81';

const ENDED = 'End of standard support; Ingot no longer downloads it.';

export const ubuntu: NameSource = {
  vendor: 'Canonical',
  names: [
    server('24', '24.04', 'noble'),
    server('22', '22.04', 'jammy'),
    forArm('ubuntu-server-24-lts-arm64', 'Ubuntu 24.04'),
    forArm('ubuntu-server-22-lts-arm64', 'Ubuntu 22.04'),
    refused('ubuntu-server-20-lts-x86', 'Ubuntu 20.04', ENDED),
    forArm('ubuntu-server-20-lts-arm64', 'Ubuntu 20.04'),
    refused('ubuntu-server-18-lts-x86', 'Ubuntu 18.04', ENDED),
    forArm('ubuntu-server-18-lts-arm64', 'Ubuntu 18.04'),
    refused('ubuntu-server-16-lts-x86', 'Ubuntu 16.04', ENDED),
    container('ubuntu-24-x86-24-04', 'Ubuntu 24.04', 'public.ecr.aws/ubuntu/ubuntu:24.04'),
    container('ubuntu-22-x86-22-04', 'Ubuntu 22.04', 'public.ecr.aws/ubuntu/ubuntu:22.04'),
    container('ubuntu-20-x86-20-04', 'Ubuntu 20.04', 'public.ecr.aws/ubuntu/ubuntu:20.04'),
    container('ubuntu-18-x86-18-04', 'Ubuntu 18.04', 'public.ecr.aws/ubuntu/ubuntu:18.04'),
  ],
};

function server(short: string, version: string, codename: string): ParentName {
  return {
    name: `ubuntu-server-${short}-lts-x86`,
    osVersion: `Ubuntu ${version}`,
    platform: 'Linux',
    type: 'AMI',
    supply: {
      kind: 'fetched',
      disk: {
        vendor: 'ubuntu',
        address: 'https://cloud-images.ubuntu.com/releases/',
        folder: `${codename}/release/`,
        sums: 'SHA256SUMS',
        file: new RegExp(`^ubuntu-${version.replace('.', '\\.')}-server-cloudimg-amd64\\.img$`),
        format: 'qcow2',
        signature: {
          file: 'SHA256SUMS.gpg',
          key: `https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x${FINGERPRINT}`,
          fingerprints: [FINGERPRINT],
        },
      },
    },
    parameters: ['ebs-gp2', 'ebs-gp3'].map(
      (store) => `/aws/service/canonical/ubuntu/server/${version}/stable/current/amd64/hvm/${store}/ami-id`,
    ),
  };
}
