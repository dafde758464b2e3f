/** Finds parts of a valid workflow that this version of Ingot cannot run. */
import { isRunnable } from './actions.ts';
import type { WorkflowDocument } from './document.ts';

/** Actions with a specific reason; others are not implemented yet. */
const REASONS: Readonly<Record<string, string>> = {
  CreateImageFromIso: 'which installs a system from an ISO file, and this version of Ingot imports finished disks only',
  RunSysPrep: 'which prepares Windows for imaging, and Ingot builds Linux images only',
};

/** Why a known action cannot run, as a relative clause. */
export function whyNotRunnable(action: string): string {
  const reason = Object.hasOwn(REASONS, action) ? REASONS[action] : undefined;
  return reason ?? 'which is not supported by this version of Ingot';
}

/**
 * The unconditional steps that cannot run, one sentence each with the position. A conditional step may never run; it
 * fails if it does.
 */
export function stepsThatCannotRun(document: WorkflowDocument): readonly string[] {
  return document.steps
    .filter((step) => step.if === undefined)
    .flatMap(({ name, action, position: { line, column } }) =>
      isRunnable(action)
        ? []
        : [
            `${line}:${column} The step '${name}' has the action ${action}, ${whyNotRunnable(action)}. ` +
              'Remove the step, or give it a condition (if).',
          ],
    );
}
