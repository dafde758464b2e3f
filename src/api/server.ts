/** The API over HTTP: Fastify with the model's routes and Ingot's own. Every request needs a signature. */
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { newUuid } from '../platform/ids.ts';
import { logger } from '../platform/log.ts';
import {
  ApiError,
  methodNotAllowed,
  serviceUnavailable,
  unknownOperation,
  unknownService,
} from '../resources/errors.ts';
import { createCallRecords } from './call-records.ts';
import { createCallers } from './callers.ts';
import { decodeInput } from './codec.ts';
import type { ApiServices, Handlers, RequestContext } from './context.ts';
import {
  asApiError,
  BODY_LIMIT,
  BODY_MS,
  limitBodyTime,
  publicError,
  rejectConnection,
  sendError,
} from './error-responses.ts';
import { createMetrics } from './health/metrics.ts';
import { isHealthRequest, serveHealth } from './health/routes.ts';
import { takeDelivery } from './hooks.ts';
import { bodyOf, headerOf, NO_BODY, target } from './http-request.ts';
import { answerIngot, nameIngot, openIngot, paramsOf, upgradeRoute } from './ingot/answer.ts';
import { ingotRoutes } from './ingot/register.ts';
import { OPERATIONS, type Operation } from './model.ts';
import { operate } from './operate.ts';
import { handlers as allHandlers } from './operations/register.ts';
import { createLimiter, createUnsignedLimiter } from './rates.ts';
import { isRegistryPath, serveRegistry } from './registry/door.ts';
import { answerService } from './services/answer.ts';
import { SERVICES } from './services/register.ts';
import type { ServiceEntry } from './services/service.ts';
import { claimedService } from './signature.ts';
import { changeSubscription, subscriptionAction } from './subscriptions.ts';
import { asksForWebSocket, hasBody, serveUpgrades } from './upgrade.ts';
import { validateInput } from './validate.ts';

const BYTES = 'application/octet-stream';

/** Replacements for tests. */
export interface ApiOptions {
  /** Milliseconds since 1970, for signatures. */
  readonly now?: () => number;
  readonly handlers?: Handlers;
}

/** Makes the API. It does not listen yet: call `listen`, or `inject`. Closing it ends the streams that are open. */
export function createApi(services: ApiServices, options: ApiOptions = {}): FastifyInstance {
  const now = options.now ?? Date.now;
  const handlers = options.handlers ?? allHandlers;
  const closing = new AbortController();
  const app = fastify({
    genReqId: newUuid,
    bodyLimit: BODY_LIMIT,
    // Layers of container images have no deadline. All other bodies have one, set below.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    loggerInstance: logger() as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 4096, caseSensitive: true },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
    clientErrorHandler: rejectConnection,
    http: {
      headersTimeout: BODY_MS,
      shouldUpgradeCallback: (request) => asksForWebSocket(request) && upgradeRoute(request) !== undefined,
    },
  });
  // The signature covers the body's bytes, so they are kept unchanged, whatever the content type is, or without one.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(BYTES, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const metrics = createMetrics(services);
  serveHealth(app, services, metrics);
  app.addHook('onClose', async () => metrics.stop());
  const calls = createCallRecords(services, now, metrics);
  calls.addHooks(app, BYTES);
  app.addHook('preClose', async () => closing.abort(serviceUnavailable('The server is stopping.')));
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply));

  const limit = createLimiter(services.config.rates);
  const limitUnsigned = createUnsignedLimiter(services.config.rates.unsigned);
  const callers = createCallers(services, now, { limit, limitUnsigned }, calls.of);
  const { anonymous, callerOf, contextFor, countUnsigned } = callers;
  const { answering } = calls;
  app.addHook('onRequest', async (request) => {
    const { raw } = request;
    // The registry counts callers without a valid password itself.
    if (isHealthRequest(request) || isRegistryPath(target(raw).path)) return;
    countUnsigned(raw);
    if (hasBody(raw)) limitBodyTime(raw);
  });
  const contextOf = (request: FastifyRequest): Promise<RequestContext> => contextFor(request.raw, bodyOf(request));
  for (const operation of OPERATIONS.values()) {
    // A label is an ARN with encoded slashes, longer than a router's parameters: the codec reads it from the raw path.
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
  // Services with one path for all operations, which the scope of the signature selects. STS also answers unsigned
  // requests.
  app.route({
    method: ['GET', 'POST'],
    url: '/',
    handler: answering(async (request, reply, call) => {
      const body = bodyOf(request);
      const entry = entryOf(request);
      const { query } = target(request.raw);
      const action = request.method === 'GET' && entry?.name === 'sts' ? subscriptionAction(query) : undefined;
      if (action !== undefined) {
        Object.assign(call, { service: 'sns', name: action, readOnly: false, parameters: undefined });
        const answer = await changeSubscription(action, services, query, request.id);
        return reply.header('content-type', 'text/xml').send(answer);
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
        query,
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
      if (entry === undefined) return sendError(error, request, reply);
      const told = publicError(error, request);
      Object.assign(calls.of(request.raw), { errorCode: entry.protocol.codeOf(told) });
      const { type, status, body } = entry.protocol.refusal(told, request.id);
      void reply.code(status).header('content-type', type).send(body);
    },
  });
  serveRegistry(app, { answering, anonymous, limit, limitUnsigned, told: publicError, bytes: BYTES });
  serveUpgrades(app, closing.signal, async (request, requestId, signal) => {
    const call = calls.begin(request, requestId);
    try {
      const route = upgradeRoute(request)!;
      countUnsigned(request);
      nameIngot(call, route);
      return await openIngot(route, request, await contextFor(request, NO_BODY), signal);
    } catch (error) {
      call.error = error instanceof ApiError ? error : asApiError(error as Error, requestId);
      if (call.error.status >= 500) {
        logger().error({ err: error, requestId, path: target(request).path }, 'an upgrade failed');
      }
      throw call.error;
    } finally {
      calls.record(call);
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
 * The service that a request on `/` is for: the one that its signature is scoped to. Image Builder has its own paths,
 * so STS answers a request that is signed for it.
 */
function entryOf(request: FastifyRequest): ServiceEntry | undefined {
  const name = claimedService(request.raw.url!, request.headers.authorization);
  return SERVICES.get(name === undefined || name === 'imagebuilder' ? 'sts' : name);
}

/** Reports dropped members in the log and in the response, because a newer client may rely on them. */
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

function methodsOf(path: string): string[] {
  const methods = new Set<string>();
  for (const { uri, method } of OPERATIONS.values()) {
    const label = uri.indexOf('{');
    if (label < 0 ? uri === path : path.startsWith(uri.slice(0, label)) && path.length > label) methods.add(method);
  }
  for (const route of ingotRoutes) if (paramsOf(route, path) !== undefined) methods.add(route.method);
  return [...methods].sort();
}
