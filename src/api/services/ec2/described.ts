/** AMIs and their snapshots in the form of EC2's responses. */
import type * as sdk from '@aws-sdk/client-ec2';
import { isPublic } from '../../../catalog/ami-sharing.ts';
import type { Ami } from '../../../catalog/amis.ts';
import { snapshotIdOf } from '../../../catalog/snapshots.ts';
import type { ServiceContext } from '../service.ts';

/** Name of the root device of every AMI that Image Builder makes. */
const ROOT_DEVICE = '/dev/xvda';

/** Tags of an AMI by key. */
export function tagsOfAmi({ tags }: Pick<Ami, 'tags'>): Readonly<Record<string, string>> {
  return JSON.parse(tags) as Record<string, string>;
}

/** Tags in the form of EC2's responses. */
export function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** An AMI in a response. Its tags are shown to its owner only. */
export async function describedImage(ami: Ami, { account, services }: ServiceContext): Promise<sdk.Image> {
  const windows = ami.platform === 'Windows';
  const gib = await services.storage.diskGib(ami.file);
  return {
    ImageId: ami.id,
    Name: ami.name,
    Description: ami.description ?? undefined,
    ImageLocation: `${ami.account}/${ami.name}`,
    OwnerId: ami.account,
    Public: isPublic(ami),
    CreationDate: ami.created,
    Architecture: ami.architecture as sdk.ArchitectureValues,
    ImageType: 'machine',
    Platform: windows ? 'Windows' : undefined,
    PlatformDetails: windows ? 'Windows' : 'Linux/UNIX',
    UsageOperation: windows ? 'RunInstances:0002' : 'RunInstances',
    State: ami.state,
    StateReason: ami.state_reason === null ? undefined : { Code: 'Server.InternalError', Message: ami.state_reason },
    RootDeviceType: 'ebs',
    RootDeviceName: ROOT_DEVICE,
    BlockDeviceMappings: [
      {
        DeviceName: ROOT_DEVICE,
        Ebs: {
          SnapshotId: snapshotIdOf(ami),
          VolumeSize: gib,
          VolumeType: 'gp3',
          DeleteOnTermination: true,
          Encrypted: ami.kms_key_arn !== null,
        },
      },
    ],
    VirtualizationType: 'hvm',
    Hypervisor: 'xen',
    EnaSupport: true,
    SriovNetSupport: 'simple',
    DeprecationTime: ami.deprecation_time ?? undefined,
    SourceImageId: ami.source_ami ?? undefined,
    SourceImageRegion: ami.source_region ?? undefined,
    Tags: ami.account === account ? tagList(tagsOfAmi(ami)) : [],
  };
}
