/**
 * Tables of resources. Booleans are 0 and 1, JSON is text, times are ISO-8601 text; `record` holds the API's object,
 * without tags.
 */
import type { Generated } from 'kysely';
import type { AccessTables } from './access-tables.ts';
import type { EngineTables } from './engine-tables.ts';
import type { ServiceTables } from './service-tables.ts';
import type { LogTables } from './log-tables.ts';
import type { PipelineTables } from './pipeline-tables.ts';
import type { EventTables } from './event-tables.ts';
import type { KeyTables } from './key-tables.ts';
import type { RepositoryTables } from './repository-tables.ts';

/** All tables by name, as Kysely sees them. */
export type Tables = ResourceTables &
  EngineTables &
  AccessTables &
  KeyTables &
  PipelineTables &
  EventTables &
  ServiceTables &
  RepositoryTables &
  LogTables;

/** The resources' tables by name. */
interface ResourceTables {
  components: ComponentTable;
  component_os_versions: ComponentOsVersionTable;
  workflows: WorkflowTable;
  image_recipes: ImageRecipeTable;
  container_recipes: ContainerRecipeTable;
  infrastructure_configurations: ConfigurationTable;
  distribution_configurations: ConfigurationTable;
  lifecycle_policies: LifecyclePolicyTable;
  image_pipelines: ImagePipelineTable;
  images: ImageTable;
  image_builds: ImageBuildTable;
  tags: TagTable;
  resource_references: ResourceReferenceTable;
  resource_policies: ResourcePolicyTable;
  parameters: ParameterTable;
  kept_files: KeptFileTable;
  component_files: ComponentFileTable;
  parameter_versions: ParameterVersionTable;
  stacks: StackTable;
  stack_exports: StackExportTable;
  stack_imports: StackImportTable;
  client_tokens: ClientTokenTable;
  secrets: SecretTable;
  migrations: MigrationTable;
}

/** Columns of every resource. `slug` is the name in the ARN: names with the same slug are the same name. */
interface ResourceColumns {
  arn: string;
  account: string;
  region: string;
  slug: string;
  name: string;
  date_created: string;
  /** JSON of the SDK's type for the resource. */
  record: string;
}

interface VersionColumns {
  major: number;
  minor: number;
  patch: number;
}

/** Build versions of components. `record` has no `data`, which lists do not need. */
interface ComponentTable extends ResourceColumns, VersionColumns {
  build: number;
  platform: string;
  type: string;
  status: string;
  description: string | null;
  data: string;
  /** SHA-256 with which the next create is compared. */
  content_hash: string;
}

/** Versions of operating systems in a component's `supportedOsVersions`. */
interface ComponentOsVersionTable {
  arn: string;
  os_version: string;
}

/**
 * Build versions of workflows. The type is part of the name: workflows of two types can have the same name. `record`
 * has no `data`.
 */
interface WorkflowTable extends ResourceColumns, VersionColumns {
  build: number;
  /** `BUILD`, `TEST`, `DISTRIBUTION`. */
  type: string;
  data: string;
  /** SHA-256 with which the next create is compared. */
  content_hash: string;
}

interface ImageRecipeTable extends ResourceColumns, VersionColumns {
  platform: string;
  parent_image: string;
}

interface ContainerRecipeTable extends ResourceColumns, VersionColumns {
  platform: string;
  parent_image: string;
  container_type: string;
}

interface LifecyclePolicyTable extends ResourceColumns {
  status: string;
}

/** Infrastructure and distribution configurations. */
interface ConfigurationTable extends ResourceColumns {}

interface ImagePipelineTable extends ResourceColumns {
  recipe_arn: string;
  infrastructure_configuration_arn: string;
  distribution_configuration_arn: string | null;
  status: string;
  description: string | null;
  /** Scheduled builds that failed since the last success, or the last update. */
  consecutive_failures: Generated<number>;
}

/** Build versions of images. `record` is an `Image` with copies of its recipe and configurations. */
export interface ImageTable extends ResourceColumns, VersionColumns {
  build: number;
  status: string;
  platform: string;
  os_version: string | null;
  /** `AMI`, `DOCKER`. */
  type: string | null;
  /** The values that lists show, so that they need not read the record. */
  build_type: string | null;
  image_source: string | null;
  pipeline_arn: string | null;
  /** JSON: where the work begins, if not with the build stage. See `image-task.ts`. */
  task: string | null;
  /** 1 after a cancellation request; the worker watches this. */
  cancel_requested: number;
  /** 1 if its worker died while it was building other images too: it is built again, alone. */
  alone: Generated<number>;
  /** 1 if it started automatically, by a schedule, a rule or another image. A retry sets it to 0. */
  by_itself: Generated<number>;
}

/**
 * The last build number of an image's version. It outlives the images: AMIs and logs of a deleted image keep its ARN.
 */
interface ImageBuildTable {
  version_arn: string;
  last_build: number;
}

interface TagTable {
  arn: string;
  key: string;
  value: string;
}

/** `dependent` depends on `reference`. */
interface ResourceReferenceTable {
  dependent: string;
  /** ARN of the dependency, without its version. */
  target: string;
  /** ARN as given: a build, a version, or wildcards. */
  reference: string;
}

/** Policies of resources. */
interface ResourcePolicyTable {
  arn: string;
  /** Account of the resource. */
  account: string;
  region: string;
  /** As in ARNs: `component`. */
  type: string;
  /** JSON, as given. */
  policy: string;
  date_updated: string;
}

/** Stacks by name: the resources made from a template. */
interface StackTable {
  account: string;
  region: string;
  name: string;
  /** Uuid, as in the ARN of a stack. */
  id: string;
  status: string;
  /** JSON: description, resources, outputs. */
  record: string;
  created: string;
  updated: string;
}

/** Parameters, as in Systems Manager. */
export interface ParameterTable {
  account: string;
  region: string;
  name: string;
  type: string;
  value: string;
  description: string | null;
  /** 1 for a new parameter, one more for each new value. */
  version: number;
  updated: string;
  /** ARN of the principal that wrote it. */
  updated_by: string | null;
  data_type: Generated<string>;
  tier: Generated<string>;
  allowed_pattern: string | null;
}

/** A version of a parameter; the newest is in `parameters` too. `labels` is a JSON list. */
interface ParameterVersionTable extends ParameterTable {
  labels: Generated<string>;
}

/** Files that components name by `file:`. */
interface KeptFileTable {
  account: string;
  sha256: string;
  size: number;
  /** 1 if it is complete. */
  complete: number;
  /** ISO-8601. */
  touched: string;
}

/** The files of each component. */
interface ComponentFileTable {
  /** ARN of the build version. */
  component: string;
  account: string;
  sha256: string;
}

/** Values that stacks export. A name belongs to one stack in its account and Region. */
interface StackExportTable {
  account: string;
  region: string;
  name: string;
  value: string;
  stack: string;
}

/** The stacks that import an export, by its name. */
interface StackImportTable {
  account: string;
  region: string;
  name: string;
  stack: string;
}

export interface ClientTokenTable {
  account: string;
  region: string;
  operation: string;
  token: string;
  /** SHA-256 of the request without its token. */
  request_hash: string;
  /** JSON of the first response. */
  response: string;
  created: string;
}

/** Secrets of the server, by name. */
interface SecretTable {
  name: string;
  value: string;
}

interface MigrationTable {
  number: number;
  name: string;
  applied: string;
}
