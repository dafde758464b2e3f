/** Statuses of images and their transitions. Source: reference, `resources.md` section 5. */
import type { ImageStatus } from '@aws-sdk/client-imagebuilder';

export type { ImageStatus };

/** The statuses of a new image, in order; stages without work may be skipped. */
export const BUILD_STAGES = [
  'PENDING',
  'CREATING',
  'BUILDING',
  'TESTING',
  'DISTRIBUTING',
  'INTEGRATING',
] as const satisfies readonly ImageStatus[];

// Transitions of finished images. A failed or canceled image is deleted, or retried.
const MANAGEMENT_MOVES: Partial<Record<ImageStatus, readonly ImageStatus[]>> = {
  AVAILABLE: ['DEPRECATED', 'DISABLED', 'DELETED'],
  DEPRECATED: ['AVAILABLE', 'DISABLED', 'DELETED'],
  DISABLED: ['AVAILABLE', 'DELETED'],
  FAILED: ['PENDING', 'DELETED'],
  CANCELLED: ['PENDING', 'DELETED'],
};

/** Whether an image with this status is being worked on, or waits for it. */
export function isInProgress(status: ImageStatus): boolean {
  return (BUILD_STAGES as readonly ImageStatus[]).includes(status);
}

/** Whether work on an image has finished, successfully or not. */
export function isEnded(status: ImageStatus): boolean {
  return !isInProgress(status);
}

/** Whether an image may go from one status to another. */
export function isLegalMove(from: ImageStatus, to: ImageStatus): boolean {
  if (!isInProgress(from)) return MANAGEMENT_MOVES[from]?.includes(to) ?? false;
  if (to === 'FAILED' || to === 'CANCELLED') return true;
  // Its worker died, and the work starts over.
  if (to === 'PENDING') return from !== 'PENDING';
  // Work that has not begun cannot be finished.
  if (to === 'AVAILABLE') return from !== 'PENDING';
  const stages: readonly ImageStatus[] = BUILD_STAGES;
  return stages.indexOf(to) > stages.indexOf(from);
}
