/** What a store of layers is built on: a folder, or a bucket. Its names are those of files in one folder. */
import type { LayerFile, Transfer } from '../store.ts';

/** Bytes of a transfer so far. */
export type OnBytes = (bytes: number) => void;

/** Files by their names. */
export interface LayerPlace {
  /** For messages. */
  readonly place: string;
  /** @throws {Error} in words for the user */
  check(signal: AbortSignal): Promise<void>;
  /** The content of a small file, or `undefined`. */
  readText(name: string): Promise<string | undefined>;
  /** Writes a small file, complete or not at all; durable when it returns. */
  writeText(name: string, text: string): Promise<void>;
  removeText(name: string): Promise<void>;
  /** Names of the small files. */
  texts(signal?: AbortSignal): Promise<readonly string[]>;
  /** Names of the layers. */
  layers(): Promise<readonly string[]>;
  /** Whether a layer is there, complete. Waits while another server decides whether to remove it. */
  has(layer: LayerFile, signal?: AbortSignal): Promise<boolean>;
  /** Puts a layer, complete or not at all; durable when it returns. */
  put(layer: LayerFile, path: string, onBytes: OnBytes, how: Omit<Transfer, 'report'>): Promise<void>;
  /** Writes a layer to a local file that is not there yet, its checksum verified. */
  get(layer: LayerFile, target: string, onBytes: OnBytes, how: Omit<Transfer, 'report'>): Promise<void>;
  /** What is wrong with a layer that should be there. */
  faultOf(layer: LayerFile): Promise<string | undefined>;
  /**
   * Removes layers unless they are in use. From the beginning of the call `has` waits or says no, and `inUse` is asked
   * after that, so that no other server counts on a layer that goes.
   */
  retire(names: readonly string[], inUse: () => Promise<ReadonlySet<string>>): Promise<void>;
}
