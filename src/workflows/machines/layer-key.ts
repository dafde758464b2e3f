/** The name of a layer: a hash over all that made it. Pure, apart from hashing. See "Layer key" in the design. */
import { createHash } from 'node:crypto';
import type { ComponentDocument } from '../../documents/component/document.ts';
import { RUNNER_FORMAT } from '../../runner/format.ts';

/** What a layer's key consists of. */
export interface LayerInput {
  /** Key of the layer below, or the identity of the disk below the first layer. */
  readonly parent: string;
  /** Account id: what a component reads (secrets, shared components, S3) is its account's. */
  readonly account: string;
  /** Text of the component document. */
  readonly document: string;
  /** The same, parsed; `undefined` if it is not a valid document. */
  readonly parsed: ComponentDocument | undefined;
  /** Values by parameter name, as the recipe gave them; the defaults are in the document. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly phases: readonly string[];
  /** `x86_64` or `arm64`. */
  readonly architecture: string;
  /** Kind of driver: `nspawn`, `qemu`, `buildah`. */
  readonly driver: string;
  readonly workingDirectory: string;
  /** User data of the build instance, `null` for none. */
  readonly userData: string | null;
  /** When the build began; the freshness stamp of a document that installs the newest versions. */
  readonly buildDate: string;
}

/**
 * What was hashed. It is kept with the layer, so that a miss can say which member differed. Large and private members
 * are hashes.
 */
export interface LayerRecord {
  readonly format: number;
  readonly parent: string;
  readonly account: string;
  /** SHA-256 of the document's text. */
  readonly document: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly phases: readonly string[];
  readonly architecture: string;
  readonly driver: string;
  readonly workingDirectory: string;
  /** SHA-256, `null` for none. */
  readonly userData: string | null;
  /** `null` where the document makes the same of the same. */
  readonly freshness: string | null;
}

/**
 * A constant of this name says that a component takes the newest of something, so that no older layer may be used in
 * its place.
 */
const TAKES_NEWEST = 'IngotTakesNewest';

/**
 * The key of the layer that a component leaves.
 * @returns the key, 64 hexadecimal digits, and the record that it is the hash of
 */
export function layerKey(input: LayerInput): { readonly key: string; readonly record: LayerRecord } {
  const record: LayerRecord = {
    format: RUNNER_FORMAT,
    parent: input.parent,
    account: input.account,
    document: sha256(input.document),
    parameters: input.parameters,
    phases: input.phases,
    architecture: input.architecture,
    driver: input.driver,
    workingDirectory: input.workingDirectory,
    userData: input.userData === null ? null : sha256(input.userData),
    freshness: takesNewest(input.parsed, input.phases) ? input.buildDate : null,
  };
  return { key: sha256(canonicalJson(record)), record };
}

/**
 * A key that no other build can have, for a disk that holds what no key names: the effect of a command, or of a hand.
 * @param nonce unique, such as an id
 */
export function keyOfItsOwn(key: string, nonce: string): string {
  return sha256(`${key} ${nonce}`);
}

/**
 * Whether the phases of a document take the newest of something: they update the system, or the document says so. A
 * document that cannot be read might.
 */
function takesNewest(document: ComponentDocument | undefined, phases: readonly string[]): boolean {
  if (document === undefined) return true;
  if (document.constants.some((constant) => constant.name === TAKES_NEWEST && constant.value === 'true')) return true;
  return document.phases.some(
    (phase) => phases.includes(phase.name) && phase.steps.some((step) => step.action === 'UpdateOS'),
  );
}

/**
 * The members in which two records differ, such as `document` or `parameters.Version`; empty if the keys are the same.
 */
export function differingMembers(a: LayerRecord, b: LayerRecord): readonly string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])] as (keyof LayerRecord)[];
  return names.flatMap((name) => {
    if (canonicalJson(a[name] ?? null) === canonicalJson(b[name] ?? null)) return [];
    if (name !== 'parameters') return [name];
    const parameters = [...new Set([...Object.keys(a.parameters), ...Object.keys(b.parameters)])];
    return parameters
      .filter((parameter) => a.parameters[parameter] !== b.parameters[parameter])
      .map((parameter) => `parameters.${parameter}`);
  });
}

/** JSON with the members of every object in order of their names, and no white space: equal values, equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
