/** Files that Ingot stores for a document, which `file:` sources name. */

/** The file of a `file:` source, on this host. */
export interface SourceFile {
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
  readonly executable: boolean;
  /** Whether the content is an archive (tar) of a folder. */
  readonly folder: boolean;
  /** Its bytes, from the start. */
  read(): AsyncIterable<Buffer>;
}

/** Finds the file of a `file:` source, or returns a text that says why it does not exist. */
export type FindSourceFile = (source: string) => Promise<SourceFile | string>;
