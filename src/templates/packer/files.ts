/** Files beside a template, as its provisioners name them. */

/** One file. */
export interface LocalFile {
  /** Its name; in a folder, the path relative to that folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
  /** Its path relative to the generated template's folder. `bytes` may then be empty, because the file is large. */
  readonly path?: string;
  /** Size in bytes, if it is not in `bytes`. */
  readonly size?: number;
}

/** The content of a path: a file, a folder's files, or why it is not read; whether it is outside of the folders. */
export type LocalContent =
  | { readonly kind: 'file'; readonly file: LocalFile }
  | { readonly kind: 'folder'; readonly files: readonly LocalFile[]; readonly path?: string }
  | { readonly kind: 'absent'; readonly why: string; readonly outside?: boolean };

/**
 * Reads a file or a folder at a path in the template.
 * @param what with `names` the content is not needed, and does not count towards a limit
 */
export type ReadLocal = (path: string, what?: 'names') => LocalContent;
