/** Tables of the engine: what is built, run and held. Booleans are 0 and 1, JSON is text, times are ISO-8601 text. */
import type { Generated } from 'kysely';

/** The engine's tables by name, as Kysely sees them. */
export interface EngineTables {
  layers: LayerTable;
  layer_uses: LayerUseTable;
  amis: AmiTable;
  base_images: BaseImageTable;
  instances: InstanceTable;
  held_things: HeldThingTable;
  workflow_executions: WorkflowExecutionTable;
  step_executions: StepExecutionTable;
  waiting_steps: WaitingStepTable;
  lifecycle_executions: LifecycleExecutionTable;
  lifecycle_resources: LifecycleResourceTable;
  image_packages: ImagePackageTable;
  leases: LeaseTable;
  import_tasks: ImportTaskTable;
  container_outputs: ContainerOutputTable;
  container_copies: ContainerCopyTable;
  container_layers: ContainerLayerTable;
  unknown_members: UnknownMemberTable;
  suspended_images: SuspendedImageTable;
  work_points: WorkPointTable;
  build_turns: BuildTurnTable;
  aws_snapshots: AwsSnapshotTable;
}

/**
 * The origin of the disk at the bottom of a chain: made by Ingot, an untrusted source, or a source that the owner
 * trusts. The host's kernel mounts no file system of an untrusted disk.
 */
export type DiskOrigin = 'made' | 'trusted' | 'untrusted';

/** A layer: a qcow2 overlay that nothing writes to once it is complete. */
export interface LayerTable {
  /** `lay-…` */
  id: string;
  /** SHA-256 of `key_record`. Several layers can have one key if two builds made the same at the same time. */
  key: string;
  /** JSON: everything that goes into the key. */
  key_record: string;
  parent_id: string | null;
  /** File, relative to the data directory. */
  path: string;
  state: 'writing' | 'complete';
  /** Label of the layer, `<image>/<component>`: a cache miss is compared with the last layer of the same label. */
  label: string;
  created: string;
  /** When a build last used or made it. */
  last_used: string;
  /** Origin of the whole chain. */
  origin: Generated<DiskOrigin>;
  /** What shows that the chain has ids which a system container does not have, as a clause; `null` if it has none. */
  foreign_id: string | null;
  /** Of its file, in hexadecimal digits; `null` until a store asks. */
  sha256: string | null;
  /** Size of its file then. */
  bytes: number | null;
  /** The data key that its file is encrypted with; `null` if it is not. */
  data_key_id: string | null;
}

/** A use of a layer that no other record shows: by a build that reuses it, or an instance based on it. */
export interface LayerUseTable {
  layer_id: string;
  /** ARN of an image, or id of an instance. */
  owner: string;
}

/** A machine image in one Region. */
export interface AmiTable {
  id: string;
  region: string;
  account: string;
  name: string;
  description: string | null;
  /** ARN of the image that it was made for. */
  image_arn: string;
  /** Top of its chain, in its home Region. */
  layer_id: string | null;
  /** Path relative to the data directory: the chain's top in the home Region, a flat copy elsewhere. */
  file: string;
  /** A disabled one cannot be launched or built on. The AMI of a failed image is `failed`, and waits for a retry. */
  state: 'pending' | 'available' | 'disabled' | 'failed' | 'deregistered';
  /** JSON object. */
  tags: string;
  platform: string;
  os_version: string | null;
  architecture: string;
  created: string;
  /** JSON of a `LaunchPermission`. */
  launch_permission: Generated<string>;
  /** When it stops appearing in other accounts' lists. ISO-8601. */
  deprecation_time: string | null;
  /** The AMI that it was copied from. */
  source_ami: string | null;
  source_region: string | null;
  /** Why it is `failed`. */
  state_reason: string | null;
  /** The key that opens its encrypted disk; `null` if it is not encrypted. */
  kms_key_arn: string | null;
}

/** A snapshot that was sent to AWS, or is being sent. */
export interface AwsSnapshotTable {
  /** Of the request that began it. */
  token: string;
  /** Name of the Region, as `config.yaml` has it. */
  region: string;
  /** What the versions of an image share. */
  lineage: string;
  /** The top layer of the disk. */
  layer_id: string;
  /** JSON of a `SnapshotEncryption`. */
  encryption: string;
  gib: number;
  /** `null` until AWS has answered. */
  snapshot_id: string | null;
  parent_snapshot_id: string | null;
  state: 'pending' | 'completed';
  /** JSON list of index and SHA-256 of its blocks that hold data; while it is pending, of its parent's. */
  blocks: string;
  /** JSON list of index and SHA-256 of the blocks that were sent; empty when it is complete. */
  sent: string;
  created: string;
}

/** A base image that was made on this machine. */
export interface BaseImageTable {
  name: string;
  /** By date: `2026.11.20`. */
  version: string;
  layer_id: string;
  os_version: string;
  created: string;
}

/** The output of a container image's build. Its blobs are files of the data directory, named by their digests. */
export interface ContainerOutputTable {
  image_arn: string;
  /** The layer with the build's storage at its end. */
  layer_id: string;
  /** Hash of its inputs: a build with the same key would make the same image. */
  output_key: string;
  /** `sha256:…` of its manifest. */
  digest: string;
  media_type: string;
  /** Size of the manifest in bytes. */
  size: number;
  /** JSON list of the digests of its blobs, including the manifest. */
  blobs: string;
  created: string;
}

/** A layer of a container image, and the blob that it was compressed to. */
export interface ContainerLayerTable {
  /** Whose images have it: a build learns nothing of other accounts' layers. */
  account: string;
  /** `sha256:…` of the tar archive as a build had it. */
  diff_id: string;
  /** Seconds since 1970 to which its times were cut; -1 where they are as they were written. */
  epoch: number;
  /** `sha256:…` of the tar archive in the blob: another one where its times were cut. */
  out_diff_id: string;
  /** `sha256:…` of the blob. */
  digest: string;
  /** Of the blob, in bytes. */
  size: number;
  last_used: string;
}

/** A name under which a container image is in a repository. */
export interface ContainerCopyTable {
  image_arn: string;
  region: string;
  /** `host/repository:tag`. */
  uri: string;
  /** `sha256:…` of the manifest there. */
  digest: string;
  created: string;
}

/** An instance, from its request to its end. */
export interface InstanceTable {
  id: string;
  /** `pool`: it waits for a build, which makes it a `build` instance. */
  purpose: 'build' | 'test' | 'launch' | 'pool';
  account: string;
  region: string;
  /** The image that it was launched for; for a launched instance, the image of its AMI. */
  image_arn: string | null;
  ami_id: string | null;
  driver: string;
  instance_type: string;
  state: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'failed';
  reason: string | null;
  /** JSON with which a driver attaches to it; null until it runs. */
  handle: string | null;
  /** JSON of the launch request (published ports, keys, user data). */
  request: string;
  created: string;
  /** For a build or test instance that is kept after its image failed: when its keep time expires. */
  kept_until: string | null;
  /** When a user first ran a command in it, opened a shell or sent files; null if only its work changed it. */
  changed_by_hand: string | null;
}

/** When a queue of waiting builds last had a turn. See `build-queue.ts`. */
interface BuildTurnTable {
  /** ARN of a pipeline; for images without one `<account>/<region>/<name>`. */
  queue: string;
  /** ISO-8601. */
  last: string;
}

/** See `platform/held.ts`. `seq` is the order in which things were taken. */
interface HeldThingTable {
  seq: Generated<number>;
  id: string;
  owner: string;
  /** JSON of a `HeldThing`. */
  thing: string;
}

/** An import task: a disk that `ImportVmImage` makes an image from. */
export interface ImportTaskTable {
  /** `import-ami-…` */
  id: string;
  account: string;
  region: string;
  /** An absolute path, an http or https URL, or `s3://bucket/key`. */
  source: string;
  /** Expected checksum of the disk's file, hexadecimal; null without one. */
  sha256: string | null;
  /** 1 if the disk is trusted. */
  trusted: number;
  /** The image that it became, or is becoming. */
  image_arn: string | null;
  created: string;
}

/** The last point of an image's work that can be gone on from. */
interface WorkPointTable {
  image_arn: string;
  /** JSON of `SavedWork`; null while nothing is finished. */
  state: string | null;
  /** How often the work was interrupted since then by something that it may have caused. */
  tries: Generated<number>;
}

/** An image whose work waits as a record: no process works on it. */
interface SuspendedImageTable {
  image_arn: string;
  /** The step that waits; empty when the work was interrupted. */
  step_id: string;
  since: string;
  /** When the work continues without an answer: the time limit of the step or its stage. */
  wake_at: string;
  /** JSON of `SavedWork`. */
  state: string;
}

/** An unknown member of the request that created or updated a resource. */
interface UnknownMemberTable {
  arn: string;
  /** Path in the request. */
  member: string;
}

/** One run of a workflow for an image. */
export interface WorkflowExecutionTable {
  id: string;
  image_arn: string;
  workflow_arn: string;
  type: 'BUILD' | 'TEST' | 'DISTRIBUTION';
  status: string;
  message: string | null;
  parallel_group: string | null;
  /** Order within the image, from 0. */
  position: number;
  total_steps: number;
  /** JSON of the workflow's outputs by name, once it is complete. */
  outputs: string | null;
  /** 1 if a retry replaced it; it no longer counts. */
  retried: Generated<number>;
  start_time: string | null;
  end_time: string | null;
}

/** One run of a step. Written before the step runs. */
export interface StepExecutionTable {
  id: string;
  workflow_execution_id: string;
  image_arn: string;
  position: number;
  name: string;
  action: string;
  description: string | null;
  status: string;
  rollback_status: string | null;
  message: string | null;
  /** JSON text, unresolved until the step ran. */
  inputs: string | null;
  outputs: string | null;
  on_failure: string;
  timeout_seconds: number;
  start_time: string | null;
  end_time: string | null;
}

/** A step that waits for an answer, until it continues. */
export interface WaitingStepTable {
  step_id: string;
  image_arn: string;
  account: string;
  region: string;
  since: string;
  /** The answer: `RESUME` or `STOP`. */
  action: string | null;
  reason: string | null;
}

/** A state update of resources, requested by a user or by a policy. */
export interface LifecycleExecutionTable {
  /** `lce-…` */
  id: string;
  account: string;
  region: string;
  /** The image of the request, */
  image_arn: string | null;
  /** or the policy that it executes. */
  policy_arn: string | null;
  status: 'PENDING' | 'IN_PROGRESS' | 'SUCCESS' | 'FAILED' | 'CANCELLING' | 'CANCELLED';
  reason: string | null;
  /** JSON of the change. */
  request: string;
  /** When it should begin. */
  due: string;
  created: string;
  start_time: string | null;
  end_time: string | null;
}

/** The result of an execution for one resource. */
export interface LifecycleResourceTable {
  execution_id: string;
  /** ARN of an image, id of an AMI. */
  resource_id: string;
  /** For an AMI, its image. */
  parent_id: string | null;
  account: string;
  region: string;
  action: 'AVAILABLE' | 'DELETE' | 'DEPRECATE' | 'DISABLE';
  status: 'FAILED' | 'IN_PROGRESS' | 'SKIPPED' | 'SUCCESS';
  reason: string | null;
  /** For an AMI whose snapshot is deleted with it. */
  snapshot_id: string | null;
  start_time: string;
  end_time: string | null;
}

/** One package of an image, with the name that its package manager uses. */
export interface ImagePackageTable {
  image_arn: string;
  name: string;
  version: string;
}

/** The worker of an image. A lease that expired, or whose process is gone, is free. */
interface LeaseTable {
  image_arn: string;
  /** Id of the worker process. */
  worker: string;
  host: string;
  pid: number;
  /** Clock ticks since boot, which together with the pid identify it. */
  process_start: string;
  deadline: string;
}
