/**
 * Which resources of other accounts an account may use, for work without a caller, because an image is built for its
 * account. The policies are evaluated each time, so that a revoked one grants nothing.
 */
import { timestamp } from '../platform/clock.ts';
import type { ContextValues } from '../policies/conditions.ts';
import { decideMeant, refusalMessage, type AccessRequest } from '../policies/decide.ts';
import { parsePolicy } from '../policies/document.ts';
import { rootArn } from '../policies/principals.ts';
import { canonicalArn, inAccountOfServer, parseArn } from '../resources/arns.ts';
import type { Catalog, Queryable } from './catalog.ts';
import type { StoredComponent } from './components.ts';
import { getResourcePolicy } from './resource-policies.ts';
import { meaningOf, resolveComponent } from './resolve.ts';
import type { Place } from './slices.ts';
import { tagsOf } from './tags.ts';

/** A resource of another account that is not shared with the account. The message does not tell whether it exists. */
export class NotSharedError extends Error {
  override readonly name = 'NotSharedError';
}

/**
 * Checks that an account may use a resource: its own, an `aws` one, or another account's with a policy that allows it.
 * @param action `imagebuilder:GetComponent`
 * @param reference canonical ARN, with or without wildcards
 * @throws {NotSharedError}
 */
export async function checkShared(
  catalog: Pick<Catalog, 'managed'>,
  place: Place,
  action: string,
  reference: string,
  db: Queryable,
): Promise<void> {
  const arn = parseArn(reference);
  if (arn === undefined || arn.owner === place.account || arn.owner === 'aws') return;
  const { arn: meant, aliases } = await meaningOf(catalog, reference, db);
  const document = meant === undefined ? undefined : await getResourcePolicy(db, meant);
  const read = document === undefined ? undefined : parsePolicy(document, 'resource');
  const { account } = place;
  const request: AccessRequest = {
    principal: { type: 'root', account, arn: rootArn(account), id: account, tags: {} },
    action,
    resource: reference,
    aliases,
    resourceAccount: arn.owner,
    context: contextOf(place, arn.owner, meant === undefined ? {} : await tagsOf(db, meant)),
  };
  const decision = decideMeant(request, meant, {
    identity: [],
    ...(read === undefined || 'faults' in read ? {} : { resource: read.policy }),
  });
  if (decision.allowed) return;
  throw new NotSharedError(`${refusalMessage(request, decision)}. Ask account ${arn.owner} to share it.`);
}

/**
 * The component that an ARN refers to, for work in an account: its own, an `aws` one, or one that is shared with it.
 * @returns `undefined` if there is none in the Region
 * @throws {NotSharedError}
 */
export async function componentForAccount(
  catalog: Catalog,
  place: Place,
  reference: string,
  db: Queryable = catalog.db,
): Promise<StoredComponent | undefined> {
  // The API canonicalizes requests, but not references in documents.
  const arn = canonicalArn(inAccountOfServer(reference, catalog.managed.settings.accounts, place.account));
  if (arn === undefined) return undefined;
  await checkShared(catalog, place, 'imagebuilder:GetComponent', arn, db);
  return parseArn(arn)!.region === place.region ? resolveComponent(catalog, arn, db) : undefined;
}

/** The condition keys of an account: it has no address, no session and no request tags. */
function contextOf(
  { account, region }: Place,
  resourceAccount: string,
  tags: Readonly<Record<string, string>>,
): ContextValues {
  const now = timestamp();
  const values: Readonly<Record<string, string>> = {
    'aws:currenttime': now,
    'aws:epochtime': String(Math.floor(Date.parse(now) / 1000)),
    'aws:requestedregion': region,
    'aws:securetransport': 'false',
    'aws:viaawsservice': 'false',
    'aws:principalisawsservice': 'false',
    'aws:principalarn': rootArn(account),
    'aws:principalaccount': account,
    'aws:principaltype': 'Account',
    'aws:userid': account,
    'aws:resourceaccount': resourceAccount,
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:resourcetag/${key.toLowerCase()}`, value])),
  };
  return (key) => (Object.hasOwn(values, key) ? [values[key]!] : undefined);
}
