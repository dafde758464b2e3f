/** Whether the caller may do what a request needs: its own policies, those of its session, and those of the resources. */
import { concreteArn } from '../../catalog/resolve.ts';
import { getResourcePolicy } from '../../catalog/resource-policies.ts';
import { tagsOf } from '../../catalog/tags.ts';
import { decide, refusalMessage, type AccessRequest, type Decision } from '../../policies/decide.ts';
import { parsePolicy, type Policy } from '../../policies/document.ts';
import { accessDenied } from '../../resources/errors.ts';
import { parseArn, type ResourceType } from '../../resources/arns.ts';
import type { RequestContext } from '../context.ts';
import { contextValues } from './context-values.ts';
import type { Need } from './demands.ts';

/** What somebody of the resource's own account may do about a policy that cannot be read any more. */
const REPAIRS = /^imagebuilder:(Get|Put)[A-Za-z]+Policy$/;

/** Types of resources that take a policy. */
const WITH_POLICY: readonly ResourceType[] = ['component', 'image', 'image-recipe', 'container-recipe'];

/**
 * Judges all that a request needs.
 * @returns ARNs of other accounts' resources, as the request names them, that their policies opened to the caller
 * @throws {ApiError} AccessDeniedException that says which action on which resource was not allowed, and by what kind of policy
 */
export async function authorize(context: RequestContext, needs: readonly Need[]): Promise<ReadonlySet<string>> {
  const opened = new Set<string>();
  const { principal, policies } = context.identity;
  context.call.resource ??= needs[0]!.resource;
  for (const need of needs) {
    const resourceAccount = accountOf(need, context);
    const foreign = resourceAccount !== undefined && resourceAccount !== principal.account;
    if (principal.type === 'root' && !foreign) continue;
    const decision = await judge(context, need, resourceAccount, policies);
    if ('unreadable' in decision) throw accessDenied(`User: ${principal.arn} is not authorized to perform: ${need.action} on resource: ${need.resource} ${decision.unreadable}`);
    if (!decision.allowed) throw need.refusal ?? accessDenied(refusalMessage({ principal, ...need }, decision));
    if (foreign) opened.add(need.resource);
  }
  return opened;
}

/** Whether something would be allowed, without an error. */
export async function isAllowed(context: RequestContext, need: Need): Promise<boolean> {
  return (await judge(context, need, accountOf(need, context), context.identity.policies)).allowed;
}

/**
 * A request may name a version, or wildcards. It is judged by the ARN that it gives and by the one that this means now: one of them has to
 * be allowed and neither denied, so that nobody comes by a wildcard to what a policy keeps from him.
 */
async function judge(context: RequestContext, need: Need, resourceAccount: string | undefined, identity: readonly Policy[]): Promise<Decision | Unreadable> {
  const { catalog } = context.services;
  const arn = parseArn(need.resource);
  const concrete = arn === undefined ? undefined : await concreteArn(catalog, need.resource);
  const document = arn !== undefined && resourceAccount !== undefined && concrete !== undefined && WITH_POLICY.includes(arn.type) ? await getResourcePolicy(catalog.db, concrete) : undefined;
  const read = document === undefined ? undefined : parsePolicy(document, 'resource');
  if (read !== undefined && 'faults' in read && resourceAccount === context.account && !REPAIRS.test(need.action)) {
    return { allowed: false, unreadable: `because the policy of ${concrete!} cannot be read: ${read.faults.join('; ')}. Put another in its place.` };
  }
  const resource = read === undefined || 'faults' in read ? undefined : read.policy;
  const session = context.identity.session?.sessionPolicy;
  const policies = { identity, ...(session === undefined ? {} : { session }), ...(resource === undefined ? {} : { resource }) };
  const asksTags = [...identity, session, resource].some((policy) => policy !== undefined && [...policy.keys].some((key) => key.startsWith('aws:resourcetag/')));
  const resourceTags = asksTags && concrete !== undefined ? await tagsOf(catalog.db, concrete) : {};
  const request: AccessRequest = {
    principal: context.identity.principal, action: need.action, resource: need.resource, resourceAccount,
    context: contextValues(context, need, resourceAccount, resourceTags),
  };
  const given = decide(request, policies);
  if (concrete === undefined || concrete === need.resource || isDenied(given)) return given;
  const meant = decide({ ...request, resource: concrete }, policies);
  return isDenied(meant) || !given.allowed ? meant : given;
}

function isDenied(decision: Decision): boolean {
  return !decision.allowed && decision.because === 'explicit deny';
}

/** A stored policy was checked when it was stored. One that cannot be read all the same may hold a deny: it opens nothing, to nobody. */
interface Unreadable {
  readonly allowed: false;
  readonly unreadable: string;
}

/** Whose a resource is; `undefined` for what belongs to no account, as what comes with the service. */
function accountOf({ action, resource }: Need, { account: caller, services }: RequestContext): string | undefined {
  if (resource === '*') return caller;
  const account = resource.split(':')[4];
  if (account === undefined || !/^\d{12}$/.test(account)) return undefined;
  // Principals of every account are looked after from the account that the server belongs to.
  return action.startsWith('ingot:') && resource.startsWith('arn:aws:iam:') && caller === services.defaultAccount ? undefined : account;
}
