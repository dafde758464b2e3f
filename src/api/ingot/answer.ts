/** Finds and answers Ingot's own routes. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { internalFailure, invalidRequest, serializationError } from '../../resources/errors.ts';
import { authorize } from '../access/authorize.ts';
import type { Call } from '../audit.ts';
import { canonicalName, doorOf } from '../canonical.ts';
import { decodeJsonObject } from '../codec.ts';
import type { RequestContext } from '../context.ts';
import { bodyOf, NO_BODY, parametersOf, target } from '../http-request.ts';
import { ingotRoutes } from './register.ts';
import type { IngotAnswer, IngotRoute } from './route.ts';

/** The route for a request that asks for a WebSocket. */
export function upgradeRoute(request: IncomingMessage): IngotRoute | undefined {
  return ingotRoutes.find(
    (each) => each.upgrade && each.method === request.method && paramsOf(each, target(request).path) !== undefined,
  );
}

/** The parameters of a path, if it is this route's, otherwise `undefined`. */
export function paramsOf(route: IngotRoute, path: string): Readonly<Record<string, string>> | undefined {
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

/** Answers a request to a route. @param closing aborted when the server stops */
export async function answerIngot(
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

/** Begins the session of a request that becomes a WebSocket. */
export async function openIngot(
  route: IngotRoute,
  request: IncomingMessage,
  context: RequestContext,
  signal: AbortSignal,
): Promise<IngotAnswer> {
  const { path, query } = target(request);
  const given = paramsOf(route, path)!;
  context.call.parameters = { ...given, ...parametersOf(query) };
  const params = canonicalParams(given, context);
  await authorize(context, [{ action: route.action, resource: route.resource(params, context) }]);
  return await route.handle({ path, query, params, body: NO_BODY, signal }, context);
}

/** Parameters of a path, with a canonical ARN. */
function canonicalParams(
  params: Readonly<Record<string, string>>,
  context: RequestContext,
): Readonly<Record<string, string>> {
  return params['arn'] === undefined ? params : { ...params, arn: canonicalName(params['arn'], doorOf(context)) };
}

/** Sets the name of the call for the audit log. */
export function nameIngot(call: Call, route: IngotRoute): void {
  Object.assign(call, {
    service: 'ingot',
    name: route.action.slice('ingot:'.length),
    readOnly: route.method === 'GET' && route.upgrade !== true,
    parameters: undefined,
  });
}
