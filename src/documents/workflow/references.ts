/**
 * References of workflow documents (`key.$`, `{{ $.path }}`, a bare `$.path`). Source: reference, `workflows.md`
 * section 2.
 */
import { nearestWord } from '../nearest.ts';
import type { WorkflowValue } from './document.ts';

/** The trees that a path can start in. */
export const REFERENCE_NODES = ['parameters', 'stepOutputs', 'workflowOutputs', 'imagebuilder'] as const;

/** A path such as `$.stepOutputs.Launch.instanceId` or `$.parameters.regions[0]`. */
export interface WorkflowReference {
  readonly node: (typeof REFERENCE_NODES)[number];
  /** The step, for `stepOutputs`. */
  readonly step?: string;
  /** Parameter, output or variable. */
  readonly name: string;
  /** The path of that value, without the selection of a part. */
  readonly base: string;
  /** Members and indices (from 0) that select a part of the value. */
  readonly rest: readonly (string | number)[];
}

/**
 * Returns the value at a base path (`$.parameters.x`, `$.stepOutputs.Step.output`, `$.workflowOutputs.Name`,
 * `$.imagebuilder.x`), or undefined if it has no value.
 */
export type WorkflowLookup = (path: string) => unknown;

/** A reference has no value when it is needed. */
export class UnresolvedReferenceError extends Error {
  override readonly name = 'UnresolvedReferenceError';
}

/**
 * Maximum characters that the references of one value may yield together: the outputs of one workflow may be the inputs
 * of the next.
 */
const MAX_RESOLVED = 4 << 20;

const PATH = /^\$(?:\.[A-Za-z0-9_-]+(?:\[\d{1,6}\])*)+$/;
const INTERPOLATION = /\{\{\s*(\$[^{}]*)\}\}/g;

/** Whether a whole text has the form of a path, whatever it starts with. */
export function isPath(text: string): boolean {
  return PATH.test(text.trim());
}

/** Parses a path; `undefined` if the text is not a path, or starts with an unknown name. */
export function readPath(text: string): WorkflowReference | undefined {
  const path = text.trim();
  if (!PATH.test(path)) return undefined;
  const parts = Array.from(
    path.slice(1).matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]/g),
    (match) => match[1] ?? Number(match[2]),
  );
  const node = REFERENCE_NODES.find((known) => known === parts[0]);
  if (node === undefined) return undefined;
  const depth = node === 'stepOutputs' ? 3 : 2;
  const [, first, second] = parts;
  const name = depth === 3 ? second : first;
  if (typeof first !== 'string' || typeof name !== 'string') return undefined;
  const base = depth === 3 ? `$.${node}.${first}.${name}` : `$.${node}.${first}`;
  return { node, ...(depth === 3 ? { step: first } : {}), name, base, rest: parts.slice(depth) };
}

/** The paths in `{{ $.path }}` of a text, as written between the braces. */
export function interpolatedPaths(text: string): readonly string[] {
  return Array.from(text.matchAll(INTERPOLATION), (match) => (match[1] ?? '').trimEnd());
}

/** Whether a text that is a path to an unknown tree was probably meant as a known one. */
export function looksLikeReference(text: string): boolean {
  return isPath(text) && nearestWord(text.trim().split(/[.[]/)[1] ?? '', REFERENCE_NODES) !== undefined;
}

/**
 * Resolves the references of a value. `key.$` becomes `key` with the value at the path, or a list of values for a list
 * of paths. A text that is only a path becomes the value at the path. `{{ $.path }}` inside a text becomes text (JSON
 * if the value is not a text).
 * @throws {UnresolvedReferenceError} that names the path without a value, or if the values together are too large
 */
export function resolveWorkflowValue(value: WorkflowValue, lookup: WorkflowLookup): unknown {
  return resolveValue(value, lookup, { left: MAX_RESOLVED });
}

/** Characters that references may still yield. */
interface Room {
  left: number;
}

function resolveValue(value: WorkflowValue, lookup: WorkflowLookup, room: Room): unknown {
  if (typeof value === 'string') return resolveText(value, lookup, room);
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => resolveValue(item, lookup, room));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      return [key.endsWith('.$') ? key.slice(0, -2) : key, resolveValue(inner, lookup, room)];
    }),
  );
}

function resolveText(text: string, lookup: WorkflowLookup, room: Room): unknown {
  const take = (given: string): string => {
    room.left -= given.length;
    if (room.left >= 0) return given;
    throw new UnresolvedReferenceError(
      `The references give more than ${MAX_RESOLVED} characters together, the limit for one step.`,
    );
  };
  const whole = readPath(text);
  if (whole !== undefined) {
    const found = resolvePath(whole, lookup);
    take(typeof found === 'string' ? found : JSON.stringify(found));
    return found;
  }
  if (!text.includes('{{')) return text;
  return text.replace(INTERPOLATION, (_braces, inside: string) => {
    const path = inside.trimEnd();
    const reference = readPath(path);
    if (reference === undefined) throw new UnresolvedReferenceError(`'${path}' is not a path to a value.`);
    const found = resolvePath(reference, lookup);
    return take(typeof found === 'string' ? found : JSON.stringify(found));
  });
}

function resolvePath(reference: WorkflowReference, lookup: WorkflowLookup): unknown {
  let found = lookup(reference.base);
  for (const part of reference.rest) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) {
      found = undefined;
      break;
    }
    found = (found as Readonly<Record<string | number, unknown>>)[part];
  }
  if (found !== undefined) return found;
  const selected = reference.rest.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  throw new UnresolvedReferenceError(`'${reference.base}${selected}' has no value.`);
}

function isList(value: WorkflowValue): value is readonly WorkflowValue[] {
  return Array.isArray(value);
}
