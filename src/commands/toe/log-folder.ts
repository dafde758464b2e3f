/** The log directory of a run, as in awstoe. Source: reference, `awstoe.md` section 9. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { timestamp } from '../../platform/clock.ts';
import { PROGRESS_VERSION, type ProgressEvent, type ProgressRecord } from '../../resources/progress.ts';
import { CommandFailed } from '../command.ts';
import { plainRecord } from '../terminal/plain.ts';
import { chainingOutput, detailedOutput, failureBlock, type RunReport } from '../../runner/detailed-output.ts';
import type { LoadedDocument } from './documents.ts';

/** A run's log directory. */
export interface LogFolder {
  /** Absolute path. */
  readonly path: string;
  /** Writes a record to `console.log` and `application.log`. Returns it for display. */
  record(event: ProgressEvent): ProgressRecord;
  /** Writes the files with the results. */
  end(report: RunReport): void;
  close(): void;
}

/** `TOE_2026-11-21_12-05-09_UTC-0_<execution id>`. */
export function logFolderName(time: string, executionId: string): string {
  return `TOE_${time.slice(0, 19).replace('T', '_').replaceAll(':', '-')}_UTC-0_${executionId}`;
}

/**
 * Creates the directory.
 * @throws {CommandFailed} if it cannot be created
 */
export function openLogFolder(directory: string, executionId: string, documents: readonly LoadedDocument[]): LogFolder {
  const path = join(resolve(directory), logFolderName(timestamp(), executionId));
  try {
    mkdirSync(path, { recursive: true, mode: 0o750 });
    for (const [index, { text }] of documents.entries())
      writeFileSync(join(path, index === 0 ? 'document.yaml' : `document_${index + 1}.yaml`), text, { mode: 0o640 });
  } catch (error) {
    throw new CommandFailed(`cannot create the log folder ${path}: ${(error as Error).message}`);
  }
  const shown = openSync(join(path, 'console.log'), 'a', 0o640);
  const all = openSync(join(path, 'application.log'), 'a', 0o640);
  return {
    path,
    record(event) {
      const record: ProgressRecord = { v: PROGRESS_VERSION, time: timestamp(), image: '', level: 'info', ...event };
      const line = record.level === 'debug' ? undefined : plainRecord(record);
      if (line !== undefined) writeSync(shown, `${line}\n`);
      const where = [record.phase, record.documentStep].filter((part) => part !== undefined).join('/');
      writeSync(
        all,
        `${record.time} ${record.level.toUpperCase()} ` +
          `${where === '' ? '' : `${where}: `}${record.type === 'output' ? `${record.stream}: ` : ''}${record.text}\n`,
      );
      return record;
    },
    end(report) {
      const failed = report.documents.find(({ outcome }) => outcome.failure !== undefined);
      if (failed !== undefined) writeSync(shown, `${failureBlock(failed).join('\n')}\n`);
      for (const [name, content] of [
        ['detailedoutput.json', detailedOutput(report)],
        ['chaining.json', chainingOutput(report)],
      ] as const) {
        writeFileSync(join(path, name), `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o640 });
      }
    },
    close() {
      closeSync(shown);
      closeSync(all);
    },
  };
}
