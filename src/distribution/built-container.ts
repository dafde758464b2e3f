/** A container image that a build made. */
import type { BlobDescriptor } from '../images/container-blobs.ts';
import type { SealedLayer } from '../images/layer-store.ts';

/** The descriptor of its manifest, and the layer that holds the storage of its build. */
export interface BuiltContainer extends BlobDescriptor {
  /** Absent where it was collected as garbage since: the image can be distributed, and not be tested. */
  readonly layer?: SealedLayer | undefined;
}
