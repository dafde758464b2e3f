/** The contract of a store, which keeps the disks of a Region. */
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
  /** Directory of the store for this Region; created if needed. */
  readonly directory: string;
  /** Whether to compress with zstd in the qcow2: a quarter of the size, about six times the time (default: no). */
  readonly compress?: boolean;
  readonly held: HeldRecorder;
  /** Receives `progress` in percent. */
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
  /** In hexadecimal, of the file. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
}

/** One kind of store. */
export interface Store {
  readonly name: string;
  /**
   * Copies an AMI's disk as a flat file, completely or not at all. It can be repeated.
   * @throws {Error} with a message for the user: no space, no permission
   */
  copyImage(request: CopyRequest): Promise<StoredImage>;
  /** The manifest of a copy, if it exists. @throws {Error} if it cannot be read */
  manifestOf(location: { readonly directory: string; readonly amiId: string }): Promise<ImageManifest | undefined>;
  /** Removes a copy and its manifest, if they exist. */
  removeImage(location: { readonly directory: string; readonly amiId: string }): Promise<void>;
  /**
   * Removes the manifest of a copy and keeps its disk, because other disks are based on it. The copy is then no longer
   * an image.
   */
  removeDescription(location: { readonly directory: string; readonly amiId: string }): Promise<void>;
}

/** The manifest beside a copy, for people who find the file without Ingot. */
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
  /** Virtual size of the disk, in bytes. */
  readonly virtualSize: number;
  readonly sha256: string;
  /** ISO-8601. */
  readonly created: string;
}
