/** Who may use an AMI: its owner, and those in its launch permission. */
import type { NameSettings } from '../platform/config/names.ts';
import type { Queryable } from './catalog.ts';
import type { Ami } from './amis.ts';

/** A launch permission in the form of Image Builder and EC2. */
export interface LaunchPermission {
  readonly userIds?: readonly string[];
  /** `all` makes it public. */
  readonly userGroups?: readonly string[];
  readonly organizationArns?: readonly string[];
  readonly organizationalUnitArns?: readonly string[];
}

/** The launch permission of an AMI. */
export function launchPermissionOf({ launch_permission }: Pick<Ami, 'launch_permission'>): LaunchPermission {
  return JSON.parse(launch_permission) as LaunchPermission;
}

/** Whether everybody may use an AMI. */
export function isPublic(ami: Pick<Ami, 'launch_permission'>): boolean {
  return launchPermissionOf(ami).userGroups?.includes('all') === true;
}

/** Whether a launch permission includes an account: by itself, or by an organization or unit that it belongs to. */
export function namesAccount(
  { userIds = [], organizationArns = [], organizationalUnitArns = [] }: LaunchPermission,
  account: string,
  organizations: NameSettings['organizations'],
): boolean {
  if (userIds.includes(account)) return true;
  return [...organizationArns, ...organizationalUnitArns].some((arn) => {
    const id = arn.slice(arn.lastIndexOf('/') + 1);
    return Object.hasOwn(organizations, id) && organizations[id]!.includes(account);
  });
}

/** Whether an account may use an AMI. */
export function mayUse(
  ami: Pick<Ami, 'account' | 'launch_permission'>,
  account: string,
  organizations: NameSettings['organizations'],
): boolean {
  return ami.account === account || isPublic(ami) || namesAccount(launchPermissionOf(ami), account, organizations);
}

/** AMIs of a Region that an account may use, oldest first: available, disabled and pending ones. */
export async function usableAmis(
  db: Queryable,
  { account, region }: { readonly account: string; readonly region: string },
  organizations: NameSettings['organizations'],
): Promise<readonly Ami[]> {
  const found = await db
    .selectFrom('amis')
    .selectAll()
    .where('region', '=', region)
    .where('state', 'in', ['available', 'disabled', 'pending'])
    .where((e) => e.or([e('account', '=', account), e('launch_permission', '<>', '{}')]))
    .orderBy('created')
    .orderBy('id')
    .execute();
  // Other accounts see only AMIs that they may use and that are usable.
  return found.filter(
    (ami) => ami.account === account || (ami.state === 'available' && mayUse(ami, account, organizations)),
  );
}
