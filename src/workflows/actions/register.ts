/** The register of step actions: one line each. See README.md for how to add one. */
import type { StepAction } from './action.ts';
import type { RunnableAction } from '../../documents/workflow/actions.ts';
import { applyImageConfigurations } from './apply-image-configurations.ts';
import { bootstrapInstanceForContainer } from './bootstrap-instance-for-container.ts';
import { collectImageMetadata } from './collect-image-metadata.ts';
import { createImage } from './create-image.ts';
import { distributeContainerImage } from './distribute-container-image.ts';
import { distributeImage } from './distribute-image.ts';
import { executeComponents } from './execute-components.ts';
import { executeStateMachine } from './execute-state-machine.ts';
import { launchInstance } from './launch-instance.ts';
import { modifyImageAttributes } from './modify-image-attributes.ts';
import { registerImage } from './register-image.ts';
import { runCommand } from './run-command.ts';
import { sanitizeInstance } from './sanitize-instance.ts';
import { terminateInstance } from './terminate-instance.ts';
import { waitForAction } from './wait-for-action.ts';
import { waitForSsmAgent } from './wait-for-ssm-agent.ts';

/** Every step action that can run, by its name. */
export const stepActions: Readonly<Record<RunnableAction, StepAction>> = {
  ApplyImageConfigurations: applyImageConfigurations,
  BootstrapInstanceForContainer: bootstrapInstanceForContainer,
  CollectImageMetadata: collectImageMetadata,
  CreateImage: createImage,
  DistributeContainerImage: distributeContainerImage,
  DistributeImage: distributeImage,
  ExecuteComponents: executeComponents,
  ExecuteStateMachine: executeStateMachine,
  LaunchInstance: launchInstance,
  ModifyImageAttributes: modifyImageAttributes,
  RegisterImage: registerImage,
  RunCommand: runCommand,
  SanitizeInstance: sanitizeInstance,
  TerminateInstance: terminateInstance,
  WaitForAction: waitForAction,
  WaitForSSMAgent: waitForSsmAgent,
};
