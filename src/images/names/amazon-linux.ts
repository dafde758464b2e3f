/** Amazon Linux. Disks for KVM are on Amazon's own server, with checksums but without signatures. */
import { container, forArm, refused, type NameSource } from './name.ts';

const NO_LONGER = 'End of life; Ingot no longer downloads it.';

export const amazonLinux: NameSource = {
  vendor: 'Amazon',
  names: [
    {
      name: 'amazon-linux-2023-x86',
      osVersion: 'Amazon Linux 2023',
      platform: 'Linux',
      type: 'AMI',
      supply: {
        kind: 'fetched',
        // 'latest' redirects to the directory of the newest release.
        disk: {
          vendor: 'amazon-linux',
          address: 'https://cdn.amazonlinux.com/al2023/os-images/',
          folder: 'latest/kvm/',
          sums: 'SHA256SUMS',
          file: /^al2023-kvm-[0-9.]+-kernel-6\.1-x86_64\.xfs\.gpt\.qcow2$/,
          format: 'qcow2',
        },
      },
      parameters: [
        '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
        '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64',
      ],
    },
    forArm('amazon-linux-2023-arm64', 'Amazon Linux 2023'),
    container('amazon-linux-2023-x86-2023', 'Amazon Linux 2023', 'public.ecr.aws/amazonlinux/amazonlinux:2023'),
    container('amazon-linux-2023-x86-latest', 'Amazon Linux 2023', 'public.ecr.aws/amazonlinux/amazonlinux:2023'),
    refused('amazon-linux-2-x86', 'Amazon Linux 2', NO_LONGER),
    refused('amazon-linux-2-kernel-5-x86', 'Amazon Linux 2', NO_LONGER),
    forArm('amazon-linux-2-arm64', 'Amazon Linux 2'),
    forArm('amazon-linux-2-kernel-5-arm64', 'Amazon Linux 2'),
    refused('amazon-linux-2-ecs-optimized-x86', 'Amazon Linux 2', NO_LONGER),
    refused('amazon-linux-2-ecs-optimized-kernel-5-x86', 'Amazon Linux 2', NO_LONGER),
    forArm('amazon-linux-2-ecs-optimized-arm64', 'Amazon Linux 2'),
    refused(
      'amazon-linux-2023-ecs-optimized-x86',
      'Amazon Linux 2023',
      'Amazon provides disks with the ECS agent only inside AWS.',
    ),
    forArm('amazon-linux-2023-ecs-optimized-arm64', 'Amazon Linux 2023'),
    container('amazon-linux-x86-2', 'Amazon Linux 2', 'public.ecr.aws/amazonlinux/amazonlinux:2'),
    container('amazon-linux-x86-latest', 'Amazon Linux 2', 'public.ecr.aws/amazonlinux/amazonlinux:2'),
  ],
};
