/**
 * The plan of an image: everything that is known before anything runs. `plan-image.ts` makes it; nothing changes it
 * afterwards.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { ImageTask } from '../../catalog/image-task.ts';
import type { DistributionPlan } from '../../distribution/plan.ts';
import type { ParsedComponent } from '../../documents/component/parse.ts';
import type { WorkflowDocument } from '../../documents/workflow/document.ts';
import type { NetworkProfile } from '../../platform/config/networks.ts';
import type { InstanceProfile } from '../../platform/config/profiles.ts';
import type { AllowedSecret } from '../../resources/allowed-secrets.ts';
import type { ContainerPlan } from '../containers/container-plan.ts';
import type { PlannedComponent, ResolvedComponent } from './planned-component.ts';
import type { CachePolicy } from './cache-policy.ts';

export type { PlannedComponent, ResolvedComponent } from './planned-component.ts';

/** Which stage of an image a workflow belongs to. */
export type Stage = 'BUILD' | 'TEST' | 'DISTRIBUTION';

/** The planned image. */
export interface PlannedImage {
  /** ARN of its build version. */
  readonly arn: string;
  /** As it was recorded, with its recipe and configurations as they were then. */
  readonly image: Readonly<Image>;
  readonly region: string;
  readonly account: string;
  /** Where the work begins, if not with the build stage. */
  readonly task?: ImageTask | undefined;
}

/** A workflow with its document and the values of its parameters. */
export interface PlannedWorkflow {
  /** ARN of the build version. */
  readonly arn: string;
  readonly name: string;
  readonly type: Stage;
  readonly document: WorkflowDocument;
  readonly values: Readonly<Record<string, unknown>>;
  /** Of a test workflow: those with one name run at once. */
  readonly parallelGroup?: string | undefined;
  /** Of a test workflow: what its failure means; that of the image, when absent. */
  readonly onFailure?: 'CONTINUE' | 'ABORT' | undefined;
}

/** The network of the image's instances. */
interface PlannedNetwork {
  readonly profile: NetworkProfile;
  /** What placed them there, for the log. */
  readonly reason: string;
  /** Subnet and security groups that `config.yaml` places in no network. */
  readonly unplaced: readonly string[];
}

/** The plan of an image. */
export interface ImagePlan extends PlannedImage {
  /** Of a container image. */
  readonly container?: ContainerPlan | undefined;
  /** In recipe order. */
  readonly components: readonly ResolvedComponent[];
  /** Components that have phases of a stage, in recipe order. */
  readonly phases: Readonly<Record<Stage, readonly PlannedComponent[]>>;
  /** For each stage, groups of workflows in the order in which they run. */
  readonly workflows: Readonly<Record<Stage, readonly (readonly PlannedWorkflow[])[]>>;
  /** A component document by its text: what the planner has parsed is not parsed again when a step names it. */
  readonly parsed: (text: string) => ParsedComponent;
  /** Where documents run. Source: reference, `resources.md` section 6. */
  readonly workingDirectory: string;
  readonly network: PlannedNetwork;
  /** Where the configuration gives the instance profile credentials. */
  readonly instanceProfile?: { readonly name: string; readonly profile: InstanceProfile } | undefined;
  /** Which layers of earlier builds may be used. */
  readonly cache: CachePolicy;
  /** For how many seconds an instance of a failed image is kept; `undefined` when it is terminated. */
  readonly keep: Readonly<Record<'build' | 'test', number | undefined>>;
  /** What the search of the finished disk may find. */
  readonly allowedSecrets: readonly AllowedSecret[];
  readonly distribution: DistributionPlan;
  /** Paths of members that are stored and that nothing acts on yet. */
  readonly withoutEffect: readonly string[];
}

/** The rule that rejects an image. */
export type RefusalCode =
  | 'encryption'
  | 'instance-profile'
  | 'network'
  | 'keep'
  | 'cache'
  | 'distribution'
  | 'component'
  | 'parent'
  | 'allowed-secrets'
  | 'workflow'
  | 'platform';

/** Something that an image requests and that is not possible. */
export interface Refusal {
  readonly code: RefusalCode;
  /** Path of the member in the image's record that asks for it. */
  readonly field: string;
  readonly message: string;
  readonly cause?: Error | undefined;
}

/** The plan, unless something is rejected. */
export type PlanOutcome =
  | { readonly plan: ImagePlan; readonly refusals: readonly [] }
  | { readonly plan: undefined; readonly refusals: readonly Refusal[] };

/** An image that is rejected before anything runs. The message has all reasons. */
export class ImageRefused extends Error {
  override readonly name = 'ImageRefused';
  readonly refusals: readonly Refusal[];
  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ message }) => message).join('; '), { cause: refusals[0]?.cause });
    this.refusals = refusals;
  }
}
