/** A container image that a build made. */
import type { BlobDescriptor } from '../images/container-blobs.ts';
import type { SealedLayer } from '../images/layer-store.ts';

/** The descriptor of its manifest, and the layer that holds the storage of its build. */
export interface BuiltContainer extends BlobDescriptor {
  readonly layer: SealedLayer;
}
