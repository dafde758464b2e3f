/** The owner of an access key (the account's root, a user, or a session of a role) with its policies. */
import type { Catalog } from '../../catalog/catalog.ts';
import { getAccessKey, getPrincipal, policiesOf, type StoredPrincipal } from '../../catalog/principals.ts';
import type { Credentials } from '../../platform/credentials.ts';
import type { Sealer } from '../../platform/sealing.ts';
import { parsePolicy, type Policy } from '../../policies/document.ts';
import { withTags } from '../../policies/tag-keys.ts';
import { rootArn, type Principal } from '../../policies/principals.ts';
import { accessDenied, expiredToken, unrecognizedClient } from '../../resources/errors.ts';
import { openSessionToken, type SessionFacts } from './session-token.ts';

/** The caller that signed a request. */
export interface Identity {
  readonly principal: Principal;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The name of the user, if it is one. */
  readonly userName?: string;
  readonly policies: readonly Policy[];
  /** The session token as it came. */
  readonly sessionToken?: string;
  /** The session, if it is one. Keys without a session are valid until they are deleted. */
  readonly session?: SessionFacts & { readonly role: StoredPrincipal; readonly sessionPolicy?: Policy };
}

/** The directory of callers. */
export interface Identities {
  readonly sealer: Sealer;
  /**
   * The owner of a key.
   * @param token the session token sent with it
   * @throws {ApiError} UnrecognizedClientException, ExpiredTokenException
   */
  find(accessKeyId: string, token: string | undefined, now: number): Promise<Identity>;
  /** Clears the cache, for example after a change of principals. */
  forget(): void;
}

const REMEMBERED = 4096;

/**
 * Opens the directory of a catalogue. Lookups are cached until `forget`.
 * @param roots key pairs of the account's root, which no policy limits
 */
export function openIdentities(catalog: Catalog, sealer: Sealer, roots: readonly Credentials[]): Identities {
  const rootIdentities = new Map(roots.map((credentials) => [credentials.accessKeyId, rootIdentity(credentials)]));
  const users = new Map<string, Promise<Identity | undefined>>();
  const roles = new Map<
    string,
    Promise<{ readonly role: StoredPrincipal; readonly policies: readonly Policy[] } | undefined>
  >();
  const sessions = new Map<string, Promise<Identity | undefined>>();

  async function userIdentity(accessKeyId: string): Promise<Identity | undefined> {
    const key = await getAccessKey(catalog.db, accessKeyId);
    if (key?.status !== 'Active') return undefined;
    const user = await getPrincipal(catalog.db, key.principal);
    const secretAccessKey = sealer.open(key.secret, secretUse(accessKeyId));
    if (user === undefined || secretAccessKey === undefined) return undefined;
    const { arn, account, id, tags, name } = user;
    return {
      principal: { type: 'user', account, arn, id, tags },
      accessKeyId,
      secretAccessKey,
      userName: name,
      policies: await policies(arn),
    };
  }

  async function sessionIdentity(accessKeyId: string, token: string): Promise<Identity | undefined> {
    const facts = openSessionToken(sealer, token);
    if (facts?.accessKeyId !== accessKeyId) return undefined;
    const found = await remember(roles, facts.roleArn, async () => {
      const role = await getPrincipal(catalog.db, facts.roleArn);
      return role === undefined ? undefined : { role, policies: await policies(role.arn) };
    });
    // A role that was deleted and created again is a different role: sessions of the old one are invalid.
    if (found === undefined || found.role.id !== facts.roleId) return undefined;
    const { role } = found;
    return {
      principal: {
        type: 'assumed-role',
        account: role.account,
        roleArn: role.arn,
        id: `${role.id}:${facts.sessionName}`,
        tags: withTags(role.tags, facts.tags),
        arn: `arn:aws:sts::${role.account}:assumed-role/${role.name}/${facts.sessionName}`,
      },
      accessKeyId,
      secretAccessKey: facts.secretAccessKey,
      policies: found.policies,
      sessionToken: token,
      session: {
        ...facts,
        role,
        ...(facts.policy === undefined ? {} : { sessionPolicy: readPolicy(facts.policy, 'the session policy') }),
      },
    };
  }

  async function policies(arn: string): Promise<readonly Policy[]> {
    return (await policiesOf(catalog.db, arn)).map(({ name, document }) =>
      readPolicy(document, `the policy ${name} of ${arn}`),
    );
  }

  return {
    sealer,
    async find(accessKeyId, token, now) {
      const identity =
        token === undefined
          ? (rootIdentities.get(accessKeyId) ?? (await remember(users, accessKeyId, () => userIdentity(accessKeyId))))
          : await remember(sessions, `${accessKeyId} ${token}`, () => sessionIdentity(accessKeyId, token));
      if (identity === undefined) throw unrecognizedClient();
      if (identity.session !== undefined && identity.session.expires <= now) throw expiredToken();
      return identity;
    },
    forget() {
      for (const known of [users, roles, sessions]) known.clear();
    },
  };
}

/** The purpose for which the secret of an access key is sealed. */
export function secretUse(accessKeyId: string): string {
  return `secret of ${accessKeyId}`;
}

/** Misses are not cached: guessing keys would fill the memory. */
function remember<T>(
  known: Map<string, Promise<T | undefined>>,
  key: string,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const found = look().then(
    (value) => {
      if (value === undefined) known.delete(key);
      return value;
    },
    (error: unknown) => {
      known.delete(key);
      throw error;
    },
  );
  if (known.size >= REMEMBERED) known.delete(known.keys().next().value!);
  known.set(key, found);
  return found;
}

/** A stored policy was validated when it was stored. If it cannot be parsed now, its principal is denied everything. */
function readPolicy(document: string, what: string): Policy {
  const read = parsePolicy(document, 'identity');
  if ('faults' in read) throw accessDenied(`${what} cannot be read: ${read.faults.join('; ')}. Replace it.`);
  return read.policy;
}

function rootIdentity({ account, accessKeyId, secretAccessKey }: Credentials): Identity {
  return {
    principal: { type: 'root', account, arn: rootArn(account), id: account, tags: {} },
    accessKeyId,
    secretAccessKey,
    policies: [],
  };
}
