/** Files that Ingot keeps for a document: what its `file:` sources mean. */

/** What a `file:` source means, on this host. */
export interface SourceFile {
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
  readonly executable: boolean;
  /** The content is an archive (tar) of a folder. */
  readonly folder: boolean;
  /** Its bytes, from the start. */
  read(): AsyncIterable<Buffer>;
}

/** Finds what a `file:` source means; a text says why there is nothing. */
export type FindSourceFile = (source: string) => Promise<SourceFile | string>;
