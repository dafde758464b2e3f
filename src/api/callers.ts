/** Identifies the sender of a request, and applies the limits for callers. */
import type { IncomingMessage } from 'node:http';
import { accessDenied, serializationError, unknownOperation } from '../resources/errors.ts';
import type { Identity } from './access/identities.ts';
import type { Call } from './audit.ts';
import type { ApiServices, RequestContext } from './context.ts';
import { target } from './http-request.ts';
import type { Limiter } from './rates.ts';
import { claimedService, createVerifier, type Signer, type Verifier } from './signature.ts';
import { hasBody } from './upgrade.ts';

/** The Region of a request without one. */
const HOME_REGION = 'us-east-1';

/** The context before the signature is verified. */
type AnonymousContext = Omit<RequestContext, 'identity' | 'account'>;

/** Identifies the senders of requests. */
export interface Callers {
  anonymous(call: Call): AnonymousContext;
  /** The sender of a request that is signed for a service. @throws {ApiError} without a valid signature */
  callerOf(request: IncomingMessage, body: Buffer, service: string): Promise<RequestContext>;
  /** The sender of a request for Image Builder or Ingot's own routes, which counts against the account's rate. */
  contextFor(request: IncomingMessage, body: Buffer): Promise<RequestContext>;
  /**
   * Counts a request that claims no signature.
   * @throws {ApiError} if its address sends too many
   */
  countUnsigned(request: IncomingMessage): void;
}

/** The rates that callers are held to. */
export interface CallerLimits {
  readonly limit: Limiter;
  readonly limitUnsigned: (sourceIp: string, now: number) => void;
}

/** Makes `Callers`. @param callOf the record of a request's call */
export function createCallers(
  services: ApiServices,
  now: () => number,
  { limit, limitUnsigned }: CallerLimits,
  callOf: (request: IncomingMessage) => Call,
): Callers {
  const verify = createVerifier<Identity>({
    find: (accessKeyId, token) => services.identities.find(accessKeyId, token, now()),
    now,
  });
  const anonymous = (call: Call): AnonymousContext => ({
    call,
    region: HOME_REGION,
    requestId: call.requestId,
    services,
    now: call.time,
    sourceIp: call.sourceIp,
    userAgent: call.userAgent,
    host: call.host,
  });
  const callerOf = async (request: IncomingMessage, body: Buffer, service: string): Promise<RequestContext> => {
    const call = callOf(request);
    const { known: identity, region } = await identify(request, body, verify, service).catch((error: unknown) => {
      // Requests that claim no signature were counted before.
      if (claimsSignature(request)) limitUnsigned(call.sourceIp, call.time);
      throw error;
    });
    Object.assign(call, { identity, region });
    const context = { ...anonymous(call), identity, account: identity.principal.account, region };
    refuseLongLived(context);
    // Rejected, because nothing reads it and nothing else would report that it has no effect.
    if (request.method === 'GET' && hasBody(request)) {
      throw serializationError(`GET ${target(request).path} takes no body.`);
    }
    return context;
  };
  const contextFor = async (request: IncomingMessage, body: Buffer): Promise<RequestContext> => {
    const context = await callerOf(request, body, 'imagebuilder');
    limit(context.account, context.call.readOnly ? 'reads' : 'writes', context.now);
    return context;
  };
  const countUnsigned = (request: IncomingMessage): void => {
    const { sourceIp, time } = callOf(request);
    if (!claimsSignature(request)) limitUnsigned(sourceIp, time);
  };
  return { anonymous, callerOf, contextFor, countUnsigned };
}

function claimsSignature(request: IncomingMessage): boolean {
  return claimedService(request.url!, request.headers.authorization) !== undefined;
}

async function identify(
  request: IncomingMessage,
  body: Buffer,
  verify: Verifier<Identity>,
  service: string,
): Promise<Signer<Identity>> {
  const signer = await verify(
    { method: request.method!, url: request.url!, rawHeaders: request.rawHeaders, body },
    service,
  );
  // Signatures are made over a normalized path. Only normalized paths are served, so that no signature fits two paths.
  const { path } = target(request);
  if (
    path !== '/' &&
    path
      .slice(1)
      .split('/')
      .some((segment) => segment === '' || segment === '.' || segment === '..')
  )
    throw unknownOperation(request.method!, path);
  return signer;
}

/**
 * Rejects keys of users if only sessions are accepted. The first key pair stays valid on this machine: its owner can
 * read the data directory anyway, and someone must be able to manage principals.
 */
function refuseLongLived({ identity, services, sourceIp }: RequestContext): void {
  if (services.config.access.longLivedKeys || identity.session !== undefined) return;
  if (identity.principal.type === 'root' && (sourceIp.startsWith('127.') || sourceIp === '::1')) return;
  throw accessDenied(
    `User: ${identity.principal.arn} signed with a long-lived access key. This server takes sessions of roles only ` +
      '(access.longLivedKeys in config.yaml): get one with sts assume-role-with-web-identity.',
  );
}
