/** Snapshots: each AMI has one. */
import type * as sdk from '@aws-sdk/client-ec2';
import type { Ami } from '../../../catalog/amis.ts';
import { tagsOfEach } from '../../../catalog/tags.ts';
import { pageOf } from '../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { snapshotArn } from './arns.ts';
import { snapshotIdOf, tagList } from './described.ts';
import { checkIds, invalidParameter, snapshotNotFound } from './errors.ts';
import { filtered, type FilterValues } from './filters.ts';
import { imagesFor } from './images.ts';

const SNAPSHOT_FILTERS: FilterValues<sdk.Snapshot> = {
  description: ({ Description }) => [Description],
  encrypted: () => ['false'],
  'owner-alias': () => [],
  'owner-id': ({ OwnerId }) => [OwnerId],
  progress: ({ Progress }) => [Progress],
  'snapshot-id': ({ SnapshotId }) => [SnapshotId],
  'start-time': ({ StartTime }) => [StartTime?.toISOString()],
  status: ({ State }) => [State],
  'storage-tier': () => ['standard'],
  'volume-id': ({ VolumeId }) => [VolumeId],
  'volume-size': ({ VolumeSize }) => [String(VolumeSize)],
};

async function described(ami: Ami, tags: Readonly<Record<string, string>>, context: ServiceContext) {
  const id = snapshotIdOf(ami);
  const pending = ami.state === 'pending';
  const snapshot: sdk.Snapshot = {
    SnapshotId: id,
    OwnerId: ami.account,
    Description: `Created by Image Builder for ${ami.id}`,
    StartTime: new Date(ami.created),
    State: pending ? 'pending' : 'completed',
    Progress: pending ? '0%' : '100%',
    // The volume that a snapshot of a copied AMI has on AWS: none.
    VolumeId: 'vol-ffffffff',
    VolumeSize: await context.services.storage.diskGib(ami.file),
    Encrypted: false,
    StorageTier: 'standard',
    Tags: tagList(tags),
  };
  return snapshot;
}

export const snapshots = {
  DescribeSnapshots: {
    mutating: false,
    takes: ['SnapshotIds', 'OwnerIds', 'RestorableByUserIds', 'Filters', 'MaxResults', 'NextToken', 'DryRun'],
    needs: () => [{ resource: '*' }],
    async run(input, context) {
      const { SnapshotIds = [], OwnerIds = [], RestorableByUserIds = [] } = input;
      checkIds('snap', SnapshotIds);
      for (const owner of [...OwnerIds, ...RestorableByUserIds])
        if (!['self', 'all', 'amazon'].includes(owner) && !/^\d{12}$/.test(owner))
          throw invalidParameter(`Invalid owner: '${owner.slice(0, 64)}'. Use self or an account id.`);
      // A snapshot is its owner's: an AMI is shared without it.
      const own = (await imagesFor(context)).filter(({ account }) => account === context.account);
      const missing = SnapshotIds.find((id) => !own.some((ami) => snapshotIdOf(ami) === id));
      if (missing !== undefined) throw snapshotNotFound(missing);
      const asked = own.filter(
        (ami) =>
          (SnapshotIds.length === 0 || SnapshotIds.includes(snapshotIdOf(ami))) &&
          [OwnerIds, RestorableByUserIds].every(
            (ids) => ids.length === 0 || ids.includes('self') || ids.includes(context.account),
          ),
      );
      const tags = await tagsOfEach(
        context.db,
        asked.map((ami) => snapshotArn(snapshotIdOf(ami), context)),
      );
      const tagsOf = (id: string) => tags.get(snapshotArn(id, context)) ?? {};
      const all = await Promise.all(asked.map((ami) => described(ami, tagsOf(snapshotIdOf(ami)), context)));
      const found = filtered(all, input.Filters, SNAPSHOT_FILTERS, ({ SnapshotId }) => tagsOf(SnapshotId!));
      const page = pageOf(input, context, { least: 5, most: 1000, usual: Infinity, shape: ['number', 'string'] });
      const { items, nextToken } = page.cutAll(found, ({ StartTime, SnapshotId }) => [
        StartTime!.getTime(),
        SnapshotId!,
      ]);
      return { Snapshots: items, NextToken: nextToken };
    },
  },
} satisfies Operations<typeof sdk>;
