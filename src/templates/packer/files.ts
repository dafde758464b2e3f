/** Files beside a template, as its provisioners name them. */

/** One file. */
export interface LocalFile {
  /** Its name; within a folder, the path from that folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
  /** Its path from the folder of the template that is made; `bytes` may then be empty for want of room. */
  readonly path?: string;
  /** In bytes, where they are not in `bytes`. */
  readonly size?: number;
}

/** What is at a path: a file, a folder's files, or why it is not read. */
export type LocalContent =
  | { readonly kind: 'file'; readonly file: LocalFile }
  | { readonly kind: 'folder'; readonly files: readonly LocalFile[]; readonly path?: string }
  | { readonly kind: 'absent'; readonly why: string };

/**
 * Reads a file or a folder by the path that the template says.
 * @param what `names`: the contents are not needed, and count towards no limit
 */
export type ReadLocal = (path: string, what?: 'names') => LocalContent;
