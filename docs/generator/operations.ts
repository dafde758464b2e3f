/** What is behind each operation, for `docs/api.md`. An operation that is written and has no line here does not compile. */
import type { ErrorCode } from '../../src/resources/errors.ts';
import type { OperationName } from '../../src/api/model.ts';
import type { NOT_YET } from '../../src/api/operations/not-yet.ts';

/** Operations that this version has. */
export type Supported = Exclude<OperationName, (typeof NOT_YET)[number]>;

/** One or two sentences each, in Markdown. */
export const BEHIND: Readonly<Record<Supported, string>> = {
  CreateComponent:
    'Checks the document (`components.md`), all faults in one answer; `data` only. The same name and version with another content is the next build; with the same content `ResourceAlreadyExistsException`. `dryRun` works.',
  GetComponent: 'A build, a version (its latest build), or wildcards; own and managed ones. `data` is the document.',
  ListComponents:
    'Versions. `owner` `Self` (default), `Amazon` or `Shared`; any other owner has none. `byName`: one entry for each name, its ARN `…/x.x.x`.',
  ListComponentBuildVersions: 'Of one version, or of all without `componentVersionArn`.',
  DeleteComponent: 'One build. Refused while a recipe resolves to it.',

  CreateImageRecipe:
    'Finds the parent image and every component, checks platform and parameters, 20 components at most, each once. `semanticVersion` may count up: `1.0.x`.',
  GetImageRecipe: 'Wildcards allowed: the highest version.',
  ListImageRecipes: '`owner` `Self` (default) or `Shared`; any other owner has none.',
  DeleteImageRecipe: 'Refused while a pipeline resolves to it. Images do not hold it: they keep a copy.',

  ImportComponent:
    'A shell script (`data` only) becomes a document with one `ExecuteBash` step in the phase of its `type`.',

  CreateContainerRecipe:
    "Checks template (`dockerfileTemplateData` only), components and parent: an image in a registry, or a container image of one's own. Pipelines can name it; building it is refused when it is asked for.",
  GetContainerRecipe: 'Wildcards allowed: the highest version.',
  ListContainerRecipes: '`owner` `Self` (default) or `Shared`.',
  DeleteContainerRecipe: 'Refused while a pipeline resolves to it.',

  CreateInfrastructureConfiguration:
    'What takes effect: `instanceTypes[0]`, and the resource tag `ingot:driver` (`drivers.md`). Whether the instance profile exists is not asked: there is none here.',
  GetInfrastructureConfiguration: 'As it is stored.',
  ListInfrastructureConfigurations: 'By name.',
  UpdateInfrastructureConfiguration:
    'Replaces everything: what is left out is dropped. Images in work keep their copy.',
  DeleteInfrastructureConfiguration: 'Refused while a pipeline names it.',

  CreateDistributionConfiguration:
    'Each Region once, each with at least one output; an AMI name must contain `{{ imagebuilder:buildDate }}`.',
  GetDistributionConfiguration: 'As it is stored.',
  ListDistributionConfigurations: 'By name, with the Regions of each.',
  UpdateDistributionConfiguration: 'Replaces description and distributions. Images in work keep their copy.',
  DeleteDistributionConfiguration: 'Refused while a pipeline names it.',

  CreateImagePipeline:
    'Recipe and configurations must exist. A schedule is checked for its form and stored; nothing starts by itself yet.',
  GetImagePipeline: 'With the date and status of the last run. `consecutiveFailures` is 0: it counts scheduled builds.',
  ListImagePipelines: 'By name.',
  UpdateImagePipeline: 'Replaces everything but the name.',
  DeleteImagePipeline: 'Its images stay.',
  StartImagePipelineExecution:
    'Records an image `PENDING` with copies of recipe and configurations, and returns. Works on a disabled pipeline too. `tags` go to the image.',
  ListImagePipelineImages: 'Its images, newest first.',

  CreateImage: "As a pipeline's run, without one. Returns the build version's ARN at once.",
  GetImage:
    'A build, or wildcards: the highest build that is `AVAILABLE`, else the highest of any status. Managed ones are the base images.',
  ListImages:
    'Versions. `owner` `Self` (default), `Amazon` or `Shared`; any other owner has none. `byName` as for components.',
  ListImageBuildVersions: 'Of one version, or of all without `imageVersionArn`; newest first.',
  CancelImageCreation:
    'At once for an image that nobody works on; else within a second or so, when its instances are ended. Its AMIs are removed.',
  DeleteImage:
    'The record, executions, packages and tags. AMIs, their files and the log stay. Refused while it is in work, and while a recipe is built on it.',

  CreateWorkflow:
    'Checks the document against the type, all faults in one answer; `data` only. Builds count up as those of components do. A step action that cannot run yet is refused when an image or a pipeline names the workflow, unless the step has a condition. `dryRun` works.',
  GetWorkflow:
    'A build, a version (its latest build), or wildcards; own and managed ones, of which `latestVersionReferences` has the `x.x.x` only.',
  ListWorkflows: 'Versions. `owner` and `byName` as for components.',
  ListWorkflowBuildVersions:
    'Of the versions that `workflowVersionArn` means (wildcards allowed), or of all without it.',
  DeleteWorkflow: 'One build. Refused while a pipeline resolves to it.',

  CreateLifecyclePolicy:
    'Checks the rules (one for each action, `COUNT` with `DELETE` only, and so on) and stores them. Nothing carries them out by itself yet.',
  GetLifecyclePolicy: 'As it is stored.',
  ListLifecyclePolicies: 'By name, without rules and selection.',
  UpdateLifecyclePolicy: 'Replaces everything but the name.',
  DeleteLifecyclePolicy: 'The policy; what it did stays done.',

  StartResourceStateUpdate:
    "Alone it changes the image's state at once. With `includeResources` (and `executionRole`) the worker changes the AMIs in all Regions too, then the image: deprecated ones get the tag `DeprecatedBy`, disabled ones cannot be launched or built on, deleted ones are deregistered and with `snapshots` their disks freed. `updateAt` deprecates later.",
  GetLifecycleExecution: 'State, times, and whether anything was changed.',
  ListLifecycleExecutions: 'For an image or of a policy, newest first.',
  ListLifecycleExecutionResources:
    'The images; with an image as `parentResourceId` its AMIs, each with its state and the reason when it was passed over.',
  CancelLifecycleExecution: 'At once before it has begun; else between two AMIs.',

  ListWorkflowExecutions: 'What ran for an image, in order.',
  GetWorkflowExecution: 'Status and counts of steps.',
  ListWorkflowStepExecutions: 'Steps in order; inputs and outputs are JSON text.',
  GetWorkflowStepExecution: 'With `rollbackStatus`, `onFailure`, `timeoutSeconds`.',
  ListWaitingWorkflowSteps:
    'Steps with `WaitForAction` that nobody answered, the longest first. Their status is `RUNNING`.',
  SendWorkflowStepAction:
    '`RESUME` lets a step that waits go on, `STOP` lets it fail. `InvalidRequestException` when it does not wait, or was answered already.',

  RetryImage:
    'Tests and distributes again what the build stage of a failed or cancelled image made, under the same ARN: from the test stage, or from distribution when that had begun. Refused when the build stage did not end, or `ingot gc` took what it made (the server does after a week). An import begins again.',
  DistributeImage:
    'A new image (name and version of the source, next build) whose AMIs are copies of the source in the Regions of the configuration, and one at home that shares its disk. `sourceImage` is an AMI, or an image: a version means its latest available build.',

  ListImagePackages: 'The packages of the image, by name, from `CollectImageMetadata`.',

  PutComponentPolicy:
    "Stores a policy on a build version that is one's own; in IAM's policy language, checked; it opens the resource to other accounts ([access](access.md#other-accounts)). Returned as it was given.",
  GetComponentPolicy: 'The policy; `ResourceNotFoundException` when there is none.',
  PutImageRecipePolicy: 'As for components.',
  GetImageRecipePolicy: 'As for components.',
  PutContainerRecipePolicy: 'As for components.',
  GetContainerRecipePolicy: 'As for components.',
  PutImagePolicy: 'As for components.',
  GetImagePolicy: 'As for components.',

  ListImageScanFindings: 'None: no image is scanned yet.',
  ListImageScanFindingAggregations: 'None: no image is scanned yet.',
  ImportVmImage:
    'Makes an image (`IMPORT`, `IMPORTED`) of the disk that an import task names: `vmImportTaskId` is what `ingot:NameImport` answers, each for one image. `./ingot import` does both ([images](images.md#imports)). An unknown or used task is `ClientException`; `platform` `macOS` is refused.',
  ImportDiskImage: 'Answers `ClientException`, as AWS does for media that it does not take.',
  GetMarketplaceResource: 'Answers `InvalidRequestException`: nothing here is of AWS Marketplace.',

  ListTagsForResource: 'Of any resource here; of managed ones none.',
  TagResource: 'Adds and replaces; 50 tags at most.',
  UntagResource: 'Keys that are not there are passed over.',
};

/** The headings of the table, and how an operation is known to belong there; the first that fits. */
export const KINDS: readonly (readonly [heading: string, names: RegExp])[] = [
  ['Components', /Component/],
  ['Image recipes', /ImageRecipe/],
  ['Container recipes', /ContainerRecipe/],
  ['Infrastructure configurations', /Infrastructure/],
  ['Distribution configurations', /DistributionConfiguration/],
  ['Image pipelines', /Pipeline/],
  ['Workflows and executions', /Workflow/],
  ['Lifecycle policies and states', /Lifecycle|ResourceStateUpdate/],
  ['Images', /Image/],
  ['Tags and others', /./],
];

/** When each error code is answered. */
export const WHEN: Readonly<Record<ErrorCode, string>> = {
  InvalidParameterException: 'A malformed ARN or too many tags, in tag operations.',
  InvalidParameterValueException:
    'A value that the model or the rules of the operation do not allow: all of them, one to a line, with their paths. An invalid document. What a request names and is not there. What is not supported yet.',
  InvalidParameterCombinationException: 'Members that exclude, or need, one another.',
  InvalidRequestException:
    'The operation does not exist yet; the state does not allow it; an image that would have to be encrypted.',
  InvalidVersionNumberException: 'A version that is malformed or out of range, in a `semanticVersion`.',
  InvalidPaginationTokenException: 'A `nextToken` of another list, another caller or other parameters.',
  ResourceAlreadyExistsException: "A name, or a recipe's version, that is taken; a component without a change.",
  ResourceInUseException: 'An AMI is to be deregistered whose image is in work.',
  ResourceDependencyException: 'A delete of what others refer to (they are named), or of an image in work.',
  IdempotentParameterMismatchException: 'A client token that came before with other parameters.',
  ClientException: 'Installation media are to be imported.',
  ServiceQuotaExceededException: 'More of a kind than `quotas` of [config.yaml](access.md#config) allow.',
  ForbiddenException: 'A change or tags of a managed resource.',
  AccessDeniedException:
    'A policy denies the request, or none allows it; says which action on which resource ([access](access.md)).',
  ResourceNotFoundException: "What is named is not there, or is another account's or Region's.",
  DryRunOperationException:
    '`dryRun`, and nothing was wrong: of `CreateComponent`, `CreateWorkflow`, and, for clients that are newer than the model, of the other creates but `CreateImage`.',
  CallRateLimitExceededException: 'Not answered by this version: there is no rate limit.',
  TooManyRequestsException:
    'The account calls more often than `rates` of [config.yaml](access.md#config) allow; SDKs wait and try again.',
  ServiceException: "A fault of Ingot. The message has the request id; the server's log has the rest under it.",
  ServiceUnavailableException: 'The catalogue is busy, or the server is stopping. Clients try again by themselves.',
  IncompleteSignatureException: 'A signature that lacks a part, or has it in a wrong form.',
  InvalidSignatureException:
    'A signature that does not fit: wrong secret, changed request, another service, a clock more than 5 minutes off.',
  UnrecognizedClientException: "An access key id that is not this server's.",
  ExpiredTokenException: 'The session that the request was signed with has ended.',
  MissingAuthenticationTokenException: 'No signature.',
  SerializationException: 'A body that is not a JSON object, a value of a wrong type (with its path).',
  UnknownOperationException: 'A path, or (status 405) a method, that no operation has.',
  RequestEntityTooLargeException: 'A body above 1 MiB.',
};

/** Ingot's own routes by their action. A test knows when one is missing. */
export const INGOT_ROUTES: Readonly<Record<string, string>> = {
  'ingot:DescribeServer': '`{version, pid, dataDirectory, auditEventsLost?}`',
  'ingot:StopServer': 'Stops the server; images in work become `FAILED`. `{}`',
  'ingot:LaunchInstance':
    '`{image, publish?: [{hostAddress?, hostPort, instancePort}], sshKeys?, userData?, instanceType?, firmware?: "bios"\\|"uefi"}`; answers `{instanceId, state: "pending"}` at once',
  'ingot:ListInstances': '`{instances: [Instance]}`: launched ones and those of builds, of this account and Region',
  'ingot:GetInstance':
    '`{instanceId, imageId, image?, state, reason?, driver, instanceType, launchTime, publish, purpose: "launch"\\|"build"\\|"test", keptUntil?}`; states `pending`, `running`, `shutting-down`, `terminated`, `failed`',
  'ingot:TerminateInstance': '`{instanceId, state}`; its disk goes with it. Launched and kept instances only',
  'ingot:ExecuteCommand':
    '`{argv, env?, cwd?, timeoutSeconds?}`; answers lines `{"stream":"stdout"\\|"stderr","data":"<base64>"}`, last `{"exitCode","signal","timedOut"}` or `{"error"}`. The command ends when the client goes',
  'ingot:OpenShell':
    '`?rows=&columns=&term=`; goes on as a WebSocket: a login shell of root, on a terminal of that size, or reading a script from its stdin without one',
  'ingot:GetFiles':
    '`?path=`; goes on as a WebSocket: a tar archive on stdout, of `./name` or of `./` and what is below',
  'ingot:PutFiles':
    '`?path=&name=`; goes on as a WebSocket: takes a tar archive on stdin, the entry `it`, and what is below if it is a folder, then the entry `end`',
  'ingot:GetConsole': '`?follow=true\\|false`; plain text',
  'ingot:GetImageLog':
    '`:arn` percent-encoded; `?follow=true\\|false&after=N`; lines of progress records (`events-and-logs.md`). With `follow` it ends when the image has',
  'ingot:NameImport':
    "`{source, sha256?, trusted?}`: a disk that `ImportVmImage` imports: an absolute path on the server's host, an http (with `sha256`) or https address, or `s3://bucket/key`. Answers `{importTaskId}`. Of the account of the first key pair, since the server reads it with its own rights",
  'ingot:ListPrincipals':
    "`?account=`; `{principals: [Principal]}` of the caller's account, or of all for the account of the first key pair",
  'ingot:CreatePrincipal':
    '`:arn` of a user or a role, percent-encoded. `{trustPolicy?, maxSessionSeconds?, tags?: [{key, value}]}`; policies are JSON text. Answers the Principal: `{arn, account, type, name, id, trustPolicy?, maxSessionSeconds?, tags, dateCreated, policies: [{name, document}], keys?: [{accessKeyId, status, dateCreated}]}`',
  'ingot:GetPrincipal': 'The Principal',
  'ingot:UpdatePrincipal': 'As `CreatePrincipal`, what is given replaces what was',
  'ingot:DeletePrincipal': 'With its policies and keys; sessions of a role end. `{}`',
  'ingot:PutPrincipalPolicy': '`{document}`: JSON text. `{}`',
  'ingot:DeletePrincipalPolicy': '`{}`',
  'ingot:CreateAccessKey':
    '`{accessKeyId, secretAccessKey, status, dateCreated}`; the secret is not told again. Two keys at most',
  'ingot:UpdateAccessKey': '`{status: "Active"\\|"Inactive"}`',
  'ingot:DeleteAccessKey': '`{}`',
  'ingot:LookupEvents':
    "`?since=&until=&principal=&event=&error=&resource=`; lines of events in the shape of CloudTrail's, oldest first: of the caller's account, or of all for the account of the first key pair ([access](access.md#audit))",
  'ingot:DescribeStorage':
    '`{dataDirectory, totalBytes, availableBytes, kinds: {baseImages, images, copies, running, instances, unreferenced, logs, catalog, other}, regions: [{region, bytes}], amis: [{id, region, name, image, created, bytes, freedBytes}]}`: bytes on the disk; `freedBytes` is what deregistering that AMI alone would free. Accounts other than that of the first key pair get `amis` only',
  'ingot:CollectGarbage':
    "`{olderThanSeconds?}` (default 0): components' layers that were used within it stay for later builds. `{layers, files, bytes}` that were freed",
  'ingot:DeregisterAmi':
    '`?region=`: refused when it is in another one. `{amiId, region, layers, bytes, keptBy: [string]}`: what was freed, and who keeps its disk when that stays (`another account` without a name). `ResourceInUseException` while its image is in work',
  'ingot:ListDependents':
    '`:arn` percent-encoded; `{arn, dependents: [{arn, dependents: […]}]}`: what needs the resource, what needs that, and so on',
  'ingot:ListImageAmis':
    '`:arn` percent-encoded; `{amis: [{region, id, file, name}]}`, files as absolute paths on the server',
};
