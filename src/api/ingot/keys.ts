/** Keys of encrypted disks, for those who look after them. */
import {
  aliasesOf,
  amisOfKey,
  deleteDueKeys,
  listKeys,
  putKeyAlias,
  setKeyState,
  type KeyRecord,
} from '../../catalog/keys.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import { KeyService } from '../../keys/key-service.ts';
import { findKey, isAlias, KeyError } from '../../keys/references.ts';
import { RootKeyError } from '../../keys/root-key.ts';
import { timestamp } from '../../platform/clock.ts';
import { invalidParameterValue, invalidRequest, resourceNotFound } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { readBody } from './read.ts';
import type { IngotRoute } from './route.ts';

/** A key in a response. */
export interface ToldKey {
  readonly arn: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly state: KeyRecord['state'];
  /** ISO-8601. */
  readonly deletionDate?: string;
  /** How often it was rotated, plus 1. */
  readonly version: number;
  readonly created: string;
  /** AMIs that it opens. */
  readonly amis: readonly string[];
}

/** Days until a key is deleted. Source: KMS's `ScheduleKeyDeletion`. */
const DAYS = { least: 7, most: 30, default: 30 } as const;
const DAY_MS = 86_400_000;
const ALIAS_FORM = "alias/NAME with letters, digits, '/', '_' and '-', and not alias/aws/";

const byArn = ({ arn }: Readonly<Record<string, string>>): string => arn!;

export const keyRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListKeys',
    method: 'GET',
    path: '/ingot/keys',
    resource: (_params, context) => keysOf(context),
    async handle(_request, { account, services }) {
      const { db } = services.catalog;
      await deleteDueKeys(db, timestamp());
      const keys: ToldKey[] = [];
      for (const key of await listKeys(db, account)) keys.push(await told(db, key));
      return { json: { keys } };
    },
  },
  {
    action: 'ingot:CreateKey',
    method: 'POST',
    path: '/ingot/keys',
    body: true,
    resource: (_params, context) => keysOf(context),
    async handle({ body }, { account, region, services }) {
      const { alias, description } = readBody(body, (reader) => {
        const name = reader.string('alias', { max: 256 });
        if (name !== undefined && !isAlias(name)) reader.fault('alias', `It must be ${ALIAS_FORM}.`);
        return { alias: name, description: reader.string('description', { max: 8192 }) };
      });
      const { catalog } = services;
      const key = await said(() => new KeyService(catalog).create({ account, region }, { alias, description }));
      return { json: await told(catalog.db, key) };
    },
  },
  {
    action: 'ingot:RotateKey',
    method: 'POST',
    path: '/ingot/keys/:arn/rotate',
    resource: byArn,
    async handle({ params }, context) {
      const { arn } = await existing(params['arn']!, context);
      return { json: { resealed: await said(() => new KeyService(context.services.catalog).rotate(arn)) } };
    },
  },
  {
    action: 'ingot:EnableKey',
    method: 'POST',
    path: '/ingot/keys/:arn/enable',
    resource: byArn,
    handle: ({ params }, context) => changed(params['arn']!, context, ['Disabled', 'Enabled'], 'Enabled'),
  },
  {
    action: 'ingot:DisableKey',
    method: 'POST',
    path: '/ingot/keys/:arn/disable',
    resource: byArn,
    handle: ({ params }, context) => changed(params['arn']!, context, ['Disabled', 'Enabled'], 'Disabled'),
  },
  {
    action: 'ingot:ScheduleKeyDeletion',
    method: 'POST',
    path: '/ingot/keys/:arn/schedule-deletion',
    body: true,
    resource: byArn,
    async handle({ params, body }, context) {
      const days = readBody(body, (reader) => reader.integer('days', DAYS.least, DAYS.most)) ?? DAYS.default;
      const date = new Date(Date.now() + days * DAY_MS).toISOString();
      return changed(params['arn']!, context, ['Disabled', 'Enabled'], 'PendingDeletion', date);
    },
  },
  {
    action: 'ingot:CancelKeyDeletion',
    method: 'POST',
    path: '/ingot/keys/:arn/cancel-deletion',
    resource: byArn,
    // As in KMS: whoever wants to use it enables it.
    handle: ({ params }, context) => changed(params['arn']!, context, ['PendingDeletion'], 'Disabled'),
  },
  {
    action: 'ingot:PutKeyAlias',
    method: 'POST',
    path: '/ingot/keys/:arn/alias',
    body: true,
    resource: byArn,
    async handle({ params, body }, context) {
      const alias = readBody(body, (reader) => {
        const name = reader.required('alias', { max: 256 });
        if (!isAlias(name)) reader.fault('alias', `It must be ${ALIAS_FORM}.`);
        return name;
      });
      const key = await existing(params['arn']!, context);
      const { db } = context.services.catalog;
      await putKeyAlias(db, key, alias);
      return { json: await told(db, key) };
    },
  },
];

function keysOf({ region, account }: RequestContext): string {
  return `arn:aws:kms:${region}:${account}:key/*`;
}

/** A key of the caller's account. */
async function existing(arn: string, { account, services }: RequestContext): Promise<KeyRecord> {
  const [, region = ''] = /^arn:aws:kms:([a-z0-9-]+):\d{12}:key\//.exec(arn) ?? [];
  try {
    await deleteDueKeys(services.catalog.db, timestamp());
    return await findKey(services.catalog.db, arn, { account, region });
  } catch (error) {
    if (error instanceof KeyError) throw resourceNotFound(arn);
    throw error;
  }
}

async function changed(
  arn: string,
  context: RequestContext,
  from: readonly KeyRecord['state'][],
  to: KeyRecord['state'],
  deletionDate?: string,
) {
  const key = await existing(arn, context);
  if (!from.includes(key.state))
    throw invalidRequest(`The key '${arn}' is ${key.state}; this needs a key that is ${from.join(' or ')}.`);
  const { db } = context.services.catalog;
  await setKeyState(db, arn, to, deletionDate);
  return { json: await told(db, { ...key, state: to, deletion_date: deletionDate ?? null }) };
}

async function told(db: Queryable, key: KeyRecord): Promise<ToldKey> {
  const { arn, description, state, deletion_date, version, created } = key;
  return {
    arn,
    aliases: await aliasesOf(db, arn),
    description,
    state,
    ...(deletion_date === null ? {} : { deletionDate: deletion_date }),
    version,
    created,
    amis: await amisOfKey(db, arn),
  };
}

/** Errors of the key service, as those of a request. */
async function said<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KeyError) throw invalidParameterValue('key', `${error.message}.`);
    if (error instanceof RootKeyError) throw invalidRequest(error.message);
    throw error;
  }
}
