/** The register of step actions: stages, time limits, inputs, outputs. Source: reference, `workflows.md` section 4. */
import type { WorkflowType } from './document.ts';

/** `strings` is a list of texts, `object` a map, `objects` a list of maps; `any` is not checked. */
export type WorkflowValueType = 'string' | 'integer' | 'boolean' | 'strings' | 'object' | 'objects' | 'any';

export interface WorkflowInputSchema {
  readonly type: WorkflowValueType;
  readonly required?: boolean;
  readonly oneOf?: readonly string[];
  /** Maximum characters of a text, or items of a list. */
  readonly max?: number;
  /** Members of the map, or of each map of the list; unknown members cause a warning. */
  readonly fields?: Readonly<Record<string, WorkflowInputSchema>>;
}

export interface WorkflowAction {
  readonly name: string;
  readonly types: readonly WorkflowType[];
  readonly defaultTimeoutMinutes: number;
  readonly maxTimeoutMinutes: number;
  readonly inputs: Readonly<Record<string, WorkflowInputSchema>>;
  readonly outputs: Readonly<Record<string, WorkflowValueType>>;
}

const ALL = ['BUILD', 'TEST', 'DISTRIBUTION'] as const;
const BUILD_TEST = ['BUILD', 'TEST'] as const;
const DISTRIBUTION = ['DISTRIBUTION'] as const;

const text = { type: 'string' } as const;
const needed = { type: 'string', required: true } as const;
const flag = { type: 'boolean' } as const;
const texts = { type: 'strings' } as const;
const any = { type: 'any' } as const;
const payload = { type: 'string', max: 16 * 1024 } as const;
const instance = { instanceId: needed } as const;
const command = { runCommandId: 'string', status: 'string', output: 'any' } as const;
const distributed = { type: 'objects', required: true } as const;

const ACTIONS: readonly WorkflowAction[] = [
  {
    name: 'LaunchInstance',
    types: ALL,
    defaultTimeoutMinutes: 75,
    maxTimeoutMinutes: 720,
    inputs: {
      waitFor: { type: 'string', required: true, oneOf: ['ssmAgent'] },
      imageIdOverride: text,
      instanceTypesOverride: texts,
      healthCheck: { type: 'string', oneOf: ['RUNNING', 'STATUS_CHECK_PASSED'] },
      parentInstanceId: text,
    },
    outputs: { instanceId: 'string' },
  },
  {
    name: 'BootstrapInstanceForContainer',
    types: ALL,
    defaultTimeoutMinutes: 60,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: command,
  },
  {
    name: 'ExecuteComponents',
    types: BUILD_TEST,
    defaultTimeoutMinutes: 720,
    maxTimeoutMinutes: 1440,
    inputs: instance,
    outputs: command,
  },
  {
    name: 'CollectImageMetadata',
    types: ALL,
    defaultTimeoutMinutes: 30,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: { osVersion: 'string', associationId: 'string' },
  },
  {
    name: 'CollectImageScanFindings',
    types: ['TEST'],
    defaultTimeoutMinutes: 120,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: command,
  },
  {
    name: 'RunSysPrep',
    types: ALL,
    defaultTimeoutMinutes: 60,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: command,
  },
  {
    name: 'SanitizeInstance',
    types: ALL,
    defaultTimeoutMinutes: 60,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: command,
  },
  {
    name: 'CreateImage',
    types: ALL,
    defaultTimeoutMinutes: 720,
    maxTimeoutMinutes: 4320,
    inputs: instance,
    outputs: { imageId: 'string' },
  },
  {
    name: 'CreateImageFromIso',
    types: ALL,
    defaultTimeoutMinutes: 720,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: { amiName: 'string', snapshotId: 'string', architecture: 'string' },
  },
  {
    name: 'RegisterImage',
    types: ALL,
    defaultTimeoutMinutes: 540,
    maxTimeoutMinutes: 720,
    inputs: {
      architecture: text,
      blockDeviceMapping: { type: 'objects' },
      bootMode: text,
      description: text,
      enaSupport: flag,
      imageLocation: text,
      imdsSupport: text,
      includeSnapshotTags: flag,
      kernelId: text,
      ramdiskId: text,
      rootDeviceName: text,
      sriovNetSupport: text,
      tpmSupport: text,
      uefiData: text,
      virtualizationType: text,
    },
    outputs: { imageId: 'string' },
  },
  {
    name: 'RunCommand',
    types: ALL,
    defaultTimeoutMinutes: 720,
    maxTimeoutMinutes: 720,
    inputs: { instanceId: needed, documentName: needed, parameters: { type: 'object' }, documentVersion: text },
    outputs: { runCommandId: 'string', status: 'string', output: 'strings' },
  },
  {
    name: 'WaitForSSMAgent',
    types: ALL,
    defaultTimeoutMinutes: 60,
    maxTimeoutMinutes: 180,
    inputs: instance,
    outputs: { status: 'string' },
  },
  {
    name: 'WaitForAction',
    types: ALL,
    defaultTimeoutMinutes: 4320,
    maxTimeoutMinutes: 10080,
    inputs: { snsTopicArn: text, lambdaFunctionName: text, payload },
    outputs: { action: 'string', reason: 'string' },
  },
  {
    name: 'ExecuteStateMachine',
    types: ALL,
    defaultTimeoutMinutes: 360,
    maxTimeoutMinutes: 1440,
    inputs: { stateMachineArn: needed, input: payload },
    outputs: { executionArn: 'string', output: 'any' },
  },
  {
    name: 'TerminateInstance',
    types: ALL,
    defaultTimeoutMinutes: 30,
    maxTimeoutMinutes: 720,
    inputs: { instanceId: needed, waitForTermination: flag },
    outputs: {},
  },
  {
    name: 'DistributeImage',
    types: DISTRIBUTION,
    defaultTimeoutMinutes: 360,
    maxTimeoutMinutes: 720,
    inputs: {
      distributions: {
        type: 'objects',
        fields: {
          region: needed,
          name: text,
          description: text,
          targetAccountIds: texts,
          amiTags: { type: 'object', max: 50 },
          kmsKeyId: text,
        },
      },
    },
    outputs: { distributedImages: 'objects' },
  },
  {
    name: 'ModifyImageAttributes',
    types: DISTRIBUTION,
    defaultTimeoutMinutes: 120,
    maxTimeoutMinutes: 180,
    inputs: {
      distributedImages: distributed,
      attributes: {
        type: 'objects',
        fields: {
          region: needed,
          launchPermission: {
            type: 'object',
            fields: { userIds: texts, userGroups: texts, organizationArns: texts, organizationalUnitArns: texts },
          },
        },
      },
    },
    outputs: { modifiedImages: 'objects' },
  },
  {
    name: 'ApplyImageConfigurations',
    types: DISTRIBUTION,
    defaultTimeoutMinutes: 360,
    maxTimeoutMinutes: 720,
    inputs: {
      distributedImages: distributed,
      configurations: {
        type: 'objects',
        fields: {
          region: needed,
          licenseConfigurationArns: texts,
          launchTemplateConfigurations: any,
          s3ExportConfiguration: any,
          fastLaunchConfigurations: any,
          ssmParameterConfigurations: any,
        },
      },
    },
    outputs: { configuredImages: 'objects' },
  },
  {
    name: 'DistributeContainerImage',
    types: DISTRIBUTION,
    defaultTimeoutMinutes: 120,
    maxTimeoutMinutes: 720,
    inputs: instance,
    outputs: { status: 'string', succeededRegions: 'any', failedRegions: 'any' },
  },
];

/** The step actions by name. */
export const workflowActions: Readonly<Record<string, WorkflowAction>> = Object.freeze(
  Object.assign(
    Object.create(null) as Record<string, WorkflowAction>,
    Object.fromEntries(ACTIONS.map((action) => [action.name, action])),
  ),
);

/**
 * Step actions that this version of Ingot runs: `workflows/actions/` has one for each, by its type. The others are
 * known and rejected.
 */
export const RUNNABLE_ACTIONS = [
  'ApplyImageConfigurations',
  'BootstrapInstanceForContainer',
  'CollectImageMetadata',
  'CreateImage',
  'DistributeContainerImage',
  'DistributeImage',
  'ExecuteComponents',
  'ExecuteStateMachine',
  'LaunchInstance',
  'ModifyImageAttributes',
  'RegisterImage',
  'RunCommand',
  'SanitizeInstance',
  'TerminateInstance',
  'WaitForAction',
  'WaitForSSMAgent',
] as const;
export type RunnableAction = (typeof RUNNABLE_ACTIONS)[number];

/** Whether this version of Ingot runs the step action with this name. */
export function isRunnable(action: string): action is RunnableAction {
  return (RUNNABLE_ACTIONS as readonly string[]).includes(action);
}

/** The members of `$.imagebuilder` with their types. Source: reference, `workflows.md` section 2. */
export const SYSTEM_VARIABLES: ReadonlyMap<string, WorkflowValueType> = new Map<string, WorkflowValueType>([
  ['cloudWatchLogGroup', 'string'],
  ['cloudWatchLogStream', 'string'],
  ['collectImageMetadata', 'boolean'],
  ['collectImageScanFindings', 'boolean'],
  ['dateTime', 'string'],
  ['imageBuildNumber', 'integer'],
  ['imageId', 'string'],
  ['imageName', 'string'],
  ['imageType', 'string'],
  ['imageVersionNumber', 'string'],
  ['instanceProfileName', 'string'],
  ['platform', 'string'],
  ['s3Logs', 'object'],
  ['securityGroups', 'strings'],
  ['sourceImageARN', 'string'],
  ['subnetId', 'string'],
  ['terminateInstanceOnFailure', 'boolean'],
  ['workflowPhase', 'string'],
  ['workingDirectory', 'string'],
]);
