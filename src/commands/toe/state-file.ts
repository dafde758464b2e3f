/**
 * The state of a run on this host that waits for a restart: a file in the state directory, named by its execution id.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../platform/files.ts';
import { CommandFailed } from '../command.ts';
import type { LoadedDocument } from './documents.ts';
import type { InterruptedRun } from './run-documents.ts';

interface StateFile {
  readonly v: 1;
  /** Boot id of the host when the run ended. */
  readonly bootId: string;
  /** Hash of the documents: the recorded steps are valid only for these. */
  readonly documents: string;
  readonly run: InterruptedRun;
}

/** Absolute path of an execution's file. */
export function stateFileOf(directory: string, executionId: string): string {
  return join(resolve(directory), `TOE_STATE_${executionId}.json`);
}

/** Writes the state durably, for the time after the restart. */
export async function saveState(
  path: string,
  documents: readonly LoadedDocument[],
  run: InterruptedRun,
): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true });
  const state: StateFile = { v: 1, bootId: bootId(), documents: hashOf(documents), run };
  await writeFileAtomic(path, JSON.stringify(state), 0o600);
}

/**
 * Reads and removes the state of a run; `undefined` if there is none.
 * @throws {CommandFailed} if this host was not restarted since, or the documents differ
 */
export function takeState(path: string, documents: readonly LoadedDocument[]): InterruptedRun | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const state = JSON.parse(text) as StateFile;
  if (state.bootId === bootId())
    throw new CommandFailed(`this run waits for a restart of this host: restart it, or remove ${path} to start over`);
  if (state.documents !== hashOf(documents))
    throw new CommandFailed(
      `the documents changed since the run that waits for a restart: restore them, or remove ${path} to start over`,
    );
  rmSync(path);
  return state.run;
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function hashOf(documents: readonly LoadedDocument[]): string {
  return createHash('sha256')
    .update(JSON.stringify(documents.map(({ path, text }) => [path, text])))
    .digest('hex');
}
