/** Copying and deregistering AMIs. */
import type * as sdk from '@aws-sdk/client-ec2';
import { regionFolder } from '../../../platform/data-layout.ts';
import { mayUse } from '../../../catalog/ami-sharing.ts';
import { findAmi, insertAmi, type Ami } from '../../../catalog/amis.ts';
import { snapshotIdOf } from '../../../catalog/snapshots.ts';
import { KeyError, usableKey } from '../../../keys/references.ts';
import { timestamp } from '../../../platform/clock.ts';
import { newAmiId } from '../../../platform/ids.ts';
import { ApiError } from '../../../resources/errors.ts';
import { isRegion } from '../../../resources/regions.ts';
import { ServiceError } from '../errors.ts';
import type { InputOf, Operations, ServiceContext } from '../service.ts';
import { imageArn, snapshotArn } from './arns.ts';
import { amiNotFound, checkIds, invalidParameter } from './errors.ts';
import { ownImage } from './images.ts';
import { readTags } from './tags.ts';

type CopyImage = InputOf<typeof sdk, 'CopyImage'>;

/** Tags of the copy: those of the request and, if asked for, those of its source. */
function tagsFor({ TagSpecifications = [], CopyImageTags }: CopyImage, source: Ami, own: boolean) {
  const wrong = TagSpecifications.find(({ ResourceType }) => ResourceType !== 'image');
  if (wrong !== undefined) throw invalidParameter(`Ingot tags the image of a copy, not '${wrong.ResourceType}'.`);
  return {
    ...(CopyImageTags === true && own ? (JSON.parse(source.tags) as Record<string, string>) : {}),
    ...readTags(TagSpecifications.flatMap(({ Tags = [] }) => Tags)),
  };
}

async function copyImage(input: CopyImage, context: ServiceContext): Promise<sdk.CopyImageResult> {
  const { SourceImageId, SourceRegion, Name, Description, Encrypted, KmsKeyId } = input;
  checkIds('ami', [SourceImageId]);
  if (!isRegion(SourceRegion)) throw invalidParameter(`Invalid region name: ${SourceRegion.slice(0, 64)}`);
  if (!/^[a-zA-Z0-9()[\] ./'@_-]{3,128}$/.test(Name))
    throw new ServiceError('InvalidAMIName.Malformed', `'${Name.slice(0, 128)}' is not a valid name of an AMI.`);
  const source = await findAmi(context.db, SourceImageId, SourceRegion);
  const { organizations } = context.services.catalog.managed.settings;
  if (source === undefined || !mayUse(source, context.account, organizations)) throw amiNotFound([SourceImageId]);
  const id = newAmiId();
  const here = SourceRegion === context.region;
  if (source.kms_key_arn === null && (Encrypted === true || KmsKeyId !== undefined))
    throw new ServiceError(
      'UnsupportedOperation',
      `${SourceImageId} is not encrypted, and Ingot does not encrypt while it copies: build the image with encryption.`,
    );
  if (here && KmsKeyId !== undefined)
    throw new ServiceError('UnsupportedOperation', 'A copy in the same Region keeps the key of its source.');
  const kmsKeyArn = here ? source.kms_key_arn : await keyOf(KmsKeyId, context);
  await insertAmi(context.db, {
    id,
    region: context.region,
    account: context.account,
    name: Name,
    description: Description ?? source.description,
    // No image resource made this AMI.
    image_arn: `arn:aws:ec2:${context.region}:${context.account}:image/${id}`,
    // Within one Region, a copy is another AMI that shares the disk.
    layer_id: here ? source.layer_id : null,
    // Elsewhere the worker takes the default key if none is named.
    kms_key_arn: kmsKeyArn,
    file: here ? source.file : `${regionFolder('', context.region)}/${id}.qcow2`,
    state: here ? 'available' : 'pending',
    tags: JSON.stringify(tagsFor(input, source, source.account === context.account)),
    platform: source.platform,
    os_version: source.os_version,
    architecture: source.architecture,
    created: timestamp(),
    source_ami: source.id,
    source_region: source.region,
  });
  if (!here) context.afterCommit(context.services.wakeWorker);
  return { ImageId: id };
}

/** The key that a request names. */
async function keyOf(reference: string | undefined, context: ServiceContext): Promise<string | null> {
  if (reference === undefined) return null;
  try {
    return (await usableKey(context.db, reference, context)).arn;
  } catch (error) {
    if (error instanceof KeyError) throw new ServiceError('InvalidKmsKey.InvalidKeyId', `KmsKeyId: ${error.message}.`);
    throw error;
  }
}

export const imageCopies = {
  CopyImage: {
    mutating: true,
    takes: [
      'SourceImageId',
      'SourceRegion',
      'Name',
      'Description',
      'CopyImageTags',
      'TagSpecifications',
      'Encrypted',
      'KmsKeyId',
      'ClientToken',
      'DryRun',
    ],
    needs: ({ SourceImageId, SourceRegion }, place) => [
      { resource: imageArn('*', place) },
      { resource: imageArn(SourceImageId, { region: SourceRegion }) },
    ],
    run: copyImage,
  },

  DeregisterImage: {
    mutating: true,
    // It deletes files after the record, so it needs transactions of its own.
    outside: true,
    takes: ['ImageId', 'DeleteAssociatedSnapshots', 'DryRun'],
    needs: ({ ImageId, DeleteAssociatedSnapshots }, place) => [
      { resource: imageArn(ImageId, place) },
      ...(DeleteAssociatedSnapshots === true
        ? [{ action: 'ec2:DeleteSnapshot', resource: snapshotArn(snapshotIdOf({ id: ImageId }), place) }]
        : []),
    ],
    async run({ ImageId, DeleteAssociatedSnapshots = false }, context) {
      await ownImage(context, ImageId);
      await context.services.storage
        .deregister(context, ImageId, context.region, { keepSnapshot: !DeleteAssociatedSnapshots })
        .catch((error: unknown) => {
          if (error instanceof ApiError && error.code === 'ResourceInUseException')
            throw new ServiceError('InvalidAMIID.Unavailable', error.message);
          throw error;
        });
      const results = DeleteAssociatedSnapshots
        ? [{ SnapshotId: snapshotIdOf({ id: ImageId }), ReturnCode: 'success' as const }]
        : [];
      return { Return: true, DeleteSnapshotResults: results };
    },
  },
} satisfies Operations<typeof sdk>;
