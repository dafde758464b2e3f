/**
 * The plan of an image: everything that is known before the build. `plan-image.ts` makes it; nothing changes it
 * afterwards.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { ImageTask } from '../../catalog/image-task.ts';
import type { DistributionPlan } from '../../distribution/plan.ts';
import type { ParsedComponent } from '../../documents/component/parse.ts';
import type { WorkflowDocument } from '../../documents/workflow/document.ts';
import type { CommandDocuments } from '../../platform/config/command-documents.ts';
import type { StateMachine } from '../../platform/config/state-machines.ts';
import type { NetworkProfile } from '../../platform/config/networks.ts';
import type { InstanceProfile } from '../../platform/config/profiles.ts';
import type { AllowedSecret } from '../../resources/allowed-secrets.ts';
import type { ContainerPlan } from '../containers/container-plan.ts';
import type { PlannedComponent, ResolvedComponent } from './planned-component.ts';
import type { CachePolicy } from './cache-policy.ts';

export type { PlannedComponent, ResolvedComponent } from './planned-component.ts';

/** The stage of an image that a workflow belongs to. */
export type Stage = 'BUILD' | 'TEST' | 'DISTRIBUTION';

/** The planned image. */
export interface PlannedImage {
  /** ARN of its build version. */
  readonly arn: string;
  /** The recorded image, with its recipe and configurations as they were then. */
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
  /** For a test workflow: workflows with the same name run in parallel. */
  readonly parallelGroup?: string | undefined;
  /** For a test workflow: the effect of its failure (default: the image's setting). */
  readonly onFailure?: 'CONTINUE' | 'ABORT' | undefined;
}

/** The network of the image's instances. */
interface PlannedNetwork {
  readonly profile: NetworkProfile;
  /** Why this network was chosen, for the log. */
  readonly reason: string;
  /** Subnet and security groups that `config.yaml` places in no network. */
  readonly unplaced: readonly string[];
}

/** The plan of an image. */
export interface ImagePlan extends PlannedImage {
  /** The plan of a container image, if it is one. */
  readonly container?: ContainerPlan | undefined;
  /** In recipe order. */
  readonly components: readonly ResolvedComponent[];
  /** Components with phases of a stage, in recipe order. */
  readonly phases: Readonly<Record<Stage, readonly PlannedComponent[]>>;
  /** For each stage, groups of workflows in the order in which they run. */
  readonly workflows: Readonly<Record<Stage, readonly (readonly PlannedWorkflow[])[]>>;
  /** Parses a component document, or returns the planner's result if it has parsed that text. */
  readonly parsed: (text: string) => ParsedComponent;
  /** The working directory of documents. Source: reference, `resources.md` section 6. */
  readonly workingDirectory: string;
  readonly network: PlannedNetwork;
  /** The instance profile, if the configuration has credentials for it. */
  readonly instanceProfile?: { readonly name: string; readonly profile: InstanceProfile } | undefined;
  /** Command documents of the operator, for `RunCommand`. */
  readonly commandDocuments?: CommandDocuments | undefined;
  /** What `ExecuteStateMachine` runs, by name. */
  readonly stateMachines?: Readonly<Record<string, StateMachine>>;
  /** The pool that its build instance is taken from, if one is. */
  readonly pool?: { readonly name: string; readonly waitSeconds: number } | undefined;
  /** Which layers of earlier builds may be used. */
  readonly cache: CachePolicy;
  /** Seconds for which an instance of a failed image is kept; `undefined` if it is terminated. */
  readonly keep: Readonly<Record<'build' | 'test', number | undefined>>;
  /** Findings that the secret search accepts. */
  readonly allowedSecrets: readonly AllowedSecret[];
  readonly distribution: DistributionPlan;
  /** The keys of the image's disks, if it asks for encryption. */
  readonly encryption?: PlannedEncryption | undefined;
  /** Paths of members that are stored and have no effect yet. */
  readonly withoutEffect: readonly string[];
}

/** Keys by their ARNs. An image that is encrypted in one Region is encrypted in all, and during its build. */
export interface PlannedEncryption {
  /** Of the build's disk; `undefined`: the default key of the account. */
  readonly build: string | undefined;
  /** Of the AMIs of Regions; of others the default key there. */
  readonly regions: Readonly<Record<string, string>>;
}

/** The rule that rejects an image. */
export type RefusalCode =
  | 'encryption'
  | 'instance-profile'
  | 'network'
  | 'keep'
  | 'cache'
  | 'distribution'
  | 'store'
  | 'component'
  | 'parent'
  | 'settings'
  | 'allowed-secrets'
  | 'workflow'
  | 'platform'
  | 'pool';

/** A request of an image that Ingot rejects. */
export interface Refusal {
  readonly code: RefusalCode;
  /** Path of the member in the image's record. */
  readonly field: string;
  readonly message: string;
  readonly cause?: Error | undefined;
}

/** The plan, or the reasons for a rejection. */
export type PlanOutcome =
  | { readonly plan: ImagePlan; readonly refusals: readonly [] }
  | { readonly plan: undefined; readonly refusals: readonly Refusal[] };

/** An image that is rejected before the build. The message has all reasons. */
export class ImageRefused extends Error {
  override readonly name = 'ImageRefused';
  readonly refusals: readonly Refusal[];
  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ message }) => message).join('; '), { cause: refusals[0]?.cause });
    this.refusals = refusals;
  }
}
