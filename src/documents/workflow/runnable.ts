/** What of a valid workflow this version of Ingot cannot run. */
import { isRunnable } from './actions.ts';
import type { WorkflowDocument } from './document.ts';

/** Actions with a reason of their own; others are those that nobody has written yet. */
const REASONS: Readonly<Record<string, string>> = {
  RunSysPrep: 'which prepares Windows for imaging, and Ingot builds Linux images only',
};

/** Why a known action cannot run: a relative clause. */
export function whyNotRunnable(action: string): string {
  const reason = Object.hasOwn(REASONS, action) ? REASONS[action] : undefined;
  return reason ?? 'which is not supported by this version of Ingot';
}

/**
 * The steps that would run in any case and cannot, a sentence each with its place. A step under a condition may never
 * come: it fails when it does.
 */
export function stepsThatCannotRun(document: WorkflowDocument): readonly string[] {
  return document.steps
    .filter((step) => step.if === undefined && !isRunnable(step.action))
    .map(
      ({ name, action, position: { line, column } }) =>
        `${line}:${column} The step '${name}' has the action ${action}, ${whyNotRunnable(action)}. ` +
        'Remove the step, or give it a condition (if).',
    );
}
