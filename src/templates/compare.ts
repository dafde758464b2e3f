/** Whether an existing resource matches a template. Pure. */
import { canonicalArn } from '../resources/arns.ts';
import type { RequestValue } from './template.ts';

type Members = Readonly<Record<string, unknown>>;

/** Values that the service fills in, by member. A template without the member means the same. */
const DEFAULTS: Members = {
  workingDirectory: '/tmp',
  terminateInstanceOnFailure: true,
  enhancedImageMetadataEnabled: true,
  imageTestsConfiguration: { imageTestsEnabled: true, timeoutMinutes: 720 },
  schedule: { timezone: 'UTC', pipelineExecutionStartCondition: 'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE' },
  status: 'ENABLED',
};

/**
 * The members in which a resource differs from the requested one; empty if it is the same.
 * @param asked the Create operation's request
 * @param existing the resource as its Get operation returns it
 * @param members to compare: the rest (names, tags, dates) are not content
 */
export function differences(
  asked: Readonly<Record<string, RequestValue>>,
  existing: object,
  members: readonly string[],
): readonly string[] {
  const have = existing as Members;
  return members.filter(
    (member) => !same(filled(asked[member], DEFAULTS[member]), filled(have[member], DEFAULTS[member])),
  );
}

/** A value with the default's missing members added. */
function filled(value: unknown, fallback: unknown): unknown {
  if (isMap(value) && isMap(fallback)) return { ...fallback, ...withoutAbsent(value) };
  return absent(value) && !isSchedule(fallback) ? fallback : value;
}

/** A schedule's defaults apply only if the pipeline has a schedule. */
function isSchedule(value: unknown): boolean {
  return value === DEFAULTS['schedule'];
}

function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An empty list or map means the same as an absent one: the service returns neither. */
function absent(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.values(value).every(absent);
}

function withoutAbsent(value: Members): Members {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => !absent(member)));
}

/** An ARN in the service's form, whatever version spelling the template uses. */
function withoutZeros(value: unknown): unknown {
  return typeof value === 'string' ? (canonicalArn(value) ?? value) : value;
}

function same(a: unknown, b: unknown): boolean {
  if (absent(a) || absent(b)) return absent(a) && absent(b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (isMap(a) && isMap(b))
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => same(a[key], b[key]));
  return withoutZeros(a) === withoutZeros(b);
}

/** The changes that make a resource's tags equal to the template's. Tags of the service itself (`aws:`) are kept. */
export function tagChanges(
  asked: Readonly<Record<string, string>> = {},
  existing: Readonly<Record<string, string>> = {},
): { readonly set: Record<string, string>; readonly remove: string[] } {
  return {
    set: Object.fromEntries(Object.entries(asked).filter(([key, value]) => existing[key] !== value)),
    remove: Object.keys(existing).filter((key) => !(key in asked) && !key.startsWith('aws:')),
  };
}
