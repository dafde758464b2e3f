/** Operations on lifecycle policies. Source: reference, `resources.md` section 8. */
import type { LifecyclePolicyDetail } from '@aws-sdk/client-imagebuilder';
import {
  lifecyclePolicies,
  type LifecyclePolicyColumn,
  type StoredLifecyclePolicy,
} from '../../catalog/lifecycle-policies.ts';
import { policyDue, setPolicyDue } from '../../catalog/lifecycle-schedules.ts';
import { SCOPE_TAG, SCOPES } from '../../pipelines/lifecycle/decide.ts';
import { schedulePolicy } from '../../pipelines/lifecycle/daily.ts';
import { timestamp } from '../../platform/clock.ts';
import { resourceArn } from '../../resources/arns.ts';
import { invalidParameterValue, invalidParameterValues, type ValueFault } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { parseVersionPattern } from '../../resources/versions.ts';
import type { Handlers } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { compact, placeOf } from './common.ts';
import { configurationParts } from './configurations.ts';

const FILTERS: Readonly<Record<string, LifecyclePolicyColumn>> = { Name: 'name', Status: 'status' };

const parts = configurationParts({
  queries: lifecyclePolicies,
  type: 'lifecycle-policy',
  name: 'LifecyclePolicy',
  member: 'lifecyclePolicyArn',
});

/** Handlers. */
export const lifecyclePolicyOperations = {
  async CreateLifecyclePolicy(input, context) {
    const place = placeOf(context);
    const arn = resourceArn(place, 'lifecycle-policy', slug(input.name));
    const settings = validSettings(input);
    const scope = input.tags?.[SCOPE_TAG];
    if (scope !== undefined && !(SCOPES as readonly string[]).includes(scope))
      throw invalidParameterValue(`tags.${SCOPE_TAG}`, `'${scope}' is neither ${SCOPES.join(' nor ')}.`);
    await parts.refuseExisting(context, arn);
    const now = timestamp();
    const policy = {
      arn,
      name: input.name,
      ...settings,
      dateCreated: now,
      dateUpdated: now,
      tags: input.tags ?? {},
    };
    await lifecyclePolicies.insert(context.db, place, policy);
    await schedulePolicy(context.db, policy, context.now);
    return { lifecyclePolicyArn: arn };
  },

  async GetLifecyclePolicy(input, context) {
    return { lifecyclePolicy: withTimes(await parts.visible(context, input.lifecyclePolicyArn)) };
  },

  async ListLifecyclePolicies(input, context) {
    const { items, nextToken } = await parts.page(input, context, FILTERS);
    return {
      lifecyclePolicySummaryList: items.map(({ policyDetails: _details, resourceSelection: _selection, ...summary }) =>
        withTimes(summary),
      ),
      nextToken,
    };
  },

  async UpdateLifecyclePolicy(input, context) {
    const arn = input.lifecyclePolicyArn;
    const before = await parts.own(context, arn);
    const { name, dateCreated, dateLastRun } = before;
    const policy = compact({ arn, name, ...validSettings(input), dateCreated, dateUpdated: timestamp(), dateLastRun });
    await lifecyclePolicies.replace(context.db, policy);
    await schedulePolicy(context.db, policy, context.now, await policyDue(context.db, arn));
    return { lifecyclePolicyArn: arn };
  },

  async DeleteLifecyclePolicy(input, context) {
    await parts.remove(context, input.lifecyclePolicyArn);
    await setPolicyDue(context.db, input.lifecyclePolicyArn, undefined);
    return { lifecyclePolicyArn: input.lifecyclePolicyArn };
  },
} satisfies Partial<Handlers>;

function withTimes<P extends StoredLifecyclePolicy>({ dateCreated, dateUpdated, dateLastRun, ...policy }: P) {
  const time = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));
  return compact({
    ...policy,
    dateCreated: time(dateCreated),
    dateUpdated: time(dateUpdated),
    dateLastRun: time(dateLastRun),
  });
}

type Settings = Omit<OperationInput<'UpdateLifecyclePolicy'>, 'lifecyclePolicyArn' | 'clientToken'>;

/** Validates the settings of a create or update. An update removes members that it leaves out. */
function validSettings(input: Settings) {
  const faults: ValueFault[] = [];
  if (/(^|\/)(aws-service-role\/|AWSServiceRoleFor)/.test(input.executionRole))
    faults.push({ path: 'executionRole', detail: 'A service-linked role cannot be used here.' });
  const { recipes, tagMap } = input.resourceSelection;
  if ((recipes === undefined) === (tagMap === undefined))
    faults.push({ path: 'resourceSelection', detail: 'Give either recipes or a tagMap.' });
  for (const [index, { semanticVersion }] of (recipes ?? []).entries()) {
    if (parseVersionPattern(semanticVersion!) === undefined)
      faults.push({
        path: `resourceSelection.recipes[${index}].semanticVersion`,
        detail: `'${semanticVersion}' is not a valid version: every part after an x must be x too.`,
      });
  }
  const types = new Set<string>();
  for (const [index, detail] of input.policyDetails.entries()) {
    const path = `policyDetails[${index}]`;
    if (types.has(detail.action!.type!))
      faults.push({ path: `${path}.action.type`, detail: `There is a rule for ${detail.action!.type} already.` });
    types.add(detail.action!.type!);
    faults.push(
      ...detailFaults(detail, input.resourceType).map((fault) => ({ ...fault, path: `${path}.${fault.path}` })),
    );
  }
  if (faults.length > 0) throw invalidParameterValues(faults);
  return compact({
    description: input.description,
    status: input.status ?? ('ENABLED' as const),
    executionRole: input.executionRole,
    resourceType: input.resourceType,
    policyDetails: input.policyDetails,
    resourceSelection: input.resourceSelection,
  });
}

/** The faults of one rule. */
function detailFaults(
  { action, filter, exclusionRules }: LifecyclePolicyDetail,
  resourceType: Settings['resourceType'],
): readonly ValueFault[] {
  const faults: ValueFault[] = [];
  const containers = resourceType === 'CONTAINER_IMAGE';
  if (containers && action!.type !== 'DELETE')
    faults.push({ path: 'action.type', detail: 'Container images can only be deleted.' });
  for (const member of ['amis', 'snapshots', 'containers'] as const) {
    if (action!.includeResources?.[member] !== true) continue;
    if (containers !== (member === 'containers'))
      faults.push({
        path: `action.includeResources.${member}`,
        detail: `A policy for ${resourceType} has no ${member}.`,
      });
  }
  const { type, unit, retainAtLeast } = filter!;
  if (type === 'COUNT' && action!.type !== 'DELETE')
    faults.push({ path: 'filter.type', detail: 'COUNT is for the action DELETE.' });
  if (type === 'AGE' && unit === undefined) faults.push({ path: 'filter.unit', detail: 'AGE needs a unit.' });
  if (type === 'COUNT' && unit !== undefined) faults.push({ path: 'filter.unit', detail: 'COUNT takes no unit.' });
  if (type === 'COUNT' && retainAtLeast !== undefined)
    faults.push({
      path: 'filter.retainAtLeast',
      detail: 'COUNT takes no retainAtLeast: its value is the number to retain.',
    });
  if (containers && exclusionRules?.amis !== undefined)
    faults.push({ path: 'exclusionRules.amis', detail: 'A policy for CONTAINER_IMAGE has no AMIs.' });
  return faults;
}
