/** What deploying a template would change. Pure. */
import type { Stack } from '../../catalog/stacks.ts';
import { nameArn, parseArn } from '../../resources/arns.ts';
import type { TemplateCheck, CheckedResource } from './check-template.ts';

/** A changed member. */
interface MemberChange {
  readonly member: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The change of one resource. */
export interface Change {
  readonly action: 'create' | 'update' | 'replace' | 'delete' | 'retain' | 'unchanged' | 'build' | 'unknown';
  readonly logicalId: string;
  readonly type: string;
  /** Its current or future ARN, if that is known. */
  readonly arn?: string;
  readonly replaces?: string;
  readonly changes?: readonly MemberChange[];
  /** The reason, if the changes do not show it. */
  readonly reason?: string;
}

/** All changes in order of creation, followed by deletions in order. */
export function changesOf({ resources }: TemplateCheck, before: Stack | undefined): readonly Change[] {
  const known = new Map((before?.resources ?? []).map((resource) => [resource.logicalId, resource]));
  const made = resources.flatMap((checked) => changesOfOne(checked, known.get(checked.resource.logicalId)?.physicalId));
  const wanted = new Set(resources.map(({ resource }) => resource.logicalId));
  const deleted = (before?.resources ?? [])
    .filter(({ logicalId }) => !wanted.has(logicalId))
    .toReversed()
    .map(({ logicalId, type, physicalId, deletionPolicy }): Change => {
      const retained = deletionPolicy?.startsWith('Retain') === true;
      return {
        action: retained ? 'retain' : 'delete',
        logicalId,
        type,
        arn: physicalId,
        reason: `the template no longer has it${retained ? '; DeletionPolicy: Retain' : ''}`,
      };
    });
  return [...made, ...deleted];
}

/** The changes of a resource, or of those in a nested stack: `Network.Recipe`. */
function changesOfOne(checked: CheckedResource, recorded: string | undefined): readonly Change[] {
  const { resource, nested } = checked;
  if (nested === undefined) return [changeOf(checked, recorded)];
  const { logicalId, type } = resource;
  const inside = changesOf(nested.checked, nested.before);
  const arn = nested.before?.stackId;
  const still = inside.every(({ action }) => action === 'unchanged');
  const own: Change = {
    action: arn === undefined ? 'create' : still ? 'unchanged' : 'update',
    logicalId,
    type,
    arn,
    ...(still && arn !== undefined ? {} : { reason: `the nested stack ${nested.stackName}` }),
  };
  return [own, ...inside.map((change) => ({ ...change, logicalId: `${logicalId}.${change.logicalId}` }))];
}

function changeOf({ resource, request, answer, unchecked }: CheckedResource, recorded: string | undefined): Change {
  const { logicalId, type } = resource;
  if (answer === undefined) return { action: 'unknown', logicalId, type, reason: unchecked };
  // A stack records a parameter by its name, as CloudFormation does.
  const arn = type === 'AWS::SSM::Parameter' ? answer.resource?.name : answer.resource?.arn;
  const place = arn === undefined ? {} : { arn };
  if (type === 'AWS::ImageBuilder::Image') return { action: 'build', logicalId, type, ...place };
  const changes = (answer.changes ?? []).map(
    (member): MemberChange => ({ member, before: answer.before?.[member], after: request?.[member] }),
  );
  const told = changes.length === 0 ? {} : { changes };
  // Another name is another resource, which replaces the one that has the name now.
  if (recorded !== undefined && arn !== undefined && baseOf(recorded) !== baseOf(arn))
    return {
      action: 'replace',
      logicalId,
      type,
      ...place,
      replaces: recorded,
      ...told,
      reason: 'its name changes',
    };
  if (answer.action === 'replace')
    return { action: 'replace', logicalId, type, ...place, replaces: answer.replaces!, ...told };
  if (answer.action === 'create' && recorded !== undefined && recorded !== arn)
    return { action: 'replace', logicalId, type, ...place, replaces: recorded, reason: 'its version changes' };
  if (answer.action === 'create' && recorded !== undefined)
    return { action: 'create', logicalId, type, ...place, reason: 'it was deleted outside of the stack' };
  if (answer.action === 'unchanged' && recorded === undefined)
    return { action: 'unchanged', logicalId, type, ...place, reason: 'it exists already; the stack takes it over' };
  return { action: answer.action === 'refused' ? 'unknown' : answer.action, logicalId, type, ...place, ...told };
}

function baseOf(arn: string): string {
  const parsed = parseArn(arn);
  return parsed === undefined ? arn : nameArn(parsed);
}
