/** What the maker of a base image is given. */
import type { NameSettings } from '../../platform/config/names.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import type { Report } from '../../resources/progress.ts';

/** What is needed to make a base image. */
export interface MakeBaseRequest {
  /** The qcow2 file to make: uncompressed, complete or absent. */
  readonly target: string;
  /** A folder for this only; the maker makes it and removes it. */
  readonly workDirectory: string;
  /** Where mirrors are configured; default this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Mirrors of vendors' disks. */
  readonly vendors?: NameSettings['vendors'];
  readonly held: HeldRecorder;
  readonly report: Report;
  readonly signal?: AbortSignal;
}
