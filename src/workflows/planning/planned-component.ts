/** Components of an image, ready to run. */
import type { ComponentDocument } from '../../documents/component/document.ts';
import type { MachineNeed } from '../../documents/component/machine-rule.ts';
import type { SecretReference } from '../../documents/component/secret-references.ts';
import type { Fault } from '../../documents/position.ts';

/** A component of the recipe, resolved to a build version, and its document. */
export interface ResolvedComponent {
  readonly arn: string;
  /** The version of AWS that the recipe names, if another one is used in its place. */
  readonly namedAs?: string;
  readonly name: string;
  /** The document's text: part of the layer's key. */
  readonly data: string;
  readonly document: ComponentDocument;
  /** Warnings about the document. */
  readonly faults: readonly Fault[];
  /** Values that the recipe gives. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Secrets that the document uses. */
  readonly secrets: readonly SecretReference[];
}

/** A component with the phases of it that a stage runs. */
export interface PlannedComponent {
  readonly component: ResolvedComponent;
  readonly document: ComponentDocument;
  readonly phases: readonly string[];
  /**
   * Why it needs a virtual machine: on a disk that Ingot made, and on any other. `undefined` if a container is enough.
   */
  readonly machine: { readonly madeHere: MachineNeed | undefined; readonly foreign: MachineNeed | undefined };
}

/** A part of a build that leaves a layer: a component, or another part of a container build. */
export interface LayerPart {
  readonly component: Pick<ResolvedComponent, 'name' | 'data' | 'parameters'>;
  readonly document: PlannedComponent['document'];
  readonly phases: readonly string[];
}
