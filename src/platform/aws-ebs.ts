/**
 * Amazon EC2 and the EBS direct APIs, by the AWS SDK: its credentials, its retries. The SDK is loaded on first use.
 * Source: API references of EBS direct and EC2.
 */
import type { RegisterImageCommandInput, Tag } from '@aws-sdk/client-ec2';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { clientOptions, type AwsSettings } from './aws-secrets.ts';
import { sleep } from './clock.ts';

/** Bytes of a block of a snapshot. */
export const BLOCK_BYTES = 512 * 1024;
/** Blocks that are sent at once. */
export const BLOCKS_AT_ONCE = 64;
/** How long one block may take with its answer, in milliseconds. */
const BLOCK_MS = 30_000;
/** Minutes without a block after which EBS gives a snapshot up. */
const TIMEOUT_MINUTES = 600;
const STATE_MS = 3000;

/** How a snapshot is encrypted. It takes that of its parent where it has one. */
export interface SnapshotEncryption {
  readonly encrypted: boolean;
  readonly kmsKeyArn?: string | undefined;
}

/** Requests to EC2 and EBS of one Region. All methods throw the SDK's error, or the signal's reason. */
export class Ec2Region {
  readonly #settings: AwsSettings;
  #opened: ReturnType<typeof openClients> | undefined;

  constructor(settings: AwsSettings) {
    this.#settings = settings;
  }

  #open(): ReturnType<typeof openClients> {
    this.#opened ??= openClients(this.#settings);
    return this.#opened;
  }

  /** Frees the connections. */
  async close(): Promise<void> {
    const opened = await this.#opened;
    opened?.ec2.destroy();
    opened?.ebs.destroy();
  }

  /** Whether images may be registered there, by a request that is not carried out. */
  async mayRegister(signal: AbortSignal): Promise<void> {
    const { ec2, EC2 } = await this.#open();
    try {
      await ec2.send(new EC2.DescribeImagesCommand({ Owners: ['self'], MaxResults: 5 }), { abortSignal: signal });
      await ec2.send(new EC2.RegisterImageCommand({ DryRun: true, Name: 'ingot-check', RootDeviceName: '/dev/xvda' }), {
        abortSignal: signal,
      });
    } catch (error) {
      if ((error as Error).name === 'DryRunOperation') return;
      throw error;
    }
  }

  /** Begins a snapshot. @param token the same token gives the same snapshot */
  async startSnapshot(
    request: {
      readonly gib: number;
      readonly description: string;
      readonly token: string;
      readonly parent?: string | undefined;
      readonly encryption: SnapshotEncryption;
      readonly tags: readonly Tag[];
    },
    signal: AbortSignal,
  ): Promise<string> {
    const { ebs, EBS } = await this.#open();
    const { encrypted, kmsKeyArn } = request.encryption;
    const { SnapshotId: id } = await ebs.send(
      new EBS.StartSnapshotCommand({
        VolumeSize: request.gib,
        Description: request.description,
        ClientToken: request.token,
        Timeout: TIMEOUT_MINUTES,
        Tags: [...request.tags],
        // A parent's encryption is taken over; both in one request are rejected.
        ...(request.parent !== undefined
          ? { ParentSnapshotId: request.parent }
          : encrypted
            ? { Encrypted: true, KmsKeyArn: kmsKeyArn }
            : {}),
      }),
      { abortSignal: signal },
    );
    return id!;
  }

  /** Writes a block. @param sha256 of the data */
  async putBlock(
    snapshotId: string,
    { index, data, sha256 }: { readonly index: number; readonly data: Buffer; readonly sha256: Buffer },
    signal: AbortSignal,
  ): Promise<void> {
    const { ebs, EBS } = await this.#open();
    await ebs.send(
      new EBS.PutSnapshotBlockCommand({
        SnapshotId: snapshotId,
        BlockIndex: index,
        BlockData: data,
        DataLength: data.length,
        Checksum: sha256.toString('base64'),
        ChecksumAlgorithm: 'SHA256',
      }),
      { abortSignal: signal },
    );
  }

  /** Completes a snapshot and waits until EC2 has it. @param sha256 of the checksums of all blocks in their order */
  async completeSnapshot(snapshotId: string, count: number, sha256: Buffer, signal: AbortSignal): Promise<void> {
    const { ebs, EBS, ec2, EC2 } = await this.#open();
    await ebs.send(
      new EBS.CompleteSnapshotCommand({
        SnapshotId: snapshotId,
        ChangedBlocksCount: count,
        Checksum: sha256.toString('base64'),
        ChecksumAlgorithm: 'SHA256',
        ChecksumAggregationMethod: 'LINEAR',
      }),
      { abortSignal: signal },
    );
    for (;;) {
      const { Snapshots: [found] = [] } = await ec2.send(
        new EC2.DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }),
        { abortSignal: signal },
      );
      if (found?.State === 'completed') return;
      if (found?.State === 'error') throw new Error(`the snapshot ${snapshotId} failed: ${found.StateMessage ?? ''}`);
      await sleep(STATE_MS, signal);
    }
  }

  /** Whether a snapshot is there, complete. */
  async isComplete(snapshotId: string, signal: AbortSignal): Promise<boolean> {
    const { ec2, EC2 } = await this.#open();
    try {
      const { Snapshots: [found] = [] } = await ec2.send(
        new EC2.DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }),
        { abortSignal: signal },
      );
      return found?.State === 'completed';
    } catch (error) {
      if ((error as Error).name === 'InvalidSnapshot.NotFound') return false;
      throw error;
    }
  }

  /** Registers an image, or finds the one that an earlier try has registered over the same snapshot. Returns its id. */
  async registerImage(
    request: RegisterImageCommandInput,
    { snapshotId, tags }: { readonly snapshotId: string; readonly tags: readonly Tag[] },
    signal: AbortSignal,
  ): Promise<string> {
    const { ec2, EC2 } = await this.#open();
    const before = await ec2.send(
      new EC2.DescribeImagesCommand({
        Owners: ['self'],
        Filters: [{ Name: 'name', Values: [request.Name!] }],
      }),
      { abortSignal: signal },
    );
    const id =
      before.Images?.find(({ BlockDeviceMappings: disks }) =>
        disks?.some(({ Ebs: disk }) => disk?.SnapshotId === snapshotId),
      )?.ImageId ?? (await ec2.send(new EC2.RegisterImageCommand(request), { abortSignal: signal })).ImageId!;
    if (tags.length > 0)
      await ec2.send(new EC2.CreateTagsCommand({ Resources: [id], Tags: [...tags] }), { abortSignal: signal });
    return id;
  }

  /** Lets accounts, organizations and units launch an image. */
  async shareImage(
    imageId: string,
    permission: {
      readonly userIds?: readonly string[] | undefined;
      readonly userGroups?: readonly string[] | undefined;
      readonly organizationArns?: readonly string[] | undefined;
      readonly organizationalUnitArns?: readonly string[] | undefined;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { ec2, EC2 } = await this.#open();
    const add = [
      ...(permission.userIds ?? []).map((UserId) => ({ UserId })),
      ...(permission.userGroups ?? []).map(() => ({ Group: 'all' as const })),
      ...(permission.organizationArns ?? []).map((OrganizationArn) => ({ OrganizationArn })),
      ...(permission.organizationalUnitArns ?? []).map((OrganizationalUnitArn) => ({ OrganizationalUnitArn })),
    ];
    if (add.length === 0) return;
    await ec2.send(new EC2.ModifyImageAttributeCommand({ ImageId: imageId, LaunchPermission: { Add: add } }), {
      abortSignal: signal,
    });
  }

  /** Deregisters an image and deletes its snapshots. */
  async removeImage(imageId: string): Promise<void> {
    const { ec2, EC2 } = await this.#open();
    try {
      const { Images: [image] = [] } = await ec2.send(new EC2.DescribeImagesCommand({ ImageIds: [imageId] }));
      if (image === undefined) return;
      await ec2.send(new EC2.DeregisterImageCommand({ ImageId: imageId }));
      for (const { Ebs: disk } of image.BlockDeviceMappings ?? [])
        if (disk?.SnapshotId !== undefined)
          await ec2.send(new EC2.DeleteSnapshotCommand({ SnapshotId: disk.SnapshotId }));
    } catch (error) {
      if (!['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'].includes((error as Error).name)) throw error;
    }
  }
}

async function openClients(settings: AwsSettings) {
  const [EC2, EBS] = await Promise.all([import('@aws-sdk/client-ec2'), import('@aws-sdk/client-ebs')]);
  const agent = { keepAlive: true, maxSockets: BLOCKS_AT_ONCE };
  return {
    EC2,
    EBS,
    ec2: new EC2.EC2Client(clientOptions(settings)),
    ebs: new EBS.EBSClient({
      ...clientOptions(settings),
      // Throttling and blocks of a snapshot that is not known everywhere yet.
      maxAttempts: 10,
      requestHandler: {
        connectionTimeout: 10_000,
        requestTimeout: BLOCK_MS,
        throwOnRequestTimeout: true,
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent(agent),
      },
    }),
  };
}
