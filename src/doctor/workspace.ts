/** What checks that really try something work in: two folders and a recorder, all of it gone at their end. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryRecorder, releaseAll, type HeldRecorder } from '../platform/held.ts';
import { allocateUidRange, RUN_DIRECTORY, type AllocationOwner } from '../platform/host.ts';
import { newUuid } from '../platform/ids.ts';

/** Where a check works. */
export interface Workspace {
  /** For files. */
  readonly files: string;
  /** For sockets and mount points: short, and only root may enter it. */
  readonly directory: string;
  /** Everything taken is recorded here first. */
  readonly held: HeldRecorder;
  readonly owner: AllocationOwner;
  /** First of 65,536 uids that nobody else uses. */
  readonly uidBase: number;
}

/** Gives `work` a workspace, and lets go of all that it took, however it ends. Needs root. */
export async function inWorkspace<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const owner = `doctor-${newUuid().slice(0, 8)}`;
  const files = await mkdtemp(join(tmpdir(), 'ingot-doctor-'));
  const held = memoryRecorder(owner);
  const directory = join(RUN_DIRECTORY, owner);
  const allocationOwner = { dataDirectory: files, owner };
  try {
    // First of all: what else appears on the host under this owner's name is then known as somebody's.
    const uids = await allocateUidRange(allocationOwner);
    await held.record({ kind: 'allocation', id: uids.id });
    await held.record({ kind: 'path', path: directory });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await work({ files, directory, held, owner: allocationOwner, uidBase: uids.base });
  } finally {
    await releaseAll(held);
    await rm(files, { recursive: true, force: true });
  }
}
