/** The work on one image: what its workflows share. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Catalog } from '../catalog/catalog.ts';
import type { ImageTask } from '../catalog/image-task.ts';
import type { LayerStore, OpenLayer, SealedLayer } from '../images/layer-store.ts';
import type { Instance } from '../instances/instance.ts';
import type { Config } from '../platform/config.ts';
import type { DriverChoice } from './planning/choose-driver.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { WorkLaunch } from './machines/instances.ts';
import type { CopiesAhead } from './region-copies.ts';
import type { Report } from '../resources/progress.ts';

/** Which stage of an image a workflow belongs to. */
export type Stage = 'BUILD' | 'TEST' | 'DISTRIBUTION';

/** An instance that a workflow launched. Workflows know it by the id of its first machine, whatever machine stands in for it later. */
export interface WorkInstance {
  instance: Instance;
  driver: string;
  /** The driver it was launched with, to which it goes back after a component that needed another. */
  readonly preferred: DriverChoice;
  /** How it was launched, for launching it again. */
  readonly launch: WorkLaunch;
  /** What the instance writes to; a test instance's is thrown away with it. */
  layer: OpenLayer | undefined;
  /** The sealed layer below it. */
  parent: SealedLayer;
  /** How many components of the build need not run here any more: reused layers hold their work, or they ran. */
  componentsDone: number;
  /** The key of what the next component's layer lies on. */
  parentKey: string;
  /** `stop` was called: only `terminate` is left. */
  stopped: boolean;
}

/** The AMI that the build stage made in the home Region. */
export interface BuiltAmi {
  readonly id: string;
  readonly layer: SealedLayer;
}

/** One image on its way. Mutable members are what steps leave for later ones. */
export interface ImageWork {
  readonly arn: string;
  /** The image as it was recorded, with its recipe and configurations as they were then. */
  readonly image: Image;
  readonly region: string;
  readonly account: string;
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  readonly dataDirectory: string;
  /** Tells no secret of the components. */
  readonly report: Report;
  readonly secrets: Secrets;
  /** Aborted by a cancellation, or when the worker has to end. */
  readonly signal: AbortSignal;
  /** Where the work begins, when that is not the build stage. */
  readonly task?: ImageTask | undefined;
  readonly instances: Map<string, WorkInstance>;
  /** Layers sealed on the way, oldest first; discarded when the build fails. */
  readonly sealed: SealedLayer[];
  /** `<workflow>.<output>` of earlier workflows, for `$.workflowOutputs`. */
  readonly workflowOutputs: Map<string, unknown>;
  /** Names of components with a document, in recipe order; resolved when the work begins. */
  components: readonly ResolvedComponent[];
  ami: BuiltAmi | undefined;
  /** Copies that are written while the tests run. */
  copiesAhead?: CopiesAhead | undefined;
  osVersion: string | undefined;
  /** Of the data directory, as it is when the work begins. */
  config: Config;
}

/** A component of the recipe, resolved to a build version. */
export interface ResolvedComponent {
  readonly arn: string;
  readonly name: string;
  /** The document's text. */
  readonly data: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A step that failed, with what its record and the image's reason say. */
export class StepError extends Error {
  override readonly name = 'StepError';
  /** Outputs to record although the step failed. */
  readonly outputs: Readonly<Record<string, unknown>> | undefined;
  constructor(message: string, options?: ErrorOptions & { readonly outputs?: Readonly<Record<string, unknown>> }) {
    super(message, options);
    this.outputs = options?.outputs;
  }
}

/** What the reason of a cancelled image says. */
export const CANCELLED_REASON = 'The image was cancelled.';

/** Why work was aborted: somebody cancelled the image. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}
