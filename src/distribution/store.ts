/** The contract of a store: where a Region keeps its disks. */
import type { LaunchPermissionConfiguration } from '@aws-sdk/client-imagebuilder';
import type { DiskOrigin } from '../catalog/engine-tables.ts';
import type { HeldRecorder } from '../platform/held.ts';
import type { Report } from '../resources/progress.ts';

/** One file of a disk: an immutable layer, named by its id. */
export interface LayerFile {
  /** `lay-….qcow2`: the name by which the layer above refers to it. */
  readonly name: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
}

/** The description of an image in a store. It is JSON, for people who find the files without Ingot, too. */
export interface ImageManifest {
  readonly version: 2;
  readonly amiId: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** ARN of the image's build version. */
  readonly sourceImage: string;
  readonly platform: string;
  readonly osVersion?: string | undefined;
  readonly architecture: string;
  readonly origin: DiskOrigin;
  /** What shows that the disk has ids which a system container does not have. */
  readonly foreignId?: string | undefined;
  readonly format: 'qcow2';
  /** The key that opens its files; absent for plain ones. */
  readonly encryption?: { readonly keyArn: string } | undefined;
  /** Base first. Each is the backing file of the next one; the last one is the disk. */
  readonly layers: readonly LayerFile[];
  /** ISO-8601. */
  readonly created: string;
}

/** How a transfer is done. */
export interface Transfer {
  readonly held: HeldRecorder;
  /** Receives `progress` in bytes. */
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** One kind of store. A copy is complete or absent; all methods can be repeated. They throw in words for the user. */
export interface Store {
  /** Where it is, for messages: a path, `s3://bucket/prefix`. */
  readonly place: string;
  /** Whether it can be reached and written to. @throws {Error} with the reason */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Puts an image, with each layer that is not there.
   * @param pathOf the local file of a layer
   */
  putImage(manifest: ImageManifest, pathOf: (layer: LayerFile) => string, how: Transfer): Promise<void>;
  /** The description of a complete image, if it is there. */
  image(amiId: string): Promise<ImageManifest | undefined>;
  /** All complete images. */
  images(signal: AbortSignal): Promise<readonly ImageManifest[]>;
  /** Writes a layer to a local file, complete or not at all, its checksum verified. */
  fetchLayer(layer: LayerFile, target: string, how: Transfer): Promise<void>;
  /** What is wrong with an image, as sentences. */
  faultsOf(manifest: ImageManifest): Promise<readonly string[]>;
  /** Lets others launch an image, where the store itself launches it. */
  share?(amiId: string, permission: LaunchPermissionConfiguration, signal: AbortSignal): Promise<void>;
  /** Removes an image, and each layer that no image of the store has. */
  removeImage(amiId: string): Promise<void>;
}
