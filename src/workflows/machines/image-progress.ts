/** What is created during the work on an image, and the services that the work uses. */
import type { Catalog } from '../../catalog/catalog.ts';
import type { BuiltAmi } from '../../distribution/ami-record.ts';
import type { BuiltContainer } from '../../distribution/built-container.ts';
import type { CopiesAhead } from '../../distribution/region-copies.ts';
import type { LayerStore, OpenLayer, SealedLayer } from '../../images/layer-store.ts';
import type { Instance } from '../../instances/instance.ts';
import type { Report } from '../../resources/progress.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { DriverChoice } from '../planning/choose-driver.ts';

/** The launch for a workflow. */
export interface WorkLaunch {
  readonly purpose: 'build' | 'test';
  readonly choice: DriverChoice;
  readonly parent: SealedLayer;
  /** The key of `parent` for the layer of the next component; `parent.key` when absent. */
  readonly parentKey?: string;
  /** Components that `parent` contains. */
  readonly componentsDone?: number;
  readonly instanceType: string;
  /** When the parent image was made: newer files on the disk are searched before it becomes an image. */
  readonly searchSince?: Date;
  /** Virtual size of the disk in bytes; at least the parent's. */
  readonly sizeBytes?: number;
  /** Of the step: an instance may have less. */
  readonly timeoutSeconds: number;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * An instance that a workflow launched. Workflows know it by the id of its first machine, even if another machine
 * replaces it later.
 */
export interface WorkInstance {
  instance: Instance;
  driver: string;
  /** The driver it was launched with, to which it goes back after a component that needed another. */
  readonly preferred: DriverChoice;
  /** How it was launched, for launching it again. */
  readonly launch: WorkLaunch;
  /** The layer that the instance writes to; a test instance's is deleted with it. */
  layer: OpenLayer | undefined;
  /** The sealed layer below it. */
  parent: SealedLayer;
  /** How many components of the build need not run any more: reused layers contain them, or they ran. */
  componentsDone: number;
  /** The key of what the next component's layer lies on. */
  parentKey: string;
  /** Whether a step has sanitized it. */
  sanitized?: boolean;
  /** `stop` was called: only `terminate` is possible. */
  stopped: boolean;
}

/** Mutable: what steps leave for later ones. */
export interface ImageProgress {
  /** By the id of its first machine. */
  readonly instances: Map<string, WorkInstance>;
  /** Layers sealed on the way, oldest first; discarded when the build fails. */
  readonly sealed: SealedLayer[];
  /** `<workflow>.<output>` of earlier workflows, for `$.workflowOutputs`. */
  readonly workflowOutputs: Map<string, unknown>;
  ami: BuiltAmi | undefined;
  /** Of a container image. */
  container: BuiltContainer | undefined;
  /** Copies that are written while the tests run. */
  copiesAhead: CopiesAhead | undefined;
  osVersion: string | undefined;
}

/** What the work uses: records, disks, secrets. */
export interface ImageServices {
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  readonly dataDirectory: string;
  readonly secrets: Secrets;
}

/** How to tell and when to stop. */
export interface StepControl {
  /** Masks the secrets of the components. */
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Progress of work that has not begun. */
export function newProgress(): ImageProgress {
  return {
    instances: new Map(),
    sealed: [],
    workflowOutputs: new Map(),
    ami: undefined,
    container: undefined,
    copiesAhead: undefined,
    osVersion: undefined,
  };
}
