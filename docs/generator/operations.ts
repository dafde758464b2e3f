/**
 * What is behind each operation, for `docs/api.md`. An operation that is written and has no line here does not compile.
 */
import type { ErrorCode } from '../../src/resources/errors.ts';
import type { OperationName } from '../../src/api/model.ts';
import type { NOT_YET } from '../../src/api/operations/not-yet.ts';

/** Operations that this version has. */
export type Supported = Exclude<OperationName, (typeof NOT_YET)[number]>;

/** One or two sentences each, in Markdown. */
export const BEHIND: Readonly<Record<Supported, string>> = {
  CreateComponent:
    'Validates the document ([components](components.md)) and returns all errors at once. ' +
    '`uri` is an object in S3 ([documents in S3](#documents-in-s3)). The same name and version with different ' +
    'content creates the next build; with the same content it fails with `ResourceAlreadyExistsException`. Supports ' +
    '`dryRun`.',
  GetComponent:
    'Takes the ARN of a build, of a version (returns its latest build), or with wildcards. `data` is the document.',
  ListComponents:
    'Versions. `owner` `Self` (default), `Amazon` or `Shared`; any other value returns an empty list. `byName`: ' +
    'one entry for each name, its ARN `…/x.x.x`.',
  ListComponentBuildVersions: 'Builds of one version, or of all versions without `componentVersionArn`.',
  DeleteComponent: 'Deletes one build. Fails while a recipe resolves to it.',

  CreateImageRecipe:
    'Resolves the parent image and every component, and checks platform and parameters. At most 20 components, ' +
    'each once. `semanticVersion: 1.0.x` creates the next version.',
  GetImageRecipe: 'Accepts wildcards; returns the highest version.',
  ListImageRecipes: '`owner` `Self` (default) or `Shared`; any other value returns an empty list.',
  DeleteImageRecipe: 'Fails while a pipeline resolves to it. Images have their own copy.',

  ImportComponent:
    'Turns a shell script (`data`, or `uri`: an object in S3) into a document with one `ExecuteBash` step in the ' +
    'phase of its `type`.',

  CreateContainerRecipe:
    'Validates the template (`dockerfileTemplateUri` is an object in S3), the components and the parent ' +
    'image. How it is built: [containers](containers.md).',
  GetContainerRecipe: 'Accepts wildcards; returns the highest version.',
  ListContainerRecipes: '`owner` `Self` (default) or `Shared`.',
  DeleteContainerRecipe: 'Fails while a pipeline resolves to it.',

  CreateInfrastructureConfiguration:
    'Takes effect: `instanceProfileName`, `subnetId` and `securityGroupIds` ([roles and networks](networks.md)), ' +
    '`instanceTypes[0]`, `terminateInstanceOnFailure`, `terminateInstanceOnCompletion`, ' +
    '`parentInstance` ([pools](workflows.md#pools)), ' +
    '`instanceMetadataOptions.httpTokens`, `snsTopicArn` ' +
    '([events](events.md)), and the resource tag `ingot:driver` ([drivers](drivers.md)). Needs `iam:PassRole` for ' +
    'the role named like the instance profile.',
  GetInfrastructureConfiguration: 'Returns the stored values.',
  ListInfrastructureConfigurations: 'By name.',
  UpdateInfrastructureConfiguration:
    'Replaces all values; omitted members are removed. Images being built keep their copy.',
  DeleteInfrastructureConfiguration: 'Fails while a pipeline uses it.',

  CreateDistributionConfiguration:
    'Each Region may appear once and needs at least one output. AMI names must contain `{{ imagebuilder:buildDate }}`.',
  GetDistributionConfiguration: 'Returns the stored values.',
  ListDistributionConfigurations: 'By name, with the Regions of each.',
  UpdateDistributionConfiguration: 'Replaces description and distributions. Images being built keep their copy.',
  DeleteDistributionConfiguration: 'Fails while a pipeline uses it.',

  CreateImagePipeline:
    'The recipe and configurations must exist. A wrong schedule is rejected with what was probably meant.',
  GetImagePipeline:
    'With the date and status of the last run, and the next due time. `consecutiveFailures` counts scheduled builds.',
  ListImagePipelines: 'By name.',
  UpdateImagePipeline: 'Replaces everything except the name, and resets `consecutiveFailures`.',
  DeleteImagePipeline: 'Does not delete its images.',
  StartImagePipelineExecution:
    'Creates an image in `PENDING` with copies of the recipe and configurations, and returns. Also works for a ' +
    'disabled pipeline. `tags` are set on the image.',
  ListImagePipelineImages: 'Its images, newest first.',

  CreateImage: 'Starts a build without a pipeline. Returns the build version ARN immediately.',
  GetImage:
    'Takes a build version ARN, or wildcards: returns the highest `AVAILABLE` build, or else the highest build of ' +
    'any status. Managed images are the base images.',
  ListImages:
    'Versions. `owner` `Self` (default), `Amazon` or `Shared`; any other value returns an empty list. `byName` as ' +
    'for components.',
  ListImageBuildVersions: 'Builds of one version, or of all versions without `imageVersionArn`; newest first.',
  CancelImageCreation:
    'Cancels immediately if work has not started. Otherwise the image is canceled within about a second, when its ' +
    'instances have terminated. Its AMIs are removed.',
  DeleteImage:
    'Deletes the record, executions, packages and tags. Keeps AMIs, their files and the log. Fails while the image ' +
    'is being built or a recipe uses it as parent image.',

  CreateWorkflow:
    'Validates the document for its type and returns all errors at once. `uri` is an object in S3. Build ' +
    'numbers work as for components. A workflow with a step action that is not supported yet is rejected, unless ' +
    'the step has a condition. Supports `dryRun`.',
  GetWorkflow:
    'Takes the ARN of a build, of a version (returns its latest build), or with wildcards. For managed workflows ' +
    '`latestVersionReferences` has only `x.x.x`.',
  ListWorkflows: 'Versions. `owner` and `byName` as for components.',
  ListWorkflowBuildVersions:
    'Builds of the versions that `workflowVersionArn` matches (wildcards allowed), or of all versions.',
  DeleteWorkflow: 'Deletes one build. Fails while a pipeline resolves to it.',

  CreateLifecyclePolicy:
    'Validates the rules (for example one per action, and `COUNT` only with `DELETE`) and stores them. The policy ' +
    'runs once a day ([lifecycle policies](lifecycle.md)).',
  GetLifecyclePolicy: 'Returns the stored values.',
  ListLifecyclePolicies: 'By name, without rules and resource selection.',
  UpdateLifecyclePolicy: 'Replaces everything except the name.',
  DeleteLifecyclePolicy: 'Deletes the policy; its effects remain.',

  StartResourceStateUpdate:
    "Without `includeResources` it changes the image's state immediately. With `includeResources` (and " +
    '`executionRole`) the worker also changes the AMIs in all Regions: deprecated AMIs get the tag `DeprecatedBy`, ' +
    'disabled AMIs cannot be launched or used as parent, deleted AMIs are deregistered, and with `snapshots` their ' +
    'disks are deleted. `updateAt` deprecates at that time.',
  GetLifecycleExecution: 'State, times, and whether anything changed.',
  ListLifecycleExecutions: 'For an image or of a policy, newest first.',
  ListLifecycleExecutionResources:
    'The images. With an image as `parentResourceId`: its AMIs with their states, and the reason for those that ' +
    'were skipped.',
  CancelLifecycleExecution: 'Immediately before it starts; later, between two AMIs.',

  ListWorkflowExecutions: 'Workflow executions of an image, in order.',
  GetWorkflowExecution: 'Status and step counts.',
  ListWorkflowStepExecutions: 'Steps in order; inputs and outputs are JSON strings.',
  GetWorkflowStepExecution: 'Includes `rollbackStatus`, `onFailure` and `timeoutSeconds`.',
  ListWaitingWorkflowSteps: '`WaitForAction` steps without an answer, longest wait first. Their status is `RUNNING`.',
  SendWorkflowStepAction:
    '`RESUME` continues a waiting step, `STOP` fails it. Fails with `InvalidRequestException` if the step is not ' +
    'waiting.',

  RetryImage:
    'Retries the tests and distribution of a failed or canceled image under the same ARN: from the test stage, or ' +
    'from distribution if that had started. Fails if the build stage did not finish, or if its output has been ' +
    'removed (by `ingot gc`, or by the server after a week). An import starts over.',
  DistributeImage:
    'Creates an image (name and version of the source, next build) with a copy of the source AMI in each Region of ' +
    'the configuration, and one in the home Region that shares its disk. `sourceImage` is an AMI ID or an image ' +
    'ARN; a version means its latest available build. A container image is pushed to the repositories of the ' +
    'configuration, which AWS does not do.',

  ListImagePackages: 'The packages of the image, by name, as collected by `CollectImageMetadata`.',

  PutComponentPolicy:
    'Validates and stores an IAM policy on a build version of your account. The policy can give other accounts ' +
    'access ([access](access.md#other-accounts)).',
  GetComponentPolicy: 'The policy, or `ResourceNotFoundException`.',
  PutImageRecipePolicy: 'As for components.',
  GetImageRecipePolicy: 'As for components.',
  PutContainerRecipePolicy: 'As for components.',
  GetContainerRecipePolicy: 'As for components.',
  PutImagePolicy: 'As for components.',
  GetImagePolicy: 'As for components.',

  ListImageScanFindings: 'Returns an empty list; image scanning is not supported yet.',
  ListImageScanFindingAggregations: 'Returns an empty list; image scanning is not supported yet.',
  ImportVmImage:
    'Creates an image (`IMPORT`, `IMPORTED`) from the disk of an import task. `vmImportTaskId` is an answer of ' +
    '`ingot:NameImport`, and works for one image. `./ingot import` does both ([images](images.md#imports)). An ' +
    'unknown or used task fails with `ClientException`. The `platform` `macOS` is rejected with ' +
    '`InvalidParameterValueException`.',
  ImportDiskImage: 'Fails with `ClientException`, as AWS does for unsupported installation media.',
  GetMarketplaceResource: 'Fails with `InvalidRequestException`: Ingot has no AWS Marketplace resources.',

  ListTagsForResource: 'Works for every type of resource. Managed resources have no tags.',
  TagResource: 'Adds tags and replaces existing ones; at most 50.',
  UntagResource: 'Ignores keys that the resource does not have.',
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
    'Invalid values: all of them, one per line, with their paths. Also: an invalid document, a reference to a ' +
    'resource that does not exist, or a feature that is not supported yet.',
  InvalidParameterCombinationException: 'Members that exclude or require each other.',
  InvalidRequestException:
    'The state of the resource does not allow the operation, or the plan of the image is rejected ' +
    '([what is rejected](#what-is-rejected)).',
  InvalidVersionNumberException: '`semanticVersion` is malformed or out of range.',
  InvalidPaginationTokenException: 'The `nextToken` belongs to another operation, caller or set of parameters.',
  ResourceAlreadyExistsException: 'The name or recipe version is taken, or the component did not change.',
  ResourceInUseException:
    'The image is being built (deregistering its AMI), or a lifecycle execution of the resource is running.',
  ResourceDependencyException:
    'Deleting a resource that others use (the message lists them), or an image that is being built.',
  IdempotentParameterMismatchException: 'The client token was used before with other parameters.',
  ClientException: 'Importing installation media, or a disk whose import task is unknown or used.',
  ServiceQuotaExceededException: 'A quota is exceeded (`quotas` in [config.yaml](config.md#quotas)).',
  ForbiddenException: "Changing or tagging a managed resource, or changing another account's resource.",
  AccessDeniedException:
    'A policy denies the request, or none allows it. The message has the action and the resource ' +
    '([access](access.md)).',
  ResourceNotFoundException: 'The resource does not exist in this account and Region.',
  DryRunOperationException:
    'A `dryRun` request is valid: for `CreateComponent` and `CreateWorkflow`, and from newer clients for all other ' +
    'create operations except `CreateImage`.',
  CallRateLimitExceededException: 'Never returned; request rates answer `TooManyRequestsException`.',
  TooManyRequestsException:
    'The account exceeds its request rate (`rates` in [config.yaml](config.md#rates); no limit by default). SDKs ' +
    'wait and retry.',
  ServiceException: "An internal error of Ingot. The message has the request ID; the server's log has the details.",
  ServiceUnavailableException: 'The database is busy, or the server is stopping. Clients retry automatically.',
  IncompleteSignatureException: 'A part of the signature is missing or malformed.',
  InvalidSignatureException:
    'The signature does not match: wrong secret, changed request, wrong service, or a clock that differs by more ' +
    'than 5 minutes.',
  UnrecognizedClientException: 'The access key ID is unknown to this server.',
  ExpiredTokenException: 'The session has expired.',
  MissingAuthenticationTokenException: 'The request is not signed.',
  SerializationException: 'The body is not a JSON object, or a value has the wrong type (with its path).',
  UnknownOperationException: 'No operation has this path or (status 405) this method.',
  RequestEntityTooLargeException: 'A body above 1 MiB.',
};

/** Ingot's own routes by their action. A test knows when one is missing. */
export const INGOT_ROUTES: Readonly<Record<string, string>> = {
  'ingot:DescribeServer': '`{version, pid, dataDirectory, auditEventsLost?}`',
  'ingot:StopServer': 'Stops the server; images being built become `FAILED`. Answers `{}`',
  'ingot:LaunchInstance':
    '`{image, publish?: [{hostAddress?, hostPort, instancePort}], sshKeys?, userData?, instanceType?, ' +
    'instanceProfile?, firmware?: "bios"\\|"uefi"}`; answers `{instanceId, state: "pending"}` at once',
  'ingot:ListInstances': '`{instances: [Instance]}`: launched ones and those of builds, of this account and Region',
  'ingot:GetInstance':
    '`{instanceId, imageId, image?, state, reason?, driver, instanceType, launchTime, publish, purpose: ' +
    '"launch"\\|"build"\\|"test", keptUntil?}`; states `pending`, `running`, `shutting-down`, `terminated`, ' +
    '`failed`',
  'ingot:TerminateInstance': '`{instanceId, state}`; its disk is deleted. Launched and kept instances only',
  'ingot:ExecuteCommand':
    '`{argv, env?, cwd?, timeoutSeconds?}`; answers lines `{"stream":"stdout"\\|"stderr","data":"<base64>"}`, last ' +
    '`{"exitCode","signal","timedOut"}` or `{"error"}`. The command is stopped when the client disconnects',
  'ingot:OpenShell':
    '`?rows=&columns=&term=`; continues as a WebSocket: a login shell of root, on a terminal of that size, or ' +
    'reading a script from its stdin without one',
  'ingot:GetFiles':
    '`?path=`; continues as a WebSocket: a tar archive on stdout, of `./name` or of `./` and what is below',
  'ingot:PutFiles':
    '`?path=&name=`; continues as a WebSocket: takes a tar archive on stdin, the entry `it`, and what is below if it ' +
    'is a folder, then the entry `end`',
  'ingot:GetConsole': '`?follow=true\\|false`; plain text',
  'ingot:GetImageLog':
    '`:arn` percent-encoded; `?follow=true\\|false&after=N`; lines of progress records (`events-and-logs.md`). ' +
    'With `follow` it ends when the build does',
  'ingot:NameImport':
    "`{source, sha256?, trusted?}`: a disk that `ImportVmImage` imports: an absolute path on the server's host, an " +
    'http (with `sha256`) or https address, or `s3://bucket/key`. Answers `{importTaskId}`. Only for the account of ' +
    'the first key pair, since the server reads it with its own rights',
  'ingot:ListKeys':
    "`{keys: [Key]}` of the caller's account: `{arn, aliases, description, state, deletionDate?, version, created, " +
    'amis}`; states `Enabled`, `Disabled`, `PendingDeletion`',
  'ingot:CreateKey': '`{alias?, description?}`; the Key, in the Region of the request',
  'ingot:RotateKey':
    '`:arn` of a key, percent-encoded. New material, with which its data keys are sealed again: `{resealed}`',
  'ingot:EnableKey': '`:arn` of a key that is `Disabled`; the Key',
  'ingot:DisableKey': '`:arn`; the Key, which seals and opens nothing until it is enabled',
  'ingot:ScheduleKeyDeletion': '`:arn`; `{days?}` from 7 to 30 (default 30); the Key, which cannot be used any more',
  'ingot:CancelKeyDeletion': '`:arn` of a key that is `PendingDeletion`; the Key, `Disabled`',
  'ingot:PutKeyAlias': '`:arn`; `{alias}`: `alias/NAME`, taken from the key that has it; the Key',
  'ingot:ListPrincipals':
    "`?account=`; `{principals: [Principal]}` of the caller's account, or of all for the account of the first key pair",
  'ingot:CreatePrincipal':
    '`:arn` of a user or a role, percent-encoded. `{trustPolicy?, maxSessionSeconds?, tags?: [{key, value}]}`; ' +
    'policies are JSON text. Answers the Principal: `{arn, account, type, name, id, trustPolicy?, ' +
    'maxSessionSeconds?, tags, dateCreated, policies: [{name, document}], keys?: [{accessKeyId, status, ' +
    'dateCreated}]}`',
  'ingot:GetPrincipal': 'The Principal',
  'ingot:UpdatePrincipal': 'As `CreatePrincipal`; given members replace the stored ones',
  'ingot:DeletePrincipal': 'With its policies and keys; sessions of a role end. `{}`',
  'ingot:PutPrincipalPolicy': '`{document}`: JSON text. `{}`',
  'ingot:DeletePrincipalPolicy': '`{}`',
  'ingot:CreateAccessKey':
    '`{accessKeyId, secretAccessKey, status, dateCreated}`; the secret is not shown again. Two keys at most',
  'ingot:UpdateAccessKey': '`{status: "Active"\\|"Inactive"}`',
  'ingot:DeleteAccessKey': '`{}`',
  'ingot:LookupEvents':
    '`?since=&until=&principal=&event=&error=&resource=`; one CloudTrail event per line, oldest ' +
    "first: of the caller's account, or of all for the account of the first key pair ([access](access.md#audit))",
  'ingot:ListEvents':
    '`?since=&after=&follow=true&pattern=`; lines of `{seq, event}`, oldest first, events as in EventBridge: ' +
    "of the caller's account, or of all for the account of the first key pair. `after` is a `seq`, `pattern` an " +
    'event pattern as JSON',
  'ingot:ListFailedDeliveries':
    '`?receiver=`; `{deliveries: [{receiver, state: "retry"\\|"replay"\\|"dead", attempts, lastFailure, ' +
    'nextAttempt, error, event}]}`',
  'ingot:ReplayEvent': '`{receiver?}`; `{eventId, receivers}`. Without a receiver: those that gave up on the event',
  'ingot:ListReceivers':
    '`{receivers: [{name, type, state: "ok"\\|"failing"\\|"gone", delivered, retrying, dead, lastSuccess, ' +
    'lastError, nextAttempt}]}`',
  'ingot:GetStatus':
    '`{version, time, worker: {up, silentSeconds}, running, waiting, waitingSteps, failed, due, disk, ' +
    'limits, receivers}`',
  'ingot:TestReceiver': '`{receiver, type, answers: [{what, id, ok, answer, milliseconds}]}`',
  'ingot:DescribeStorage':
    '`{dataDirectory, totalBytes, availableBytes, kinds: {baseImages, images, copies, running, instances, ' +
    'unreferenced, files, containers, registry, logs, catalog, other}, ' +
    'regions: [{region, bytes}], amis: [{id, region, name, image, created, bytes, freedBytes}]}`: bytes on the ' +
    'disk; `freedBytes` is what deregistering that AMI alone would free. Accounts other than that of the first key ' +
    'pair get `amis` only',
  'ingot:CollectGarbage':
    '`{olderThanSeconds?, hostCache?}`. `olderThanSeconds` (default 0): layers of components that were used within ' +
    'this time are kept. `hostCache` (default false): also frees the base images that the host keeps. ' +
    'Answers what was freed: `{layers, files, bytes, cachedBaseImages?}`',
  'ingot:CheckStores':
    '`{stores: [{region, place, fault?}]}`. Tries the stores of Regions (`regions`, separated by commas; default: ' +
    'those of `config.yaml`)',
  'ingot:PublishAmi':
    'Body: `{region}`, which `config.yaml` makes a Region of AWS. `{amiId}`: a copy that is pending; ' +
    '`ingot:DescribeCopy` follows it',
  'ingot:DescribeCopy': '`{amiId, region, state, reason?}` of a copy. `amiId` is that of EC2 once the copy is there',
  'ingot:VerifyAmi':
    '`{amiId, region, checked, sha256, faults: [string]}`. Compares a copy with its manifest (`checked: manifest`), ' +
    'or checks the layers of the home Region (`structure`). Empty `faults` mean that the disk is intact',
  'ingot:DeregisterAmi':
    '`?region=`: fails if it is in another Region. `{amiId, region, layers, bytes, keptBy: [string]}`: what was ' +
    'freed, and what still needs its disk (`another account` for images of others). `ResourceInUseException` ' +
    'while its image is being built',
  'ingot:RetryFromFailure':
    '`{image, step, components}`. Continues a FAILED image from the step of the build stage that failed, on the ' +
    'layer after its last finished component (`components` are finished). `InvalidRequestException` when nothing was ' +
    'finished or its layers have been removed',
  'ingot:ListSchedules':
    '`{schedules: [Schedule]}` of all pipelines: `{pipeline, name, status, expression?, timezone?, words?, ' +
    'startCondition?, next?, heldBy?: {name, until}, consecutiveFailures, last?: Run}`',
  'ingot:ListPipelineRuns':
    '`:arn` percent-encoded; `?limit=&before=` (a `seq`); `{schedule, runs: [Run]}`, newest first: `{seq, cause, by, ' +
    'at, because, due?, outcome, reason?, next?, image?}`; outcomes `started`, `skipped`, `refused`, `put off`, ' +
    '`disabled`',
  'ingot:PreviewLifecyclePolicy':
    '`:arn` percent-encoded; `{policy, next?, decisions: [{arn, action, why, spared?, passedOver?: [{id, ' +
    'reason}]}]}`, newest first; actions `DELETE`, `DEPRECATE`, `DISABLE`, `KEEP`. Nothing is changed',
  'ingot:RunLifecyclePolicy':
    '`:arn` percent-encoded; runs the policy now, also a disabled one. `{lifecycleExecutionId}`; ' +
    '`ResourceInUseException` while it runs',
  'ingot:ListPackageUpdates':
    '`:arn` percent-encoded; `{image, updates: [{name, installed, available, suite, security}]}`: packages of the ' +
    'image that have newer versions',
  'ingot:ListDependents':
    '`:arn` percent-encoded; `{arn, dependents: [{arn, dependents: […]}]}`: what depends on the resource, what ' +
    'depends on that, and so on',
  'ingot:DryRun':
    '`{requests: [{id, operation, input}]}`: up to 200 creates, in order; later ones may refer to what earlier ones ' +
    'would create. Nothing is created, and the caller needs the permissions of each. Answers `{answers: [{id, ' +
    'action, resource?: {arn, name?, version?, type?}, changes?, before?, replaces?, faults?: [{code, message, ' +
    'path?, reason?}]}]}`; `action` is `create`, `update`, `replace`, `unchanged` or `refused`; `reason` is ' +
    '`missing` for a required member, `other-platform` for a component of another platform than the parent image. ' +
    'The answer has all faults of each request; a faulty value is replaced by a valid one, so that requests that ' +
    'refer to it are checked too',
  'ingot:ListStacks': "`{stacks: [Stack]}` of the caller's account and Region",
  'ingot:GetStack':
    'The Stack: `{name, stackId, status, created, updated, description?, resources: [{logicalId, type, physicalId, ' +
    'deletionPolicy?, earlier?: [arn]}], outputs: [{name, value, description?, exportName?}]}`; ' +
    'statuses are those of CloudFormation',
  'ingot:PutStack':
    'Records a stack as it is: `{status, description?, resources, outputs, imports: [exportName], keepImports?}`. ' +
    'Outputs and exports count once the status is `…_COMPLETE`. Fails if another stack has an export of that ' +
    'name, if an export in use is removed or changed, or if no stack exports an import',
  'ingot:DeleteStack':
    'Deletes the record of the stack. Fails while it has resources that are not retained, or its exports are ' +
    'imported. Answers `{}`',
  'ingot:ListParameters':
    '`{parameters: [{name, type, value, description?, version, updated}]}`: all of the account and Region except ' +
    '`SecureString`',
  'ingot:PutParameter':
    '`:name` percent-encoded; `{type, value, description?}`, type `String` or `StringList`. Answers the parameter. ' +
    '`ssm:` parent images and `AWS::SSM::Parameter::Value<…>` of templates find it',
  'ingot:ListFiles':
    '`{files: [{sha256, size, received, complete}]}`: files that components of the account name by `file:`, and ' +
    'those that are still coming',
  'ingot:PutFile':
    '`?size=N&offset=M` and bytes, at most 1 MiB: a part of the file with this SHA-256. Answers `{sha256, size, ' +
    'received, complete}`; a part that does not begin at `received` is ignored, and no bytes ask where to continue. ' +
    'With the last part the content is compared with its digest. A file that no component names for a day is removed',
  'ingot:DeleteParameter': '`:name` percent-encoded; `{}`',
  'ingot:ListExports': '`{exports: [{name, value, stack, importedBy: [stack]}]}`',
  'ingot:ListImageAmis':
    '`:arn` percent-encoded; `{amis: [{region, id, file, name}]}`, files as absolute paths on the server',
};
