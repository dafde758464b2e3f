/** The step actions that this version of Ingot can run. The register, `actions/register.ts`, has one for each name. */
export const STEP_ACTION_NAMES = [
  'ApplyImageConfigurations',
  'CollectImageMetadata',
  'CreateImage',
  'DistributeImage',
  'ExecuteComponents',
  'LaunchInstance',
  'ModifyImageAttributes',
  'SanitizeInstance',
  'TerminateInstance',
  'WaitForAction',
  'WaitForSSMAgent',
] as const;

/** A step action that can run. */
export type StepActionName = (typeof STEP_ACTION_NAMES)[number];

/** Whether this version can run the action. */
export function isStepAction(name: string): name is StepActionName {
  return (STEP_ACTION_NAMES as readonly string[]).includes(name);
}
