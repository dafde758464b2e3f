/**
 * The workspace of checks that exercise a feature for real: two directories and a recorder. All of it is removed at the
 * end, or at the next start of such a command.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryRecorder, releaseAll, type HeldRecord, type HeldRecorder } from '../platform/held.ts';
import { allocateUidRange, RUN_DIRECTORY, type AllocationOwner } from '../platform/host.ts';
import { newUuid } from '../platform/ids.ts';
import { isSameProcess, processStartTime } from '../platform/processes.ts';

/** A workspace. */
export interface Workspace {
  /** For files. */
  readonly files: string;
  /** For sockets and mount points: a short path that only root may enter. */
  readonly directory: string;
  /** Everything that the check takes is recorded here first. */
  readonly held: HeldRecorder;
  readonly owner: AllocationOwner;
  /** First uid of a range of `UIDS_OF_A_CONTAINER` that nothing else uses. */
  readonly uidBase: number;
}

/** The content of a workspace's file, from which another process can release what a killed one held. */
interface Journal {
  readonly pid: number;
  readonly startTime: string;
  readonly records: readonly HeldRecord[];
}

/** Who makes workspaces. */
export type WorkspacePurpose = 'doctor' | 'toe';

/** Gives `work` a workspace, and releases everything that it took, however it ends. Needs root. */
export async function inWorkspace<T>(
  work: (workspace: Workspace) => Promise<T>,
  purpose: WorkspacePurpose = 'doctor',
): Promise<T> {
  const owner = `${purpose}-${newUuid().replaceAll('-', '').slice(0, 16)}`;
  await mkdir(RUN_DIRECTORY, { recursive: true, mode: 0o755 });
  const files = join(tmpdir(), `ingot-${owner}`);
  const held = journalled(owner);
  const directory = join(RUN_DIRECTORY, owner);
  const allocationOwner = { dataDirectory: files, owner };
  try {
    await held.record({ kind: 'path', path: files });
    await mkdir(files, { mode: 0o700 });
    // First, so that other processes can tell the owner of everything that appears on the host under this name.
    const uids = await allocateUidRange(allocationOwner);
    await held.record({ kind: 'allocation', id: uids.id });
    await held.record({ kind: 'path', path: directory });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await work({ files, directory, held, owner: allocationOwner, uidBase: uids.base });
  } finally {
    await releaseAll(held);
    await rm(journalOf(owner), { force: true });
  }
}

/** Releases what killed commands held. Needs root. */
export async function sweepWorkspaces(): Promise<void> {
  for (const name of await readdir(RUN_DIRECTORY).catch(() => [])) {
    const owner = /^((?:doctor|toe)-[0-9a-f]+)\.json$/.exec(name)?.[1];
    if (owner === undefined) continue;
    let journal: Journal;
    try {
      journal = JSON.parse(readFileSync(journalOf(owner), 'utf8')) as Journal;
    } catch {
      continue; // Its process ended meanwhile.
    }
    if (isSameProcess(journal.pid, journal.startTime)) continue;
    await releaseAll({ ...memoryRecorder(owner), list: async () => journal.records, free: async () => {} });
    for (const path of [`${journalOf(owner)}.new`, journalOf(owner)]) await rm(path, { force: true });
  }
}

function journalOf(owner: string): string {
  return join(RUN_DIRECTORY, `${owner}.json`);
}

/** A recorder that writes its records to a file before their resources are taken. */
function journalled(owner: string): HeldRecorder {
  const memory = memoryRecorder(owner);
  const write = async (): Promise<void> => {
    const journal: Journal = {
      pid: process.pid,
      startTime: processStartTime(process.pid)!,
      records: await memory.list(),
    };
    // Complete or unchanged: a command may be killed at any moment.
    writeFileSync(`${journalOf(owner)}.new`, JSON.stringify(journal), { mode: 0o600 });
    renameSync(`${journalOf(owner)}.new`, journalOf(owner));
  };
  return {
    ...memory,
    async record(thing) {
      const id = await memory.record(thing);
      await write();
      return id;
    },
    async amend(id, thing) {
      await memory.amend(id, thing);
      await write();
    },
    async free(id) {
      await memory.free(id);
      await write();
    },
  };
}
