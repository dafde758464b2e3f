/** The contract of a store: where a Region keeps its disks. */
import type { HeldRecorder } from '../platform/held.ts';
import type { Report } from '../resources/progress.ts';

/** An AMI to copy into a Region. */
export interface CopyRequest {
  /** Path of the top layer of its chain; nothing writes to it. */
  readonly top: string;
  readonly region: string;
  readonly amiId: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** ARN of the image's build version. */
  readonly imageArn: string;
  /** Folder of the store for this Region; created if needed. */
  readonly directory: string;
  /** zstd inside the qcow2: a quarter of the size, for about six times the time. Default no. */
  readonly compress?: boolean;
  readonly held: HeldRecorder;
  /** Receives `progress` in per cent. */
  readonly report: Report;
  readonly signal?: AbortSignal;
  /**
   * Called when everything is written. The copy gets its name when the promise resolves, and is removed when it
   * rejects.
   */
  readonly named?: () => Promise<void>;
}

/** A complete, durable copy. */
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
  /** The description of a copy, if it exists. @throws {Error} if it cannot be read */
  manifestOf(location: { readonly directory: string; readonly amiId: string }): Promise<ImageManifest | undefined>;
  /** Removes a copy and its description, if it exists. */
  removeImage(location: { readonly directory: string; readonly amiId: string }): Promise<void>;
  /**
   * Removes the description of a copy and leaves its disk, because other disks are based on it. It is no longer an
   * image.
   */
  removeDescription(location: { readonly directory: string; readonly amiId: string }): Promise<void>;
}

/** Description beside a copy, for people who find the file without Ingot. */
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
  /** Size of the disk for a machine, in bytes. */
  readonly virtualSize: number;
  readonly sha256: string;
  /** ISO-8601. */
  readonly created: string;
}
