/** Snapshots: each AMI has one. */
import type * as sdk from '@aws-sdk/client-ec2';
import type { Ami } from '../../../catalog/amis.ts';
import { amiIdOf, amisOfKeptSnapshots, snapshotIdOf } from '../../../catalog/snapshots.ts';
import { removeAllTags, tagsOfEach } from '../../../catalog/tags.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { snapshotArn } from './arns.ts';
import { tagList } from './described.ts';
import { checkIds, invalidParameter, snapshotNotFound } from './errors.ts';
import { filtered, type FilterValues } from './filters.ts';
import { imagesFor } from './images.ts';

const SNAPSHOT_FILTERS: FilterValues<sdk.Snapshot> = {
  description: ({ Description }) => [Description],
  encrypted: ({ Encrypted }) => [String(Encrypted)],
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
    // The placeholder that AWS shows for a snapshot without a volume.
    VolumeId: 'vol-ffffffff',
    VolumeSize: await context.services.storage.diskGib(ami.file),
    Encrypted: ami.kms_key_arn !== null,
    KmsKeyId: ami.kms_key_arn ?? undefined,
    StorageTier: 'standard',
    Tags: tagList(tags),
  };
  return snapshot;
}

/** AMIs of the caller that have a snapshot: registered ones, and deregistered ones whose snapshot was kept. */
async function ownSnapshots(context: ServiceContext): Promise<readonly Ami[]> {
  const inForce = (await imagesFor(context)).filter(({ account }) => account === context.account);
  return [...inForce, ...(await amisOfKeptSnapshots(context.db, context))].sort((a, b) =>
    a.created + a.id < b.created + b.id ? -1 : 1,
  );
}

export const snapshots = {
  DeleteSnapshot: {
    mutating: true,
    // It deletes files after the record, so it needs transactions of its own.
    outside: true,
    takes: ['SnapshotId', 'DryRun'],
    needs: ({ SnapshotId }, place) => [{ resource: snapshotArn(SnapshotId, place) }],
    async run({ SnapshotId }, context) {
      checkIds('snap', [SnapshotId]);
      const ami = (await ownSnapshots(context)).find((each) => snapshotIdOf(each) === SnapshotId);
      if (ami === undefined) throw snapshotNotFound(SnapshotId);
      if (ami.state !== 'deregistered')
        throw new ServiceError(
          'InvalidSnapshot.InUse',
          `The snapshot ${SnapshotId} is currently in use by ${amiIdOf(SnapshotId)}`,
        );
      await removeAllTags(context.db, snapshotArn(SnapshotId, context));
      await context.services.storage.deleteSnapshot(ami);
      return {};
    },
  },

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
      // Sharing an AMI does not share its snapshot.
      const own = await ownSnapshots(context);
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
