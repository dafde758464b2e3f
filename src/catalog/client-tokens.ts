/** Queries on client tokens: a repeated request with the same token gets the first response. */
import type { Insertable, Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import { preparedQuery } from './prepared.ts';
import type { ClientTokenTable } from './tables.ts';

/** Minimum time that tokens are stored, in milliseconds. */
const CLIENT_TOKEN_MS = 24 * 60 * 60 * 1000;

/** The key of a stored token. */
export type ClientTokenKey = Pick<ClientTokenTable, 'account' | 'region' | 'operation' | 'token'>;

const tokenOf = preparedQuery((db, key: ClientTokenKey) =>
  db
    .selectFrom('client_tokens')
    .select(['request_hash', 'response'])
    .where('account', '=', key.account)
    .where('region', '=', key.region)
    .where('operation', '=', key.operation)
    .where('token', '=', key.token),
);
const forgetBefore = preparedQuery((db, { time }: { readonly time: string }) =>
  db.deleteFrom('client_tokens').where('created', '<', time),
);
const remember = preparedQuery((db, token: Insertable<ClientTokenTable>) =>
  db.insertInto('client_tokens').values({
    account: token.account,
    region: token.region,
    operation: token.operation,
    token: token.token,
    request_hash: token.request_hash,
    response: token.response,
    created: token.created,
  }),
);

/** The first request with this token, or `undefined`. */
export async function findToken(
  db: Queryable,
  key: ClientTokenKey,
): Promise<Pick<Selectable<ClientTokenTable>, 'request_hash' | 'response'> | undefined> {
  return (await tokenOf(db, key))[0];
}

/** Stores a token in the transaction of its request, and deletes expired ones. */
export async function saveToken(db: Queryable, token: Omit<Insertable<ClientTokenTable>, 'created'>): Promise<void> {
  const now = Date.now();
  await forgetBefore(db, { time: new Date(now - CLIENT_TOKEN_MS).toISOString() });
  await remember(db, { ...token, created: new Date(now).toISOString() });
}
