/** The contract of a store: where a Region keeps its disks. */
import type { HeldRecorder } from '../platform/held.ts';
import type { Report } from '../resources/progress.ts';

/** An AMI that is to be copied into a Region. */
export interface CopyRequest {
  /** Path of the top layer of its chain, which nothing writes to. */
  readonly top: string;
  readonly region: string;
  readonly amiId: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** ARN of the image's build version. */
  readonly imageArn: string;
  /** Folder of the store for this Region; made when it is not there. */
  readonly directory: string;
  /** zstd inside the qcow2: a quarter of the size, for about six times the time. Default no. */
  readonly compress?: boolean;
  readonly held: HeldRecorder;
  /** Told `progress` in per cent. */
  readonly report: Report;
  readonly signal?: AbortSignal;
  /** Called when all is written: the copy gets its name when this is settled, and goes when it is rejected. */
  readonly named?: () => Promise<void>;
}

/** A copy that is complete and lasts. */
export interface StoredImage {
  /** Absolute path. */
  readonly file: string;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
}

/** One kind of store. */
export interface Store {
  readonly name: string;
  /**
   * Copies an AMI's disk, flat; complete or absent. Safe to repeat.
   * @throws {Error} in words for the user: no space, no right to write
   */
  copyImage(request: CopyRequest): Promise<StoredImage>;
  /** Removes a copy and what describes it; nothing when there is none. */
  removeImage(location: { readonly directory: string; readonly amiId: string }): Promise<void>;
  /**
   * Removes what describes a copy and leaves its disk, which others lie over: nobody takes it for an image any more.
   */
  removeDescription(location: { readonly directory: string; readonly amiId: string }): Promise<void>;
}

/** What lies beside a copy, for whoever finds the file without Ingot. */
export interface ImageManifest {
  readonly version: 1;
  readonly amiId: string;
  readonly name: string;
  readonly description?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly region: string;
  readonly sourceImage: string;
  readonly file: string;
  readonly format: 'qcow2';
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes that a machine sees. */
  readonly virtualSize: number;
  readonly sha256: string;
  /** ISO-8601. */
  readonly created: string;
}
