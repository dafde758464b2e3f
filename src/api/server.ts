/** The API over HTTP: Fastify with the model's routes and Ingot's own, a signature on every one of them. */
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { maxHeaderSize, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { fullAt, isDiskFull, MAKE_ROOM } from '../platform/disk-full.ts';
import { newUuid } from '../platform/ids.ts';
import { logger } from '../platform/log.ts';
import {
  accessDenied,
  ApiError,
  internalFailure,
  invalidRequest,
  methodNotAllowed,
  requestTooLarge,
  serializationError,
  serviceUnavailable,
  unknownOperation,
  unknownService,
} from '../resources/errors.ts';
import { authorize } from './access/authorize.ts';
import type { Identity } from './access/identities.ts';
import { auditEvent, type Call } from './audit.ts';
import { canonicalName, doorOf } from './canonical.ts';
import { decodeInput, decodeJsonObject, decodeQuery } from './codec.ts';
import type { ApiServices, Handlers, RequestContext } from './context.ts';
import { takeDelivery } from './hooks.ts';
import { ingotRoutes } from './ingot/register.ts';
import type { IngotRoute } from './ingot/route.ts';
import { OPERATIONS, type Operation } from './model.ts';
import { operate } from './operate.ts';
import { handlers as allHandlers } from './operations/register.ts';
import { createMetrics } from './health/metrics.ts';
import { isHealthRequest, serveHealth } from './health/routes.ts';
import { createLimiter, createUnsignedLimiter } from './rates.ts';
import { isRegistryPath, serveRegistry } from './registry/door.ts';
import { answerService } from './services/answer.ts';
import { SERVICES } from './services/register.ts';
import type { ServiceEntry } from './services/service.ts';
import { claimedService, createVerifier, type Signer, type Verifier } from './signature.ts';
import { sourceAddresses } from './source-address.ts';
import { confirmSubscription, isConfirmation } from './subscriptions.ts';
import { asksForWebSocket, hasBody, serveUpgrades } from './upgrade.ts';
import { validateInput } from './validate.ts';

/** Largest body. The largest request of the model (a distribution configuration with every list full) is far below. */
export const BODY_LIMIT = 1 << 20;

/** Where a request is that names no Region. */
const HOME_REGION = 'us-east-1';
const BYTES = 'application/octet-stream';
const SQLITE_BUSY = 5;
/** How long headers may take, and bodies, in milliseconds. */
const BODY_MS = 60_000;

/** What tests may choose. */
export interface ApiOptions {
  /** Milliseconds since 1970, for signatures. */
  readonly now?: () => number;
  readonly handlers?: Handlers;
}

/** Makes the API. It listens nowhere yet: call `listen`, or `inject`. Closing it ends the streams it still feeds. */
export function createApi(services: ApiServices, options: ApiOptions = {}): FastifyInstance {
  const now = options.now ?? Date.now;
  const verify = createVerifier<Identity>({
    find: (accessKeyId, token) => services.identities.find(accessKeyId, token, now()),
    now,
  });
  const handlers = options.handlers ?? allHandlers;
  const closing = new AbortController();
  const app = fastify({
    genReqId: newUuid,
    bodyLimit: BODY_LIMIT,
    // A layer of a container image takes as long as it takes. All other bodies have a deadline, set below.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    loggerInstance: logger() as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 4096, caseSensitive: true },
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
    clientErrorHandler: refuseConnection,
    http: {
      headersTimeout: BODY_MS,
      shouldUpgradeCallback: (request) => asksForWebSocket(request) && upgradeRoute(request) !== undefined,
    },
  });
  // The signature covers the body's bytes, so they are kept as they came, whatever the content type says, be it no
  // content type at all.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(BYTES, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const calls = new WeakMap<IncomingMessage, Call>();
  const addressOf = sourceAddresses(services.config.access.proxies);
  const begin = (request: IncomingMessage, requestId: string): Call => {
    const call: Call = {
      requestId,
      time: now(),
      service: 'imagebuilder',
      name: 'UnknownOperation',
      readOnly: true,
      sourceIp: addressOf(request),
      userAgent: request.headers['user-agent'],
      host: request.headers.host ?? '',
      parameters: { method: request.method, path: target(request).path },
    };
    calls.set(request, call);
    return call;
  };
  /**
   * Calls whose handler runs, and those whose connection has closed: a call is recorded when both are over, and once.
   */
  const running = new Set<Call>();
  const gone = new WeakSet<Call>();
  const recorded = new WeakSet<Call>();
  const record = (call: Call): void => {
    if (recorded.has(call)) return;
    recorded.add(call);
    services.audit.write(auditEvent(call));
    metrics.countCall(call.named === false ? 'UnknownOperation' : call.name, call.error?.code ?? 'ok');
  };
  const answering =
    <T>(answer: (request: FastifyRequest, reply: FastifyReply, call: Call) => Promise<T>) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<T> => {
      const call = calls.get(request.raw)!;
      running.add(call);
      try {
        return await answer(request, reply, call);
      } catch (error) {
        call.error ??= error instanceof ApiError ? error : translate(error as Error, request.id);
        throw error;
      } finally {
        running.delete(call);
        if (gone.has(call)) record(call);
      }
    };
  const metrics = createMetrics(services);
  serveHealth(app, services, metrics);
  app.addHook('onClose', async () => metrics.stop());
  const limit = createLimiter(services.config.rates);
  const limitUnsigned = createUnsignedLimiter(services.config.rates.unsigned);
  app.addHook('onRequest', async (request, reply) => {
    if (isHealthRequest(request)) return;
    const call = begin(request.raw, request.id);
    // A client that goes before its answer changes nothing about what was done for it.
    reply.raw.once('close', () => {
      gone.add(call);
      if (!running.has(call)) record(call);
    });
    reply.header('x-amzn-RequestId', request.id);
    request.raw.headers['content-type'] = BYTES;
    // The registry's door counts callers without a good password itself.
    const { path } = target(request.raw);
    if (isRegistryPath(path)) return;
    // Before the body is read.
    if (claimedService(request.raw.url!, request.raw.headers.authorization) === undefined)
      limitUnsigned(call.sourceIp, call.time);
    if (hasBody(request.raw)) limitTime(request.raw);
  });
  app.addHook('onResponse', async (request, reply) => {
    const call = calls.get(request.raw);
    if (call !== undefined && !running.has(call)) record(call);
    request.log.debug(
      {
        requestId: request.id,
        method: request.method,
        path: target(request.raw).path,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
  app.addHook('preClose', async () => closing.abort(serviceUnavailable('The server is stopping.')));
  app.addHook('onError', async (request, _reply, error) => {
    const call = calls.get(request.raw);
    if (call !== undefined) call.error = error instanceof ApiError ? error : translate(error, request.id);
  });
  app.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply));

  const anonymous = (call: Call): Omit<RequestContext, 'identity' | 'account'> => ({
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
    const call = calls.get(request)!;
    const claimed = claimedService(request.url!, request.headers.authorization) !== undefined;
    const { known: identity, region } = await identify(request, body, verify, service).catch((error: unknown) => {
      // Requests that claim no signature were counted before.
      if (claimed) limitUnsigned(call.sourceIp, call.time);
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
  const contextOf = (request: FastifyRequest): Promise<RequestContext> => contextFor(request.raw, bodyOf(request));
  for (const operation of OPERATIONS.values()) {
    // A label is an ARN with encoded slashes, longer than a router takes for a parameter: the codec reads it from the
    // raw path.
    app.route({
      method: operation.method,
      url: operation.uri.replace(/\{.*\}$/, '*'),
      handler: answering(async (request, reply, call) => {
        Object.assign(call, { name: operation.name, readOnly: !operation.mutating, parameters: undefined });
        const context = await contextOf(request);
        const unknownMembers: string[] = [];
        const input = (call.parameters = readInput(operation, request, unknownMembers));
        if (unknownMembers.length > 0) warnUnknown(operation, unknownMembers, reply);
        const output = (call.answer = await operate(operation, handlers, input, { ...context, unknownMembers }));
        return reply.code(operation.status).header('content-type', 'application/json').send(JSON.stringify(output));
      }),
    });
  }
  for (const route of ingotRoutes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: answering(async (request, reply, call) => {
        nameIngot(call, route);
        return answerIngot(route, request, reply, await contextOf(request), closing.signal);
      }),
    });
  }
  app.route({
    method: 'POST',
    url: '/hooks/:name',
    handler: answering(async (request, reply, call) => {
      const { name } = request.params as { readonly name: string };
      Object.assign(call, { service: 'ingot', name: 'TakeHook', readOnly: false, parameters: { name } });
      const answer = await takeDelivery(
        services,
        name,
        { headers: request.raw.headers, body: bodyOf(request) },
        {
          now: call.time,
          count: (account) => limit(account, 'writes', call.time),
          refused: (error) => (call.error = error),
        },
      );
      call.answer = answer;
      return reply
        .code(answer.started ? 202 : 200)
        .header('content-type', 'application/json')
        .send(JSON.stringify(answer));
    }),
  });
  // The services that have one path for all operations. The scope of the signature says which one it is; STS also
  // answers who has no key yet.
  app.route({
    method: ['GET', 'POST'],
    url: '/',
    handler: answering(async (request, reply, call) => {
      const body = bodyOf(request);
      const entry = entryOf(request);
      const { query } = target(request.raw);
      if (request.method === 'GET' && entry?.name === 'sts' && isConfirmation(query)) {
        Object.assign(call, { service: 'sns', name: 'ConfirmSubscription', readOnly: false, parameters: undefined });
        return reply.header('content-type', 'text/xml').send(await confirmSubscription(services, query, request.id));
      }
      if (entry === undefined) {
        const name = claimedService(request.raw.url!, request.headers.authorization)!;
        await callerOf(request.raw, body, name);
        throw unknownService(name, ['imagebuilder', ...SERVICES.keys()]);
      }
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort(new Error('the client is gone')));
      const { type, body: answer } = await answerService({
        entry,
        query: target(request.raw).query,
        target: headerOf(request, 'x-amz-target'),
        body,
        anonymous: anonymous(Object.assign(call, { service: entry.name })),
        caller: () => callerOf(request.raw, body, entry.name),
        signal: AbortSignal.any([gone.signal, closing.signal]),
        count: ({ account, now: time }, kind) => limit(account, kind, time),
      });
      return reply.header('content-type', type).send(answer);
    }),
    errorHandler(error, request, reply) {
      const entry = entryOf(request);
      if (entry === undefined) return refuse(error, request, reply);
      const told = toldOf(error, request);
      Object.assign(calls.get(request.raw)!, { errorCode: entry.protocol.codeOf(told) });
      const { type, status, body } = entry.protocol.refusal(told, request.id);
      void reply.code(status).header('content-type', type).send(body);
    },
  });
  serveRegistry(app, { answering, anonymous, limit, limitUnsigned, told: toldOf, bytes: BYTES });
  serveUpgrades(app, closing.signal, async (request, requestId, signal) => {
    const call = begin(request, requestId);
    try {
      const { path, query } = target(request);
      const route = upgradeRoute(request)!;
      if (claimedService(request.url!, request.headers.authorization) === undefined)
        limitUnsigned(call.sourceIp, call.time);
      nameIngot(call, route);
      const context = await contextFor(request, NO_BODY);
      const given = paramsOf(route, path)!;
      call.parameters = { ...given, ...parametersOf(query) };
      const params = canonicalParams(given, context);
      await authorize(context, [{ action: route.action, resource: route.resource(params, context) }]);
      return await route.handle({ path, query, params, body: NO_BODY, signal }, context);
    } catch (error) {
      call.error = error instanceof ApiError ? error : translate(error as Error, requestId);
      if (call.error.status >= 500) {
        logger().error({ err: error, requestId, path: target(request).path }, 'an upgrade failed');
      }
      throw call.error;
    } finally {
      record(call);
    }
  });
  app.setNotFoundHandler(
    answering(async (request) => {
      await contextOf(request);
      const { path } = target(request.raw);
      const allowed = methodsOf(path);
      throw allowed.length > 0
        ? methodNotAllowed(request.method, path, allowed)
        : unknownOperation(request.method, path);
    }),
  );
  return app;
}

/**
 * The service on `/` that a request is for: the one that its signature is scoped to. Image Builder has paths of its
 * own, so STS answers a request that is signed for it.
 */
function entryOf(request: FastifyRequest): ServiceEntry | undefined {
  const name = claimedService(request.raw.url!, request.headers.authorization);
  return SERVICES.get(name === undefined || name === 'imagebuilder' ? 'sts' : name);
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Ends a request whose body does not arrive in time. */
function limitTime(request: IncomingMessage): void {
  const late = setTimeout(() => {
    const error = Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    if (!request.complete) refuseConnection(error, request.socket);
  }, BODY_MS).unref();
  const arrived = (): void => clearTimeout(late);
  request.once('end', arrived).once('close', arrived);
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
  // Signatures are made over a tidied path. Only a tidy one is served, so that no signature serves two.
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
 * Refuses the keys of users where only sessions are taken. The first key pair is still good on this machine: who holds
 * it reads the data directory anyway, and somebody has to be able to look after principals.
 */
function refuseLongLived({ identity, services, sourceIp }: RequestContext): void {
  if (services.config.access.longLivedKeys || identity.session !== undefined) return;
  if (identity.principal.type === 'root' && (sourceIp.startsWith('127.') || sourceIp === '::1')) return;
  throw accessDenied(
    `User: ${identity.principal.arn} signed with a long-lived access key. This server takes sessions of roles only ` +
      '(access.longLivedKeys in config.yaml): get one with sts assume-role-with-web-identity.',
  );
}

/** Says in the log and in the answer that members were left out: a client that is newer may rely on them. */
function warnUnknown(operation: Operation, members: readonly string[], reply: FastifyReply): void {
  const warning = `${operation.name}: left out, since this version does not know it: ${members.join(', ')}`;
  reply.header('x-ingot-warning', warning);
  reply.log.warn({ requestId: reply.request.id, members }, warning);
}

function readInput(operation: Operation, request: FastifyRequest, unknown: string[]): ReturnType<typeof decodeInput> {
  const input = decodeInput(operation, { ...target(request.raw), body: bodyOf(request) }, unknown);
  validateInput(operation.name, input);
  return input;
}

function target(request: IncomingMessage): { readonly path: string; readonly query: string } {
  const url = request.url!;
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

const NO_BODY = Buffer.alloc(0);

function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : NO_BODY;
}

function methodsOf(path: string): string[] {
  const methods = new Set<string>();
  for (const { uri, method } of OPERATIONS.values()) {
    const label = uri.indexOf('{');
    if (label < 0 ? uri === path : path.startsWith(uri.slice(0, label)) && path.length > label) methods.add(method);
  }
  for (const route of ingotRoutes) if (paramsOf(route, path) !== undefined) methods.add(route.method);
  return [...methods].sort();
}

/** The route that a request to become a WebSocket is for. */
function upgradeRoute(request: IncomingMessage): IngotRoute | undefined {
  return ingotRoutes.find(
    (each) => each.upgrade && each.method === request.method && paramsOf(each, target(request).path) !== undefined,
  );
}

/** The parameters of a path that is this route's, else `undefined`. */
function paramsOf(route: IngotRoute, path: string): Readonly<Record<string, string>> | undefined {
  const segments = route.path.split('/');
  const given = path.split('/');
  if (
    segments.length !== given.length ||
    !segments.every((segment, index) => segment.startsWith(':') || segment === given[index])
  )
    return undefined;
  return Object.fromEntries(
    segments.flatMap((segment, index) => (segment.startsWith(':') ? [[segment.slice(1), given[index]!]] : [])),
  );
}

async function answerIngot(
  route: IngotRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  context: RequestContext,
  closing: AbortSignal,
): Promise<unknown> {
  const { path, query } = target(request.raw);
  if (route.upgrade) throw invalidRequest(`${route.action} is a WebSocket: the request must request an upgrade.`);
  const given = request.params as Readonly<Record<string, string>>;
  context.call.parameters = { ...given, ...parametersOf(query) };
  if (route.body === undefined && bodyOf(request).length > 0)
    throw serializationError(`${route.action} takes no body.`);
  const parameters = route.body === true ? decodeJsonObject(bodyOf(request)) : {};
  context.call.parameters = { ...given, ...parametersOf(query), ...parameters };
  const params = canonicalParams(given, context);
  await authorize(context, [{ action: route.action, resource: route.resource(params, context) }]);
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new Error('the client is gone')));
  const answer = await route.handle(
    { path, query, params, body: bodyOf(request), signal: AbortSignal.any([gone.signal, closing]) },
    context,
  );
  if ('session' in answer) throw internalFailure(context.requestId);
  if ('json' in answer) context.call.answer = answer.json;
  if ('json' in answer) return reply.header('content-type', 'application/json').send(JSON.stringify(answer.json));
  return reply.header('content-type', answer.type).header('cache-control', 'no-store').send(answer.stream);
}

/** The parameters of a path with an ARN in its canonical spelling. */
function canonicalParams(
  params: Readonly<Record<string, string>>,
  context: RequestContext,
): Readonly<Record<string, string>> {
  return params['arn'] === undefined ? params : { ...params, arn: canonicalName(params['arn'], doorOf(context)) };
}

function nameIngot(call: Call, route: IngotRoute): void {
  Object.assign(call, {
    service: 'ingot',
    name: route.action.slice('ingot:'.length),
    readOnly: route.method === 'GET' && route.upgrade !== true,
    parameters: undefined,
  });
}

/** What a query says, for the audit log. */
function parametersOf(query: string): Readonly<Record<string, string>> {
  return Object.fromEntries(decodeQuery(query).filter(([name]) => !/^x-amz-/i.test(name)));
}

/**
 * Answers an error: an ApiError as it is, a client's fault that Fastify found as the matching code, and for all others
 * only the request's ID.
 */
function refuse(
  error: Error & { readonly statusCode?: number; readonly code?: string },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const told = toldOf(error, request);
  if (told.status === 429) reply.header('retry-after', '1');
  void reply
    .code(told.status)
    .header('x-amzn-RequestId', request.id)
    .header('x-amzn-ErrorType', told.code)
    .header('content-type', 'application/json')
    .send(JSON.stringify({ __type: told.code, message: told.message }));
}

/**
 * Answers a request that is not HTTP, or too slow, and closes the connection: the start of the next request is unknown.
 */
function refuseConnection(
  error: Error & { readonly code?: string; readonly rawPacket?: unknown },
  socket: Socket,
): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, told] = {
    HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', requestTooLarge(maxHeaderSize)] as const,
    ERR_HTTP_REQUEST_TIMEOUT: [
      '408 Request Timeout',
      serializationError('The request did not arrive in time.'),
    ] as const,
  }[error.code ?? ''] ?? ['400 Bad Request', serializationError('The request is not valid HTTP.')];
  const body = JSON.stringify({ __type: told.code, message: told.message });
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      `x-amzn-RequestId: ${newUuid()}`,
      `x-amzn-ErrorType: ${told.code}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      // The parser failed before it knew the method; an answer to HEAD has no body.
      Buffer.isBuffer(error.rawPacket) && error.rawPacket.toString('latin1', 0, 5) === 'HEAD ' ? '' : body,
    ].join('\r\n'),
  );
}

/** The error that a client gets. The log has the rest. */
function toldOf(
  error: Error & { readonly statusCode?: number; readonly code?: string },
  request: FastifyRequest,
): ApiError {
  const told = error instanceof ApiError ? error : translate(error, request.id);
  if (told.status >= 500)
    request.log.error(
      { err: error, requestId: request.id, method: request.method, path: target(request.raw).path },
      'a request failed',
    );
  else request.log.debug({ requestId: request.id, code: told.code }, told.message);
  return told;
}

function translate(
  error: Error & { readonly statusCode?: number; readonly code?: string },
  requestId: string,
): ApiError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return requestTooLarge(BODY_LIMIT);
  // Another process has been writing for longer than a request waits. Clients try again on their own.
  if (error.code === 'ERR_SQLITE_ERROR' && 'errcode' in error && error.errcode === SQLITE_BUSY)
    return serviceUnavailable('The catalogue is busy. Try again.');
  if (isDiskFull(error)) {
    const path = fullAt(error);
    return serviceUnavailable(
      `The disk of this server is full: no space is left on the file system of ` +
        `${path === undefined ? 'its data directory' : dirname(path)}. ${MAKE_ROOM}`,
    );
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return serializationError(error.message);
  return internalFailure(requestId);
}
