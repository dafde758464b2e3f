/**
 * The operations of STS: the identity of the caller, and sessions of roles. Source: AWS Security Token Service API
 * Reference.
 */
import { ROLE_ARN } from '../../../resources/principal-arns.ts';
import { randomBytes } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-sts';
import { getPrincipal, type StoredPrincipal } from '../../../catalog/principals.ts';
import { openKeySource } from '../../../platform/jwks.ts';
import { newAccessKeyId } from '../../../platform/ids.ts';
import { decide, grants, type AccessRequest } from '../../../policies/decide.ts';
import { parsePolicy, type Policy } from '../../../policies/document.ts';
import type { Principal } from '../../../policies/principals.ts';
import { accessDenied } from '../../../resources/errors.ts';
import { contextValues } from '../../access/context-values.ts';
import { sealSessionToken, type SessionFacts } from '../../access/session-token.ts';
import type { RequestContext } from '../../context.ts';
import type { InputOf, Operations, OutputOf, ServiceContext, UnsignedOperation } from '../service.ts';
import { malformedPolicy, parameterError } from './errors.ts';
import { checkWebIdentity, claimsOf, providerName } from './web-identity.ts';

const DURATION = { shortest: 900, usual: 3600, longest: 43_200 };
/** Maximum duration of a session that another session requests (role chaining), in seconds. */
const CHAINED_LONGEST = 3600;
const LONGEST_SESSION_POLICY = 2048;
const MOST_SESSION_TAGS = 50;

type Sdk = typeof sdk;
type AssumeRole = InputOf<Sdk, 'AssumeRole'>;

const keysOf = openKeySource();

/** `AssumeRole`: the role's trust policy must trust the caller, and the caller's own policies must allow it. */
async function assumeRole(input: AssumeRole, context: ServiceContext): Promise<OutputOf<Sdk, 'AssumeRole'>> {
  context.call.resource = input.RoleArn;
  const asked = readRequest(input);
  const externalId = input.ExternalId;
  const { identity } = context;
  const sourceIdentity = readSourceIdentity(input, context);
  const { tags, transitiveTagKeys } = readTags(input, identity.session);
  const role = await getPrincipal(context.db, asked.roleArn);
  const keys = {
    'sts:rolesessionname': [asked.sessionName],
    ...(externalId === undefined ? {} : { 'sts:externalid': [externalId] }),
    ...(transitiveTagKeys.length === 0 ? {} : { 'sts:transitivetagkeys': transitiveTagKeys }),
    ...(sourceIdentity === undefined ? {} : { 'sts:sourceidentity': [sourceIdentity] }),
  };
  const actions = [
    'sts:AssumeRole',
    ...(Object.keys(tags).length === 0 ? [] : ['sts:TagSession']),
    ...(sourceIdentity === undefined ? [] : ['sts:SetSourceIdentity']),
  ];
  for (const action of actions) {
    const trust = role?.trustPolicy === undefined ? undefined : readTrust(role);
    const request: AccessRequest = {
      principal: identity.principal,
      action,
      resource: asked.roleArn,
      resourceAccount: role?.account,
      context: contextValues(
        context,
        { keys, ...(Object.keys(tags).length === 0 ? {} : { tags }) },
        role?.account,
        role?.tags ?? {},
      ),
    };
    const session = identity.session?.sessionPolicy;
    const allowed =
      trust !== undefined &&
      grants(trust, request) !== undefined &&
      decide(request, { identity: identity.policies, resource: trust, session }).allowed;
    // As on AWS, the message does not tell whether the trust, the permission or the role is missing.
    if (!allowed)
      throw accessDenied(
        `User: ${identity.principal.arn} is not authorized to perform: ${action} on resource: ${asked.roleArn}`,
      );
  }
  return session(asked, role!, context, {
    tags,
    transitiveTagKeys,
    chained: identity.session !== undefined,
    sourceIdentity,
  });
}

/**
 * `AssumeRoleWithWebIdentity`: for a caller with a token of an issuer that the role trusts, and without a key of this
 * server.
 */
export const assumeRoleWithWebIdentity: UnsignedOperation = {
  takes: ['RoleArn', 'RoleSessionName', 'DurationSeconds', 'Policy', 'WebIdentityToken'],
  run: withWebIdentity,
};

async function withWebIdentity(
  input: InputOf<Sdk, 'AssumeRoleWithWebIdentity'>,
  context: Omit<RequestContext, 'identity' | 'account'>,
): Promise<OutputOf<Sdk, 'AssumeRoleWithWebIdentity'>> {
  context.call.resource = input.RoleArn;
  const asked = readRequest(input);
  const token = input.WebIdentityToken;
  const identity = await checkWebIdentity(token, context.services.config.access.oidcIssuers, keysOf, context.now);
  const role = await getPrincipal(context.services.catalog.db, asked.roleArn);
  const account = role?.account ?? context.services.defaultAccount;
  const provider = `arn:aws:iam::${account}:oidc-provider/${providerName(identity.issuer)}`;
  const principal: Principal = { type: 'federated', account, arn: provider, id: identity.subject, tags: {} };
  const values = contextValues(
    { ...context, account, identity: { principal, accessKeyId: '', secretAccessKey: '', policies: [] } },
    {
      claims: claimsOf(identity),
      keys: { 'sts:rolesessionname': [asked.sessionName], 'aws:federatedprovider': [provider] },
    },
    account,
    role?.tags ?? {},
  );
  const request: AccessRequest = {
    principal,
    action: 'sts:AssumeRoleWithWebIdentity',
    resource: asked.roleArn,
    resourceAccount: account,
    context: values,
  };
  if (role?.trustPolicy === undefined || grants(readTrust(role), request) !== 'itself')
    throw accessDenied('Not authorized to perform sts:AssumeRoleWithWebIdentity');
  return {
    ...session(asked, role, context, { tags: {}, chained: false, federatedProvider: provider }),
    SubjectFromWebIdentityToken: identity.subject,
    Provider: provider,
    Audience: identity.audience,
  };
}

/** A source identity cannot be changed: every session of a chain records who began the chain. */
function readSourceIdentity(
  { SourceIdentity: asked }: AssumeRole,
  { identity: { principal, session } }: RequestContext,
): string | undefined {
  const set = session?.sourceIdentity;
  if (asked !== undefined && !/^[\w+=,.@-]{2,64}$/.test(asked)) {
    throw parameterError(
      'SourceIdentity must have 2 to 64 of the characters A-Z, a-z, 0-9, _, +, =, comma, ., @ and -.',
    );
  }
  if (asked !== undefined && set !== undefined && asked !== set) {
    throw accessDenied(
      `User: ${principal.arn} has the source identity '${set}', which cannot be changed. Leave ` +
        `SourceIdentity out, or give the same.`,
    );
  }
  return asked ?? set;
}

/** The session's tags: those of the request, and the transitive tags of the caller's own session. */
function readTags(
  { Tags: given = [], TransitiveTagKeys: transitive = [] }: AssumeRole,
  session: SessionFacts | undefined,
): Required<Pick<SessionFacts, 'tags' | 'transitiveTagKeys'>> {
  if (given.length > MOST_SESSION_TAGS) throw parameterError(`Tags has more than ${MOST_SESSION_TAGS} members.`);
  const asked = given.map(({ Key, Value }) => {
    if (Key === undefined || Value === undefined) throw parameterError('Each member of Tags needs Key and Value.');
    return { Key, Value };
  });
  const keys = asked.map(({ Key }) => Key);
  const low = (key: string): string => key.toLowerCase();
  if (new Set(keys.map(low)).size < keys.length) {
    throw parameterError('Duplicate tag keys found. Please note that Tag keys are case insensitive.');
  }
  const handedOn = Object.entries(session?.tags ?? {}).filter(([key]) => session!.transitiveTagKeys?.includes(key));
  const conflict = keys.find((key) => handedOn.some(([each]) => low(each) === low(key)));
  if (conflict !== undefined) {
    throw parameterError(
      `The tag '${conflict.slice(0, 128)}' is transitive in the calling session, and cannot be set again.`,
    );
  }
  const unknown = transitive.find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw parameterError(`TransitiveTagKeys names '${unknown.slice(0, 128)}', which is not one of the Tags.`);
  }
  return {
    tags: { ...Object.fromEntries(handedOn), ...Object.fromEntries(asked.map(({ Key, Value }) => [Key, Value])) },
    transitiveTagKeys: [...new Set([...handedOn.map(([key]) => key), ...transitive])],
  };
}

interface SessionRequest {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly seconds: number;
  readonly policy?: string;
}

function readRequest(
  input: Pick<AssumeRole, 'RoleArn' | 'RoleSessionName' | 'DurationSeconds' | 'Policy'>,
): SessionRequest {
  const text = (name: 'RoleArn' | 'RoleSessionName', pattern: RegExp): string => {
    const value = input[name];
    if (!pattern.test(value))
      throw parameterError(
        `1 validation error detected: Value '${value.slice(0, 200)}' at ` +
          `'${name[0]!.toLowerCase()}${name.slice(1)}' failed to satisfy constraint: Member must satisfy regular ` +
          `expression pattern: ${pattern.source}`,
      );
    return value;
  };
  const roleArn = text('RoleArn', ROLE_ARN);
  const sessionName = text('RoleSessionName', /^[\w+=,.@-]{2,64}$/);
  const { DurationSeconds: seconds = DURATION.usual, Policy: policy } = input;
  if (!Number.isInteger(seconds) || seconds < DURATION.shortest || seconds > DURATION.longest)
    throw parameterError(`DurationSeconds must be a whole number from ${DURATION.shortest} to ${DURATION.longest}.`);
  if (policy === undefined) return { roleArn, sessionName, seconds };
  if (policy.length > LONGEST_SESSION_POLICY)
    throw parameterError(`Policy must have at most ${LONGEST_SESSION_POLICY} characters.`);
  const read = parsePolicy(policy, 'identity');
  if ('faults' in read) throw malformedPolicy(read.faults);
  return { roleArn, sessionName, seconds, policy };
}

function session(
  { roleArn, sessionName, seconds, policy }: SessionRequest,
  role: StoredPrincipal,
  { services, now }: Pick<RequestContext, 'services' | 'now'>,
  {
    chained,
    ...more
  }: Pick<SessionFacts, 'tags' | 'transitiveTagKeys' | 'sourceIdentity' | 'federatedProvider'> & {
    readonly chained: boolean;
  },
): OutputOf<Sdk, 'AssumeRole'> {
  const longest = chained
    ? Math.min(CHAINED_LONGEST, role.maxSessionSeconds ?? CHAINED_LONGEST)
    : (role.maxSessionSeconds ?? DURATION.usual);
  if (seconds > longest) {
    throw parameterError(
      chained
        ? 'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.'
        : 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  const facts: SessionFacts = {
    accessKeyId: newAccessKeyId('session'),
    secretAccessKey: randomBytes(30).toString('base64'),
    roleArn,
    roleId: role.id,
    sessionName,
    issued: now,
    expires: now + seconds * 1000,
    ...more,
    policy,
  };
  return {
    Credentials: {
      AccessKeyId: facts.accessKeyId,
      SecretAccessKey: facts.secretAccessKey,
      SessionToken: sealSessionToken(services.identities.sealer, facts),
      Expiration: new Date(Math.floor(facts.expires / 1000) * 1000),
    },
    AssumedRoleUser: {
      AssumedRoleId: `${role.id}:${sessionName}`,
      Arn: `arn:aws:sts::${role.account}:assumed-role/${role.name}/${sessionName}`,
    },
    SourceIdentity: more.sourceIdentity,
  };
}

function readTrust(role: StoredPrincipal): Policy {
  const read = parsePolicy(role.trustPolicy!, 'trust');
  if ('faults' in read)
    throw accessDenied(`the trust policy of ${role.arn} cannot be read: ${read.faults.join('; ')}. Replace it.`);
  return read.policy;
}

/** The operations that need a signature. */
export const sessions = {
  GetCallerIdentity: {
    mutating: false,
    takes: [],
    // It needs no permission.
    needs: () => [],
    run: async (_input, { identity: { principal } }) => ({
      Arn: principal.arn,
      UserId: principal.id,
      Account: principal.account,
    }),
  },
  AssumeRole: {
    // It issues credentials, though no record changes.
    mutating: true,
    // An unsupported member may be meant to restrict the session, so it is rejected.
    takes: [
      'RoleArn',
      'RoleSessionName',
      'DurationSeconds',
      'Policy',
      'ExternalId',
      'SourceIdentity',
      'Tags',
      'TransitiveTagKeys',
    ],
    // The role's trust policy also decides, so the handler checks both once it has the role.
    needs: () => [],
    run: assumeRole,
  },
} satisfies Operations<Sdk>;
