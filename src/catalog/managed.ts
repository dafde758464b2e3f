/** What comes with Ingot and belongs to `aws`: components, workflows, base images. */

/** A base image that can be made on this machine. */
export interface ManagedImage {
  /** Name in ARNs: `debian-12-x86`. */
  readonly name: string;
  /** As images show it: `Debian 12`. */
  readonly osVersion: string;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
}

/** The managed resources by what they are. */
export interface ManagedRegister {
  readonly images: readonly ManagedImage[];
}

/** Reads the managed documents. */
export function loadManaged(images: readonly ManagedImage[], _folder?: string): ManagedRegister {
  return { images };
}
