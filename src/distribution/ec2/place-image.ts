/** An AMI in a Region that is a Region of AWS: its disk as a snapshot, and an image over it. */
import type { Catalog } from '../../catalog/catalog.ts';
import { diskChain } from '../../images/disks.ts';
import { flatSource } from '../../images/flat-copy.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { Ec2Region } from '../../platform/aws-ebs.ts';
import type { Ec2Settings } from '../../platform/config/regions.ts';
import type { Report } from '../../resources/progress.ts';
import type { CopiedAmi } from '../ami-record.ts';
import { awsRegion } from './ec2-store.ts';
import { sendSnapshot } from './send-snapshot.ts';

/** Where Ingot's base images, and most others, have their disk. */
const ROOT_DEVICE = '/dev/xvda';
/** Limits of EC2. Source: API Reference, RegisterImage and CreateTags. */
const LONGEST = { name: 128, description: 255, tagValue: 255 };
const RESERVED_TAG = /^aws:/i;

/** Puts an AMI there. @returns the id that EC2 gave it */
export async function placeOnEc2(
  { db }: Pick<Catalog, 'db'>,
  settings: Ec2Settings,
  ami: CopiedAmi,
  layer: SealedLayer,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<string> {
  const chain = await diskChain(layer.path);
  const files = [layer.path, ...chain.flatMap(({ backing }) => backing ?? [])];
  const source = await flatSource(files, chain[0]!.virtualSize);
  if (source === undefined)
    throw new Error(`the disk of ${ami.id} is compressed and cannot be sent to EC2: build an image on it first`);
  const aws = new Ec2Region(awsRegion(settings, ami.region));
  const { name, description } = ami;
  const tags = tagsOf(ami);
  try {
    const { snapshotId, parent, sent } = await sendSnapshot(
      db,
      aws,
      {
        source,
        region: ami.region,
        lineage: ami.image_arn.replace(/\/\d+\.\d+\.\d+\/\d+$/, ''),
        layerId: layer.id,
        description: `Ingot: ${name}`.slice(0, LONGEST.description),
        encryption: { encrypted: settings.encrypted, kmsKeyArn: settings.kmsKeyId },
        tags,
      },
      { report, signal },
    );
    const over = parent === undefined ? '' : `, over ${parent}`;
    report({ type: 'log', text: `${snapshotId} in ${ami.region}: ${sent} blocks of 512 KiB were sent${over}` });
    return await aws.registerImage(
      {
        Name: name.slice(0, LONGEST.name),
        Description: description?.slice(0, LONGEST.description),
        Architecture: 'x86_64',
        VirtualizationType: 'hvm',
        RootDeviceName: ROOT_DEVICE,
        BlockDeviceMappings: [
          { DeviceName: ROOT_DEVICE, Ebs: { SnapshotId: snapshotId, VolumeType: 'gp3', DeleteOnTermination: true } },
        ],
        EnaSupport: true,
        SriovNetSupport: 'simple',
        ImdsSupport: 'v2.0',
        // Ingot's own images boot both ways; nothing is known of others but that a machine booted them by BIOS.
        BootMode: layer.origin === 'made' ? 'uefi-preferred' : 'legacy-bios',
      },
      { snapshotId, tags },
      signal,
    );
  } finally {
    await aws.close();
  }
}

function tagsOf({ tags }: CopiedAmi): readonly { readonly Key: string; readonly Value: string }[] {
  return Object.entries(JSON.parse(tags) as Record<string, string>)
    .filter(([key]) => !RESERVED_TAG.test(key))
    .map(([Key, value]) => ({ Key, Value: value.slice(0, LONGEST.tagValue) }));
}
