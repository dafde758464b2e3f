/** Statuses of images and the moves between them. Source: reference, `resources.md` section 5. */
import type { ImageStatus } from '@aws-sdk/client-imagebuilder';

export type { ImageStatus };

/** What a new image goes through, in order; stages with nothing to do may be skipped. */
export const BUILD_STAGES = [
  'PENDING',
  'CREATING',
  'BUILDING',
  'TESTING',
  'DISTRIBUTING',
  'INTEGRATING',
] as const satisfies readonly ImageStatus[];

// Moves of finished images. A failed or cancelled image goes away, or is tried again.
const MANAGEMENT_MOVES: Partial<Record<ImageStatus, readonly ImageStatus[]>> = {
  AVAILABLE: ['DEPRECATED', 'DISABLED', 'DELETED'],
  DEPRECATED: ['AVAILABLE', 'DISABLED', 'DELETED'],
  DISABLED: ['AVAILABLE', 'DELETED'],
  FAILED: ['PENDING', 'DELETED'],
  CANCELLED: ['PENDING', 'DELETED'],
};

/** Whether an image in this status is still being worked on, or waits for it. */
export function isInProgress(status: ImageStatus): boolean {
  return (BUILD_STAGES as readonly ImageStatus[]).includes(status);
}

/** Whether work on an image has come to its end, good or bad. */
export function isEnded(status: ImageStatus): boolean {
  return !isInProgress(status);
}

/** Whether an image may go from one status to another. */
export function isLegalMove(from: ImageStatus, to: ImageStatus): boolean {
  if (!isInProgress(from)) return MANAGEMENT_MOVES[from]?.includes(to) ?? false;
  if (to === 'FAILED' || to === 'CANCELLED') return true;
  // Its worker ended, and it is worked on again from the start.
  if (to === 'PENDING') return from !== 'PENDING';
  // What nobody has begun cannot be finished.
  if (to === 'AVAILABLE') return from !== 'PENDING';
  const stages: readonly ImageStatus[] = BUILD_STAGES;
  return stages.indexOf(to) > stages.indexOf(from);
}
