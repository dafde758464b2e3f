/**
 * The key of a layer: a hash over everything that determines its content. Pure, apart from hashing. See "Layer key" in
 * the design.
 */
import { createHash } from 'node:crypto';
import type { ComponentDocument } from '../../documents/component/document.ts';
import { RUNNER_FORMAT } from '../../runner/format.ts';

/** What a layer's key consists of. */
export interface LayerInput {
  /** Key of the layer below, or the identity of the disk below the first layer. */
  readonly parent: string;
  /** Account id: secrets, shared components and S3 objects that a component reads depend on it. */
  readonly account: string;
  /** Text of the component document. */
  readonly document: string;
  /** The parsed document; `undefined` if it is invalid. */
  readonly parsed: ComponentDocument | undefined;
  /** Values by parameter name, as the recipe gave them; the defaults are in the document. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly phases: readonly string[];
  /** `x86_64` or `arm64`. */
  readonly architecture: string;
  /** Kind of driver: `nspawn`, `qemu`, `buildah`. */
  readonly driver: string;
  readonly workingDirectory: string;
  /** User data of the build instance; `null` for none. */
  readonly userData: string | null;
  /** When the build began: the freshness stamp of a document that installs the newest versions. */
  readonly buildDate: string;
}

/**
 * The hashed record. It is stored with the layer, so that a miss can name the member that differs. Large and private
 * members are hashes.
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
  /** SHA-256; `null` for none. */
  readonly userData: string | null;
  /** `null` if the document's result depends only on its inputs. */
  readonly freshness: string | null;
}

/**
 * A constant with this name declares that a component installs the newest versions, so that older layers must not be
 * reused.
 */
const TAKES_NEWEST = 'IngotTakesNewest';

/**
 * The key of a component's layer.
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
 * A unique key, for a disk with changes that no key describes: the effect of a command, or of a user.
 * @param nonce unique, such as an id
 */
export function keyOfItsOwn(key: string, nonce: string): string {
  return sha256(`${key} ${nonce}`);
}

/**
 * Whether the phases of a document install the newest versions: they update the system, or the document says so. A
 * document that cannot be parsed might.
 */
function takesNewest(document: ComponentDocument | undefined, phases: readonly string[]): boolean {
  if (document === undefined) return true;
  if (document.constants.some((constant) => constant.name === TAKES_NEWEST && constant.value === 'true')) return true;
  return document.phases.some(
    (phase) => phases.includes(phase.name) && phase.steps.some((step) => step.action === 'UpdateOS'),
  );
}

/** The members in which two records differ, such as `document` or `parameters.Version`; empty if the keys are equal. */
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

/** JSON with sorted object members and without white space: equal values give equal texts. */
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
