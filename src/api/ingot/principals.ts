/**
 * Principals: users and roles, their policies and access keys. A secret is returned once, when its key is created, and
 * stored sealed.
 */
import { parsePrincipalArn, type PrincipalArn } from '../../resources/principal-arns.ts';
import { caseFault, sameButForCase } from '../../policies/tag-keys.ts';
import { randomBytes } from 'node:crypto';
import {
  accessKeysOf,
  getAccessKey,
  getPrincipal,
  insertAccessKey,
  insertPrincipal,
  listPrincipals,
  policiesOf,
  putPrincipalPolicy,
  removeAccessKey,
  removePrincipal,
  removePrincipalPolicy,
  setAccessKeyStatus,
  updatePrincipal,
  type StoredPrincipal,
} from '../../catalog/principals.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import { timestamp } from '../../platform/clock.ts';
import { newAccessKeyId, newPrincipalId } from '../../platform/ids.ts';
import { LONGEST_POLICY, parsePolicy, type PolicyKind } from '../../policies/document.ts';
import { ApiError, resourceNotFound, serviceQuotaExceeded } from '../../resources/errors.ts';
import { secretUse } from '../access/identities.ts';
import type { RequestContext } from '../context.ts';
import { readBody, readQuery, type Reader } from './read.ts';
import type { IngotAnswer, IngotRoute } from './route.ts';

const NAME = { max: 64, pattern: /^[\w+=,.@-]+$/, expected: 'letters, digits and _+=,.@-' } as const;
const ACCOUNT = { pattern: /^\d{12}$/, expected: 'an account id of 12 digits' } as const;
/** As on AWS: two keys let a user replace one without downtime. */
const MOST_KEYS = 2;
const SESSION_SECONDS = { shortest: 3600, longest: 43_200 };

const byArn = ({ arn }: Readonly<Record<string, string>>): string => arn!;

export const principalRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListPrincipals',
    method: 'GET',
    path: '/ingot/principals',
    resource: (_params, { account }) => `arn:aws:iam::${account}:*`,
    async handle({ query }, context) {
      const wanted = readQuery(query, (reader) => reader.string('account', ACCOUNT));
      // The account that owns the server manages all principals.
      const account = context.account === context.services.defaultAccount ? wanted : context.account;
      const { db } = context.services.catalog;
      return {
        json: {
          principals: await Promise.all(
            (await listPrincipals(db, account)).map((principal) => described(db, principal)),
          ),
        },
      };
    },
  },
  {
    action: 'ingot:CreatePrincipal',
    method: 'POST',
    path: '/ingot/principals/:arn',
    body: true,
    resource: byArn,
    handle: ({ params, body }, context) =>
      change(context, async (db) => {
        const { account, type, name } = principalOf(params['arn']!);
        const { trustPolicy, maxSessionSeconds, tags } = readBody(body, (reader) => {
          const given = readChange(reader);
          if (type === 'role' && given.trustPolicy === undefined)
            reader.fault('trustPolicy', 'A role needs a trust policy, which says who may assume it.');
          refuseForUser(reader, type, given);
          return given;
        });
        const arn = params['arn']!;
        if ((await getPrincipal(db, arn)) !== undefined)
          throw new ApiError('ResourceAlreadyExistsException', `The principal '${arn}' already exists.`);
        const principal: StoredPrincipal = {
          arn,
          account,
          type,
          name,
          id: newPrincipalId(type),
          tags: tags ?? {},
          dateCreated: timestamp(),
          ...(type === 'role'
            ? { trustPolicy: trustPolicy!, maxSessionSeconds: maxSessionSeconds ?? SESSION_SECONDS.shortest }
            : {}),
        };
        await insertPrincipal(db, principal);
        return described(db, principal);
      }),
  },
  {
    action: 'ingot:GetPrincipal',
    method: 'GET',
    path: '/ingot/principals/:arn',
    resource: byArn,
    async handle(
      { params },
      {
        services: {
          catalog: { db },
        },
      },
    ) {
      return { json: await described(db, await existing(db, params['arn']!)) };
    },
  },
  {
    action: 'ingot:UpdatePrincipal',
    method: 'POST',
    path: '/ingot/principals/:arn/settings',
    body: true,
    resource: byArn,
    handle: ({ params, body }, context) =>
      change(context, async (db) => {
        const { arn, type } = await existing(db, params['arn']!);
        const given = readBody(body, (reader) => {
          const settings = readChange(reader);
          refuseForUser(reader, type, settings);
          return settings;
        });
        await updatePrincipal(db, arn, given);
        return described(db, await existing(db, arn));
      }),
  },
  {
    action: 'ingot:DeletePrincipal',
    method: 'DELETE',
    path: '/ingot/principals/:arn',
    resource: byArn,
    handle: ({ params }, context) =>
      change(context, async (db) => {
        if (!(await removePrincipal(db, params['arn']!))) throw resourceNotFound(params['arn']!);
        return {};
      }),
  },
  {
    action: 'ingot:PutPrincipalPolicy',
    method: 'POST',
    path: '/ingot/principals/:arn/policies/:name',
    body: true,
    resource: byArn,
    handle: ({ params, body }, context) =>
      change(context, async (db) => {
        const { arn } = await existing(db, params['arn']!);
        const document = readBody(body, (reader) => {
          if (!NAME.pattern.test(params['name']!) || params['name']!.length > 128)
            reader.fault('name', `It must be ${NAME.expected}.`);
          return readPolicy(reader, 'document', 'identity') ?? '';
        });
        await putPrincipalPolicy(db, arn, { name: params['name']!, document });
        return {};
      }),
  },
  {
    action: 'ingot:DeletePrincipalPolicy',
    method: 'DELETE',
    path: '/ingot/principals/:arn/policies/:name',
    resource: byArn,
    handle: ({ params }, context) =>
      change(context, async (db) => {
        const { arn } = await existing(db, params['arn']!);
        if (!(await removePrincipalPolicy(db, arn, params['name']!)))
          throw resourceNotFound(`${arn}: policy ${params['name']!.slice(0, 128)}`);
        return {};
      }),
  },
  {
    action: 'ingot:CreateAccessKey',
    method: 'POST',
    path: '/ingot/principals/:arn/keys',
    resource: byArn,
    handle: ({ params }, context) =>
      change(context, async (db) => {
        const { arn, type } = await existing(db, params['arn']!);
        if (type !== 'user')
          throw new ApiError(
            'InvalidRequestException',
            `'${arn}' is a role: use its sessions (sts assume-role); a role has no access keys.`,
          );
        if ((await accessKeysOf(db, arn)).length >= MOST_KEYS)
          throw serviceQuotaExceeded(`The user '${arn}' has ${MOST_KEYS} access keys already: remove one first.`);
        const [id, secretAccessKey] = [newAccessKeyId(), randomBytes(30).toString('base64')];
        const dateCreated = timestamp();
        await insertAccessKey(db, {
          id,
          principal: arn,
          secret: context.services.identities.sealer.seal(secretAccessKey, secretUse(id)),
          status: 'Active',
          dateCreated,
        });
        return { accessKeyId: id, secretAccessKey, status: 'Active', dateCreated };
      }),
  },
  {
    action: 'ingot:UpdateAccessKey',
    method: 'POST',
    path: '/ingot/principals/:arn/keys/:id',
    body: true,
    resource: byArn,
    handle: ({ params, body }, context) =>
      change(context, async (db) => {
        const id = await existingKey(db, params);
        const status = readBody(body, (reader) => {
          const given = reader.oneOf('status', ['Active', 'Inactive']);
          if (given === undefined) reader.fault('status', 'It is required.');
          return given ?? 'Inactive';
        });
        await setAccessKeyStatus(db, id, status);
        return { accessKeyId: id, status };
      }),
  },
  {
    action: 'ingot:DeleteAccessKey',
    method: 'DELETE',
    path: '/ingot/principals/:arn/keys/:id',
    resource: byArn,
    handle: ({ params }, context) =>
      change(context, async (db) => {
        await removeAccessKey(db, await existingKey(db, params));
        return {};
      }),
  },
];

/** Changes principals in a transaction. After the commit, the cache of principals is cleared. */
async function change(context: RequestContext, work: (db: Queryable) => Promise<object>): Promise<IngotAnswer> {
  const json = await context.services.catalog.transaction(work);
  context.services.identities.forget();
  return { json };
}

/** @throws {ApiError} InvalidParameterValueException if the text is not the ARN of a user or role */
function principalOf(arn: string): PrincipalArn {
  const principal = parsePrincipalArn(arn);
  if (principal === undefined)
    throw new ApiError(
      'InvalidParameterValueException',
      `'${arn.slice(0, 200)}' is not the ARN of a user or a role, such as arn:aws:iam::123456789012:user/ci.`,
    );
  return principal;
}

async function existing(db: Queryable, arn: string): Promise<StoredPrincipal> {
  principalOf(arn);
  const principal = await getPrincipal(db, arn);
  if (principal === undefined) throw resourceNotFound(arn);
  return principal;
}

async function existingKey(db: Queryable, params: Readonly<Record<string, string>>): Promise<string> {
  const { arn } = await existing(db, params['arn']!);
  const key = await getAccessKey(db, params['id']!);
  if (key?.principal !== arn) throw resourceNotFound(params['id']!.slice(0, 64));
  return key.id;
}

type Settings = Pick<Partial<StoredPrincipal>, 'trustPolicy' | 'maxSessionSeconds' | 'tags'>;

function readChange(reader: Reader): Settings {
  const trustPolicy = readPolicy(reader, 'trustPolicy', 'trust');
  const maxSessionSeconds = reader.integer('maxSessionSeconds', SESSION_SECONDS.shortest, SESSION_SECONDS.longest);
  const tagList = reader.objects('tags', 50, (tag) => ({
    key: tag.required('key', { max: 128 }),
    value: tag.string('value', { max: 256 }) ?? '',
  }));
  const keys = tagList.map(({ key }) => key);
  const alike = sameButForCase(keys);
  if (alike !== undefined) reader.fault('tags', `It ${caseFault(alike)}.`);
  else if (new Set(keys).size < keys.length) reader.fault('tags', 'It has a duplicate key.');
  return {
    trustPolicy,
    maxSessionSeconds,
    ...(tagList.length === 0 ? {} : { tags: Object.fromEntries(tagList.map(({ key, value }) => [key, value])) }),
  };
}

function refuseForUser(
  reader: Reader,
  type: StoredPrincipal['type'],
  { trustPolicy, maxSessionSeconds }: Settings,
): void {
  if (type === 'user' && trustPolicy !== undefined)
    reader.fault('trustPolicy', 'A user cannot be assumed and has no trust policy.');
  if (type === 'user' && maxSessionSeconds !== undefined) reader.fault('maxSessionSeconds', 'A user has no sessions.');
}

/** A policy document as text. Reports all its faults. */
function readPolicy(reader: Reader, name: string, kind: PolicyKind): string | undefined {
  const text =
    kind === 'identity' ? reader.required(name, { max: LONGEST_POLICY }) : reader.string(name, { max: LONGEST_POLICY });
  if (text === undefined || text === '') return undefined;
  const read = parsePolicy(text, kind);
  if ('faults' in read) for (const fault of read.faults) reader.fault(name, `${fault}.`);
  return text;
}

/** A principal with its policies and key ids, without secrets. */
async function described(db: Queryable, principal: StoredPrincipal): Promise<object> {
  const keys = await accessKeysOf(db, principal.arn);
  return {
    ...principal,
    policies: await policiesOf(db, principal.arn),
    ...(principal.type === 'user'
      ? { keys: keys.map(({ id, status, dateCreated }) => ({ accessKeyId: id, status, dateCreated })) }
      : {}),
  };
}
