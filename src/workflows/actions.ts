/** The register of step actions: one line each. See actions/README.md for how to add one. */
import type { RunnableAction } from '../documents/workflow/actions.ts';
import type { StepAction } from './actions/action.ts';
import { applyImageConfigurations } from './actions/apply-image-configurations.ts';
import { collectImageMetadata } from './actions/collect-image-metadata.ts';
import { createImage } from './actions/create-image.ts';
import { distributeImage } from './actions/distribute-image.ts';
import { executeComponents } from './actions/execute-components.ts';
import { launchInstance } from './actions/launch-instance.ts';
import { modifyImageAttributes } from './actions/modify-image-attributes.ts';
import { sanitizeInstance } from './actions/sanitize-instance.ts';
import { terminateInstance } from './actions/terminate-instance.ts';
import { waitForAction } from './actions/wait-for-action.ts';
import { waitForSsmAgent } from './actions/wait-for-ssm-agent.ts';

const REGISTER: Readonly<Record<RunnableAction, StepAction>> = {
  ApplyImageConfigurations: applyImageConfigurations,
  CollectImageMetadata: collectImageMetadata,
  CreateImage: createImage,
  DistributeImage: distributeImage,
  ExecuteComponents: executeComponents,
  LaunchInstance: launchInstance,
  ModifyImageAttributes: modifyImageAttributes,
  SanitizeInstance: sanitizeInstance,
  TerminateInstance: terminateInstance,
  WaitForAction: waitForAction,
  WaitForSSMAgent: waitForSsmAgent,
};

/** Every step action that can run, by its name. Which there are says `RUNNABLE_ACTIONS`, for those that must not know how they run. */
export const stepActions: Readonly<Record<string, StepAction>> = REGISTER;
