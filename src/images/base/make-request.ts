/** The input of a base image's maker. */
import type { NameSettings } from '../../platform/config/names.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import type { Report } from '../../resources/progress.ts';

/** A request to make a base image. */
export interface MakeBaseRequest {
  /** The qcow2 file to make: uncompressed, complete or absent. */
  readonly target: string;
  /** A directory for this maker only, which it creates and removes. */
  readonly workDirectory: string;
  /** Environment with the configured mirrors (default: this process's). */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Mirrors of vendors' disks. */
  readonly vendors?: NameSettings['vendors'];
  readonly held: HeldRecorder;
  readonly report: Report;
  readonly signal?: AbortSignal;
}
