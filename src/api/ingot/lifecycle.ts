/** Routes for lifecycle policies that AWS does not have: previewing a policy, and running it now. */
import { openExecutionOfPolicy } from '../../catalog/lifecycle-executions.ts';
import { lifecyclePolicies } from '../../catalog/lifecycle-policies.ts';
import { policyDue } from '../../catalog/lifecycle-schedules.ts';
import { startPolicy } from '../../pipelines/lifecycle/daily.ts';
import type { Decision } from '../../pipelines/lifecycle/decide.ts';
import { decisionsOf } from '../../pipelines/lifecycle/decisions.ts';
import { timestamp } from '../../platform/clock.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, resourceInUse, resourceNotFound } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import type { IngotRoute } from './route.ts';

/** A preview in a response. */
export interface ToldPreview {
  readonly policy: string;
  /** When it runs next, ISO-8601. */
  readonly next?: string | undefined;
  readonly decisions: readonly Omit<Decision, 'detail'>[];
}

export const lifecycleRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:PreviewLifecyclePolicy',
    method: 'GET',
    path: '/ingot/lifecycle-policies/:arn/preview',
    resource: ({ arn }) => arn!,
    async handle({ params }, context) {
      const policy = await existing(params['arn']!, context);
      const { catalog } = context.services;
      const decisions = await decisionsOf(catalog, policy, context.now);
      const told: ToldPreview = {
        policy: policy.arn,
        next: await policyDue(catalog.db, policy.arn),
        decisions: decisions.map(({ detail: _, ...decision }) => decision),
      };
      return { json: told };
    },
  },
  {
    action: 'ingot:RunLifecyclePolicy',
    method: 'POST',
    path: '/ingot/lifecycle-policies/:arn/run',
    resource: ({ arn }) => arn!,
    async handle({ params }, context) {
      const policy = await existing(params['arn']!, context);
      const { catalog, wakeWorker } = context.services;
      const lifecycleExecutionId = await catalog.transaction(async (trx) => {
        const id = await startPolicy(trx, policy, timestamp());
        if (id !== undefined) return id;
        const open = await openExecutionOfPolicy(trx, policy.arn);
        throw resourceInUse(policy.arn, `The lifecycle execution '${open?.id}' is ${open?.status}.`);
      });
      wakeWorker();
      return { json: { lifecycleExecutionId } };
    },
  },
];

async function existing(text: string, { account, services }: RequestContext) {
  const arn = parseArn(text);
  if (arn?.type !== 'lifecycle-policy')
    throw invalidParameterValue('arn', `'${text}' is not the ARN of a lifecycle policy.`);
  const policy = arn.owner === account ? await lifecyclePolicies.get(services.catalog.db, text) : undefined;
  if (policy === undefined) throw resourceNotFound(text);
  return policy;
}
