/**
 * A disk as a snapshot of EBS: only blocks that hold data go up, and over a snapshot of an earlier version only those
 * that changed. What was sent is on record, so that an interrupted transfer continues.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  deleteSnapshot,
  earlierSnapshots,
  insertSnapshot,
  snapshotOfDisk,
  updateSnapshot,
  type AwsSnapshot,
} from '../../catalog/aws-snapshots.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import { dataBlocks, type FlatSource } from '../../images/flat-copy.ts';
import { BLOCK_BYTES, BLOCKS_AT_ONCE, type Ec2Region, type SnapshotEncryption } from '../../platform/aws-ebs.ts';
import { timestamp } from '../../platform/clock.ts';
import type { Report } from '../../resources/progress.ts';

const GIB = 1024 ** 3;
/** The record of what was sent is written at most this often, in milliseconds. */
const RECORD_MS = 2000;

/** SHA-256 of blocks that hold data, in hexadecimal digits, by their index. */
type Blocks = ReadonlyMap<number, string>;

/** What is sent. */
export interface DiskToSend {
  readonly source: FlatSource;
  /** Name of the Region, as `config.yaml` has it. */
  readonly region: string;
  /** What versions of the image share: its ARN without the version. */
  readonly lineage: string;
  /** Id of its top layer. */
  readonly layerId: string;
  readonly description: string;
  readonly encryption: SnapshotEncryption;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
}

/** What was sent. */
export interface SentSnapshot {
  readonly snapshotId: string;
  readonly parent: string | undefined;
  /** Blocks that went up now. */
  readonly sent: number;
}

/** Sends a disk. What an earlier call has sent of it is not sent again. */
export async function sendSnapshot(
  db: Queryable,
  aws: Ec2Region,
  disk: DiskToSend,
  how: { readonly report: Report; readonly signal: AbortSignal },
): Promise<SentSnapshot> {
  const { signal } = how;
  const gib = Math.max(1, Math.ceil(disk.source.virtualSize / GIB));
  const encryption = JSON.stringify(disk.encryption);
  const place = { region: disk.region, layer_id: disk.layerId, encryption };
  let record = await snapshotOfDisk(db, place);
  if (record?.state === 'completed') {
    if (await aws.isComplete(record.snapshot_id!, signal))
      return { snapshotId: record.snapshot_id!, parent: record.parent_snapshot_id ?? undefined, sent: 0 };
    await deleteSnapshot(db, record.token);
    record = undefined;
  }
  const parent = record === undefined ? await usableParent(db, aws, { ...disk, gib, encryption }, signal) : undefined;
  if (record === undefined) {
    record = {
      ...place,
      token: randomUUID(),
      lineage: disk.lineage,
      gib,
      snapshot_id: null,
      parent_snapshot_id: parent?.snapshot_id ?? null,
      state: 'pending',
      // Until it is complete: what its parent has.
      blocks: parent?.blocks ?? '[]',
      sent: '[]',
      created: timestamp(),
    };
    await insertSnapshot(db, record);
  }
  try {
    return await sendBlocks(db, aws, disk, record, how);
  } catch (error) {
    // EBS gives up a snapshot that was left alone: the next try begins anew.
    if (['ResourceNotFoundException', 'ConflictException'].includes((error as Error).name))
      await deleteSnapshot(db, record.token);
    throw error;
  }
}

async function usableParent(
  db: Queryable,
  aws: Ec2Region,
  place: Pick<AwsSnapshot, 'region' | 'lineage' | 'encryption' | 'gib'>,
  signal: AbortSignal,
): Promise<AwsSnapshot | undefined> {
  for (const each of await earlierSnapshots(db, place))
    if (await aws.isComplete(each.snapshot_id!, signal)) return each;
  return undefined;
}

async function sendBlocks(
  db: Queryable,
  aws: Ec2Region,
  { source, description, encryption, tags, region }: DiskToSend,
  record: AwsSnapshot,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<SentSnapshot> {
  const parent = record.parent_snapshot_id ?? undefined;
  const snapshotId =
    record.snapshot_id ??
    (await aws.startSnapshot({ gib: record.gib, description, token: record.token, parent, encryption, tags }, signal));
  await updateSnapshot(db, record.token, { snapshot_id: snapshotId });

  const below: Blocks = new Map(entries(record.blocks));
  const sent = new Map(entries(record.sent));
  const blocks = new Map<number, string>();
  let now = 0;
  let recorded = Date.now();
  const going = new Set<Promise<void>>();
  const failed = new AbortController();
  const ends = AbortSignal.any([signal, failed.signal]);
  const total = Math.ceil(source.extents.reduce((sum, { length }) => sum + length, 0));
  let read = 0;
  let told = -1;

  const put = async (index: number, data: Buffer, sha256: Buffer): Promise<void> => {
    await aws.putBlock(snapshotId, { index, data, sha256 }, ends);
    sent.set(index, sha256.toString('hex'));
    now++;
    if (Date.now() - recorded < RECORD_MS) return;
    recorded = Date.now();
    await updateSnapshot(db, record.token, { sent: JSON.stringify([...sent]) });
  };
  const offer = async (index: number, data: Buffer, sha256: Buffer): Promise<void> => {
    while (going.size >= BLOCKS_AT_ONCE) await Promise.race(going);
    ends.throwIfAborted();
    const sending: Promise<void> = put(index, data, sha256)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => going.delete(sending));
    going.add(sending);
  };

  try {
    for await (const { index, data } of dataBlocks(source, BLOCK_BYTES)) {
      const sha256 = createHash('sha256').update(data).digest();
      const hex = sha256.toString('hex');
      blocks.set(index, hex);
      read += data.length;
      const percent = Math.min(100, Math.floor((100 * read) / Math.max(1, total)));
      if (percent > told) {
        told = percent;
        report({ type: 'progress', text: `sending to ${region}`, done: Math.min(read, total), total });
      }
      // A block that an earlier try has sent otherwise is sent again.
      if (sent.has(index) ? sent.get(index) === hex : below.get(index) === hex) continue;
      await offer(index, data, sha256);
    }
    const zeros = Buffer.alloc(BLOCK_BYTES);
    const ofZeros = createHash('sha256').update(zeros).digest();
    for (const index of below.keys())
      if (!blocks.has(index) && sent.get(index) !== ofZeros.toString('hex')) await offer(index, zeros, ofZeros);
    await Promise.all(going);
    ends.throwIfAborted();
  } finally {
    await Promise.all(going);
    await updateSnapshot(db, record.token, { sent: JSON.stringify([...sent]) });
  }
  const all = createHash('sha256');
  for (const [, hex] of [...sent].sort(([a], [b]) => a - b)) all.update(Buffer.from(hex, 'hex'));
  await aws.completeSnapshot(snapshotId, sent.size, all.digest(), signal);
  await updateSnapshot(db, record.token, {
    state: 'completed',
    blocks: JSON.stringify([...blocks]),
    sent: '[]',
  });
  return { snapshotId, parent, sent: now };
}

function entries(text: string): readonly (readonly [number, string])[] {
  return JSON.parse(text) as [number, string][];
}
