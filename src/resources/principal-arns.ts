/** ARNs of users and roles. Source: IAM's rules for names of users and roles. */

/** A user or a role. */
export interface PrincipalArn {
  /** 12 digits. */
  readonly account: string;
  readonly type: 'user' | 'role';
  readonly name: string;
}

const PRINCIPAL = /^arn:aws:iam::(\d{12}):(user|role)\/([\w+=,.@-]{1,64})$/;
const SHORT = /^(user|role)\/[\w+=,.@-]{1,64}$/;

/** The form of a role's ARN, as in messages of STS. */
export const ROLE_ARN = /^arn:aws:iam::\d{12}:role\/[\w+=,.@-]{1,64}$/;

/** Parses an ARN; `undefined` unless it is that of a user or role. */
export function parsePrincipalArn(text: string): PrincipalArn | undefined {
  const [, account, type, name] = PRINCIPAL.exec(text) ?? [];
  return name === undefined ? undefined : { account: account!, type: type as PrincipalArn['type'], name };
}

/** Whether a text is `user/NAME` or `role/NAME`. */
export function isPrincipalName(text: string): boolean {
  return SHORT.test(text);
}

const POLICY_PRINCIPAL =
  /^(\*|\d{12}|arn:aws[^:]*:(iam|sts)::\d{12}:(root|user\/.+|role\/.+|assumed-role\/[^/\n]+\/.+))$/;

/**
 * Whether a text may be an `AWS` principal of a policy: all, an account, a user, a role or its session, with any path.
 */
export function isPolicyPrincipal(text: string): boolean {
  return POLICY_PRINCIPAL.test(text);
}
