/** Finds parts of a valid workflow that this version of Ingot cannot run. */
import { isRunnable } from './actions.ts';
import type { WorkflowDocument } from './document.ts';

/** Actions with a specific reason; others are not implemented yet. */
const REASONS: Readonly<Record<string, string>> = {
  CreateImageFromIso: 'which installs a system from an ISO file, and this version of Ingot imports finished disks only',
  RunSysPrep: 'which prepares Windows for imaging, and Ingot builds Linux images only',
};

/** Inputs that would change what is built, and that nobody has written yet. */
const UNSUPPORTED_INPUTS: Readonly<Record<string, readonly string[]>> = { LaunchInstance: ['parentInstanceId'] };

/** Inputs of an action that would be dangerous to ignore. */
function unsupportedInputs(action: string): readonly string[] {
  return Object.hasOwn(UNSUPPORTED_INPUTS, action) ? UNSUPPORTED_INPUTS[action]! : [];
}

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
    .flatMap(({ name, action, inputs, position: { line, column } }) => {
      const input = Object.keys(inputs).find((each) => unsupportedInputs(action).includes(each.replace(/\.\$$/, '')));
      const why = !isRunnable(action)
        ? `has the action ${action}, ${whyNotRunnable(action)}`
        : input === undefined
          ? undefined
          : `has the input ${input}, which is not supported by this version of Ingot`;
      if (why === undefined) return [];
      const advice = isRunnable(action) ? 'Remove the input.' : 'Remove the step, or give it a condition (if).';
      return [`${line}:${column} The step '${name}' ${why}. ${advice}`];
    });
}
