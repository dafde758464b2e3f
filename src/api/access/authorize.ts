/**
 * Whether the caller may make a request: by the caller's policies, those of its session, and those of the resources.
 */
import { findAmi } from '../../catalog/amis.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import { parentMeaning } from '../../catalog/parent-names.ts';
import { meaningOf, versionsMeant, type Meaning } from '../../catalog/resolve.ts';
import { findRepository } from '../../catalog/repositories.ts';
import { getResourcePolicy } from '../../catalog/resource-policies.ts';
import { tagsOf } from '../../catalog/tags.ts';
import { decideMeant, isDenied, refusalMessage, type AccessRequest, type Decision } from '../../policies/decide.ts';
import { parsePolicy } from '../../policies/document.ts';
import { accessDenied } from '../../resources/errors.ts';
import { parseArn, resourceArn, type ResourceType, accountOfArn } from '../../resources/arns.ts';
import { parseRepositoryArn } from '../../resources/repositories.ts';
import type { RequestContext } from '../context.ts';
import { contextValues } from './context-values.ts';
import { amiArn } from '../ingot/resources.ts';
import { imageOf, type Need } from './demands.ts';

/** Actions that the resource's own account may take to repair a policy that cannot be parsed any more. */
const REPAIRS = /^(imagebuilder:(Get|Put)[A-Za-z]+Policy|ecr:(Get|Set|Delete)RepositoryPolicy)$/;

/** Types of resources that can have a policy. */
const WITH_POLICY: readonly ResourceType[] = ['component', 'image', 'image-recipe', 'container-recipe'];

/** The caller, and the transaction of an operation's handler. */
export type AccessContext = RequestContext & { readonly db?: Queryable };

/**
 * Evaluates all permissions that a request needs.
 * @returns ARNs of other accounts' resources, as the request names them, that their policies opened to the caller
 * @throws {ApiError} AccessDeniedException that says which action on which resource was not allowed, and by what kind
 * of policy
 */
export async function authorize(context: AccessContext, needs: readonly Need[]): Promise<ReadonlySet<string>> {
  const opened = new Set<string>();
  const { principal } = context.identity;
  context.call.resource ??= needs[0]?.resource;
  for (const need of needs) {
    const resourceAccount = accountOf(need, context);
    const foreign = resourceAccount !== undefined && resourceAccount !== principal.account;
    if (principal.type === 'root' && (!foreign || need.unlessDenied === true)) continue;
    for (const meaning of await meaningsOf(context, need)) {
      const decision = await evaluate(context, need, meaning);
      if ('unreadable' in decision)
        throw accessDenied(
          `User: ${principal.arn} is not authorized to perform: ${need.action} on resource: ${need.resource} ` +
            `${decision.unreadable}`,
        );
      if (!decision.allowed && (need.unlessDenied !== true || isDenied(decision))) {
        const hint = isDenied(decision) ? '' : foreignAccountHint(context, need.resource);
        throw need.refusal ?? accessDenied(`${refusalMessage({ principal, ...need }, decision)}${hint}`);
      }
    }
    if (foreign && need.unlessDenied !== true) opened.add(need.resource);
  }
  return opened;
}

/**
 * A hint about an ARN of another account, as a sentence after a space; empty for the caller's own. It is the same
 * whether or not this server knows that account or the resource exists.
 */
function foreignAccountHint({ account }: AccessContext, resource: string): string {
  const owner = parseArn(resource)?.owner;
  if (owner === undefined || owner === account || !/^[0-9]{12}$/.test(owner)) return '';
  return (
    `. The ARN is of account ${owner}, and you are in account ${account} of this server. Write ${account} in its ` +
    `place; or, for files that were written for another account, the operator of this server maps it in config.yaml: ` +
    `accounts: {'${owner}': '${account}'}`
  );
}

/**
 * The resources that a need refers to: usually one; several if all versions of a name are listed. A resource of another
 * service refers to itself.
 */
async function meaningsOf(
  context: AccessContext,
  { resource, parentImage, recipe, everyVersion, made }: Need,
): Promise<readonly Meaning[]> {
  const { catalog } = context.services;
  const db = context.db ?? catalog.db;
  if (parentImage !== undefined) return [await meaningOfParent(context, parentImage, db)];
  if (recipe !== undefined) {
    const { arn } = await meaningOf(catalog, recipe, db);
    return [{ arn: arn === undefined ? undefined : imageOf(context, arn), aliases: [] }];
  }
  const meaning = await meaningOf(catalog, resource, db);
  if (made === true) return [{ ...meaning, arn: undefined }];
  const others = everyVersion === true ? await versionsMeant(resource, db) : [];
  return [meaning, ...(await Promise.all(others.map((arn) => meaningOf(catalog, arn, db))))];
}

/** The image that a parent image resolves to, whether it is named by AMI, by parameter, or by an `aws` name. */
async function meaningOfParent(context: AccessContext, reference: string, db: Queryable): Promise<Meaning> {
  const { catalog } = context.services;
  const meaning = await parentMeaning(db, catalog.managed, reference, context);
  if (meaning.kind === 'ami')
    return { arn: (await findAmi(db, meaning.id))?.image_arn ?? undefined, aliases: [amiArn(meaning.id, context)] };
  if (meaning.kind === 'image') return meaningOf(catalog, meaning.arn, db);
  if (meaning.kind === 'none') return { arn: undefined, aliases: [] };
  return meaningOf(
    catalog,
    resourceArn({ region: context.region, account: 'aws' }, 'image', meaning.image.name, {
      major: 'x',
      minor: 'x',
      patch: 'x',
    }),
    db,
  );
}

/** Evaluates a need by the ARN in the request and by the resource that it resolves to: see `decideMeant`. */
async function evaluate(
  context: AccessContext,
  need: Need,
  { arn: meant, aliases }: Meaning,
): Promise<Decision | Unreadable> {
  const db = context.db ?? context.services.catalog.db;
  const { policies: identity } = context.identity;
  const about = need.parentImage === undefined ? need.resource : (meant ?? need.resource);
  const type = parseArn(about)?.type;
  const resourceAccount = accountOf({ ...need, resource: about }, context);
  const repository = parseRepositoryArn(about);
  const document =
    type !== undefined && resourceAccount !== undefined && meant !== undefined && WITH_POLICY.includes(type)
      ? await getResourcePolicy(db, meant)
      : repository === undefined
        ? undefined
        : ((await findRepository(db, repository, repository.name))?.policy ?? undefined);
  const read =
    document === undefined ? undefined : parsePolicy(document, repository === undefined ? 'resource' : 'repository');
  if (read !== undefined && 'faults' in read && resourceAccount === context.account && !REPAIRS.test(need.action)) {
    return {
      allowed: false,
      unreadable: `because the policy of ${meant!} cannot be read: ${read.faults.join('; ')}. ` + 'Replace it.',
    };
  }
  const resource = read === undefined || 'faults' in read ? undefined : read.policy;
  const session = context.identity.session?.sessionPolicy;
  const policies = {
    identity,
    session,
    resource,
  };
  const asksTags = [...identity, session, resource].some(
    (policy) => policy !== undefined && [...policy.keys].some((key) => /^(aws|ec2|ecr):resourcetag\//.test(key)),
  );
  const resourceTags = asksTags && meant !== undefined ? await resourceTagsOf(db, meant) : {};
  const request: AccessRequest = {
    principal: context.identity.principal,
    action: need.action,
    resource: need.resource,
    aliases,
    resourceAccount,
    context: contextValues(context, need, resourceAccount, resourceTags),
  };
  return decideMeant(request, meant, policies);
}

/** Tags of a resource; those of an AMI are in its record. */
async function resourceTagsOf(db: Queryable, arn: string): Promise<Readonly<Record<string, string>>> {
  const [, id] = /^arn:aws:ec2:[^:]*:[^:]*:image\/(ami-[0-9a-f]+)$/.exec(arn) ?? [];
  if (id === undefined) return tagsOf(db, arn);
  const ami = await findAmi(db, id);
  return ami === undefined ? {} : (JSON.parse(ami.tags) as Record<string, string>);
}

/**
 * A stored policy was validated when it was stored. One that cannot be parsed now might contain a deny, so it allows
 * nothing to anyone.
 */
interface Unreadable {
  readonly allowed: false;
  readonly unreadable: string;
}

/** The account of a resource; `undefined` for managed resources, which belong to no account. */
function accountOf({ action, resource }: Need, { account: caller, services }: RequestContext): string | undefined {
  if (resource === '*') return caller;
  const account = accountOfArn(resource);
  if (account === undefined || !/^\d{12}$/.test(account)) return undefined;
  // Principals of every account are managed from the account that owns the server.
  return action.startsWith('ingot:') && resource.startsWith('arn:aws:iam:') && caller === services.defaultAccount
    ? undefined
    : account;
}
