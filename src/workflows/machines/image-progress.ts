/** What is created during the work on an image, and the services that the work uses. */
import type { Catalog } from '../../catalog/catalog.ts';
import type { BuiltAmi } from '../../distribution/ami-record.ts';
import type { BuiltContainer } from '../../distribution/built-container.ts';
import type { CopiesAhead } from '../../distribution/region-copies.ts';
import type { LayerStore, OpenLayer, SealedLayer } from '../../images/layer-store.ts';
import type { Instance, InstanceHandle } from '../../instances/instance.ts';
import type { Report } from '../../resources/progress.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { DriverChoice } from '../planning/choose-driver.ts';

/** How an instance of a workflow is launched. */
export interface WorkLaunch {
  readonly purpose: 'build' | 'test';
  readonly choice: DriverChoice;
  readonly parent: SealedLayer;
  /** The key below the next component's layer (default: `parent.key`). */
  readonly parentKey?: string;
  /** Components that `parent` contains. */
  readonly componentsDone?: number;
  readonly instanceType: string;
  /** When the parent image was made: newer files on the disk are searched before it becomes an image. */
  readonly searchSince?: Date;
  /** Virtual size of the disk in bytes; at least the parent's. */
  readonly sizeBytes?: number;
  /** The key that its disk is encrypted under, if it is. */
  readonly keyArn?: string | undefined;
  /** Time limit of the step; an instance may have a shorter one. */
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
  /** The sealed layer below `layer`. */
  parent: SealedLayer;
  /** Number of components that are done, in reused layers or by running. */
  componentsDone: number;
  /** The key below the next component's layer. */
  parentKey: string;
  /** Whether a step has sanitized it. */
  sanitized?: boolean;
  /** `stop` was called: only `terminate` is possible. */
  stopped: boolean;
  /** The step whose end its last layer holds, of those that changed it. */
  layerAt?: StepPlace | undefined;
}

/** A step of an image's work. */
export interface StepPlace {
  readonly workflowId: string;
  readonly position: number;
}

/** Where in an image's stages its work is. */
export interface WorkPoint {
  readonly stage: string;
  /** Which of the stage's groups, from 0. */
  readonly group: number;
  /** When the stage began, in milliseconds since 1970. */
  readonly stageStarted: number;
  /** The position of the stage's first workflow among the image's. */
  readonly first: number;
}

/** An instance of the work. */
export interface SavedInstance {
  /** What workflows call it. */
  readonly name: string;
  readonly handle: InstanceHandle;
  readonly driver: string;
  readonly preferred: DriverChoice;
  readonly launch: Omit<WorkLaunch, 'parent' | 'report' | 'signal' | 'searchSince'> & {
    readonly parent: string;
    readonly searchSince: string | undefined;
  };
  readonly layer: OpenLayer | undefined;
  readonly parent: string;
  readonly componentsDone: number;
  readonly parentKey: string;
  readonly sanitized: boolean | undefined;
  readonly stopped: boolean;
  readonly layerAt: StepPlace | undefined;
}

/** A disk that an earlier build has finished. */
export interface FinishedDisk {
  readonly layer: SealedLayer;
  /** The image that it was made for, which has its inventory. */
  readonly imageArn: string;
  readonly osVersion: string | undefined;
}

/** Mutable: what steps create for later ones. */
export interface ImageProgress {
  /** By the id of its first machine. */
  readonly instances: Map<string, WorkInstance>;
  /** Layers sealed during the work, oldest first; discarded when the build fails. */
  readonly sealed: SealedLayer[];
  /** `<workflow>.<output>` of earlier workflows, for `$.workflowOutputs`. */
  readonly workflowOutputs: Map<string, unknown>;
  ami: BuiltAmi | undefined;
  /** The container image, if the build makes one. */
  container: BuiltContainer | undefined;
  /** Copies that are written while the tests run. */
  copiesAhead: CopiesAhead | undefined;
  osVersion: string | undefined;
  /** Where the work is; `undefined` before its first stage. */
  point: WorkPoint | undefined;
  /**
   * The disk that an earlier build has finished, with the name of the instance that would make it again. That is among
   * `lost`, so that it is launched if a step needs it.
   */
  finished: (FinishedDisk & { readonly instance: string }) | undefined;
  /** Instances that are not launched until a step needs them: those that ended with an interruption, by name. */
  readonly lost: Map<string, SavedInstance>;
  /** Those that were lost, and the step whose end their layer held. */
  readonly replaced: Map<string, StepPlace | undefined>;
}

/** The services that the work uses: records, disks, secrets. */
export interface ImageServices {
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  readonly dataDirectory: string;
  readonly secrets: Secrets;
}

/** Progress reports and cancellation. */
export interface StepControl {
  /** Masks the components' secrets. */
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Progress of work that has not started. */
export function newProgress(): ImageProgress {
  return {
    instances: new Map(),
    sealed: [],
    workflowOutputs: new Map(),
    ami: undefined,
    container: undefined,
    copiesAhead: undefined,
    osVersion: undefined,
    point: undefined,
    finished: undefined,
    lost: new Map(),
    replaced: new Map(),
  };
}
