/** Callers, and how policies name them. */

/** The caller of a request. */
export interface Principal {
  readonly type: 'root' | 'user' | 'assumed-role' | 'federated';
  /** Account id, 12 digits. */
  readonly account: string;
  /** `arn:aws:iam::…:user/ci`, `arn:aws:sts::…:assumed-role/builder/session`; for `federated`, the provider's. */
  readonly arn: string;
  /** For an assumed role, the ARN of the role. */
  readonly roleArn?: string;
  /** `AIDA…`; for an assumed role `AROA…:session`. */
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** The principals that a statement of a resource policy or trust policy names. */
export interface PrincipalElement {
  readonly negated: boolean;
  /** Whether it matches everybody. */
  readonly all: boolean;
  /** Account ids, and ARNs of users, roles and sessions. */
  readonly aws: readonly string[];
  /** ARNs or host names of identity providers. */
  readonly federated: readonly string[];
}

/**
 * How an element matches: it names the principal itself, or its account, whose own policies must then also allow the
 * request; or it does not match.
 */
export type PrincipalMatch = 'itself' | 'account' | undefined;

/** Whether a `Principal` element matches a caller. */
export function matchPrincipal(element: PrincipalElement, principal: Principal): PrincipalMatch {
  const match = matchPositive(element, principal);
  // NotPrincipal matches everybody except these; AWS accepts it with Deny only.
  if (element.negated) return match === undefined ? 'itself' : undefined;
  return match;
}

function matchPositive({ all, aws, federated }: PrincipalElement, principal: Principal): PrincipalMatch {
  if (all) return 'itself';
  if (principal.type === 'federated') {
    const host = principal.arn.slice(principal.arn.indexOf('oidc-provider/') + 'oidc-provider/'.length);
    return federated.some((name) => name === principal.arn || name === host) ? 'itself' : undefined;
  }
  if (aws.some((name) => name === principal.arn || name === principal.roleArn)) return 'itself';
  return aws.some((name) => name === principal.account || name === rootArn(principal.account)) ? 'account' : undefined;
}

/** ARN of an account's root, with which policies name the account. */
export function rootArn(account: string): string {
  return `arn:aws:iam::${account}:root`;
}
