/** What of a valid workflow this version of Ingot cannot run. */
import { isRunnable } from './actions.ts';
import type { WorkflowDocument } from './document.ts';

/**
 * The steps that would run in any case and cannot, a sentence each with its place. A step under a condition may never
 * come: it fails when it does.
 */
export function stepsThatCannotRun(document: WorkflowDocument): readonly string[] {
  return document.steps
    .filter((step) => step.if === undefined && !isRunnable(step.action))
    .map(
      ({ name, action, position: { line, column } }) =>
        `${line}:${column} The step '${name}' has the action ${action}, which is not supported by this version of ` +
        'Ingot. Remove the step, or give it a condition (if).',
    );
}
