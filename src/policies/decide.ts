/**
 * Decides whether a request is allowed. Source: IAM User Guide, "Policy evaluation logic". An explicit deny in any
 * policy wins. Within one account, a policy of the principal or a policy of the resource that names the principal must
 * allow; across accounts, both must. A session's policy restricts.
 */
import type { ContextValues } from './conditions.ts';
import { statementFits, type Policy } from './document.ts';
import { matchPrincipal, type Principal, type PrincipalMatch } from './principals.ts';

/** A request to decide on. */
export interface AccessRequest {
  readonly principal: Principal;
  /** `imagebuilder:GetComponent` */
  readonly action: string;
  /** ARN, or `*` if the action has no single resource. */
  readonly resource: string;
  /** Other names of the same resource. An explicit deny for one of them in `Resource` counts; an allow does not. */
  readonly aliases?: readonly string[];
  /** Account of the resource; `undefined` for managed resources and others without an owner. */
  readonly resourceAccount: string | undefined;
  readonly context: ContextValues;
}

/** The policies that apply. */
export interface Policies {
  /** Policies of the principal, or of the assumed role. */
  readonly identity: readonly Policy[];
  /** The session policy, set when the role was assumed. */
  readonly session?: Policy;
  /** The policy of the resource: a resource policy, or a role's trust policy. */
  readonly resource?: Policy;
}

/** Kinds of policies, for messages. */
type PolicySource = 'identity-based' | 'session' | 'resource-based';

/** A decision. */
export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly because: 'explicit deny' | 'no allow'; readonly source: PolicySource };

/** Decides a request. An account's root may do everything in its own account that no policy denies. */
export function decide(request: AccessRequest, policies: Policies): Decision {
  const identity = policies.identity.map((policy) => verdictOf(policy, request));
  const session = policies.session === undefined ? undefined : verdictOf(policies.session, request);
  const resource = policies.resource === undefined ? undefined : verdictOf(policies.resource, request);
  if (identity.some(({ denied }) => denied))
    return { allowed: false, because: 'explicit deny', source: 'identity-based' };
  if (session?.denied === true) return { allowed: false, because: 'explicit deny', source: 'session' };
  if (resource?.denied === true) return { allowed: false, because: 'explicit deny', source: 'resource-based' };

  const { principal, resourceAccount } = request;
  const byIdentity = principal.type === 'root' || identity.some(({ allowed }) => allowed !== undefined);
  const sameAccount = resourceAccount === undefined || resourceAccount === principal.account;
  if (!sameAccount && resource?.allowed === undefined)
    return { allowed: false, because: 'no allow', source: 'resource-based' };
  if (!byIdentity && !(sameAccount && resource?.allowed === 'itself'))
    return { allowed: false, because: 'no allow', source: 'identity-based' };
  if (session !== undefined && session.allowed === undefined)
    return { allowed: false, because: 'no allow', source: 'session' };
  return { allowed: true };
}

/**
 * Decides a request that names its resource by wildcards or in part, with both the ARN in the request and the one that
 * it currently resolves to. One of them must be allowed and neither may be denied, so that a wildcard cannot reach what
 * a policy denies.
 * @param meant the resource that it resolves to, if any
 */
export function decideMeant(request: AccessRequest, meant: string | undefined, policies: Policies): Decision {
  const given = decide(request, policies);
  if (meant === undefined || meant === request.resource || isDenied(given)) return given;
  const concrete = decide({ ...request, resource: meant }, policies);
  return isDenied(concrete) || !given.allowed ? concrete : given;
}

/** Whether a policy denies it explicitly. */
export function isDenied(decision: Decision): boolean {
  return !decision.allowed && decision.because === 'explicit deny';
}

/** The decision of a resource policy (or trust policy) alone. */
export function grants(policy: Policy, request: AccessRequest): PrincipalMatch {
  const { denied, allowed } = verdictOf(policy, request);
  return denied ? undefined : allowed;
}

interface Verdict {
  readonly denied: boolean;
  /** How specifically an allowing statement names the principal. The principal's own policies name none. */
  readonly allowed: PrincipalMatch;
}

function verdictOf({ statements }: Policy, request: AccessRequest): Verdict {
  const { principal, action, resource, aliases = [], context } = request;
  let allowed: PrincipalMatch;
  for (const statement of statements) {
    const match = statement.principal === undefined ? 'itself' : matchPrincipal(statement.principal, principal);
    if (match === undefined) continue;
    // `NotResource` lists exceptions: another name of the resource must not undo one.
    const byName = statement.effect === 'Deny' && statement.resources?.negated === false;
    const names = byName ? [resource, ...aliases] : [resource];
    if (!names.some((name) => statementFits(statement, action, name, context))) continue;
    if (statement.effect === 'Deny') return { denied: true, allowed: undefined };
    if (allowed !== 'itself') allowed = match;
  }
  return { denied: false, allowed };
}

/**
 * The message for a denied request, with AWS's text.
 * @returns `User: … is not authorized to perform: … on resource: … because no identity-based policy allows the …
 * action`
 */
export function refusalMessage(
  { principal, action, resource }: Pick<AccessRequest, 'principal' | 'action' | 'resource'>,
  decision: Exclude<Decision, { allowed: true }>,
): string {
  const why =
    decision.because === 'explicit deny'
      ? `with an explicit deny in ${decision.source === 'identity-based' ? 'an' : 'a'} ${decision.source} policy`
      : `because no ${decision.source} policy allows the ${action} action`;
  return `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
}
