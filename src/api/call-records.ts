/** Records calls: started when a request arrives, written to the audit log and the metrics at its end. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../resources/errors.ts';
import { auditEvent, type Call } from './audit.ts';
import type { ApiServices } from './context.ts';
import { asApiError } from './error-responses.ts';
import type { Metrics } from './health/metrics.ts';
import { isHealthRequest } from './health/routes.ts';
import { target } from './http-request.ts';
import { sourceAddresses } from './source-address.ts';

/** The calls of a server. */
export interface CallRecords {
  begin(request: IncomingMessage, requestId: string): Call;
  /** The call of a request that has begun. */
  of(request: IncomingMessage): Call;
  /** Writes a call to the audit log and counts it, once. */
  record(call: Call): void;
  /**
   * Makes the handler of a route. Its call is recorded when the handler has ended and the response was sent, or the
   * client has disconnected.
   */
  answering<T>(
    answer: (request: FastifyRequest, reply: FastifyReply, call: Call) => Promise<T>,
  ): (request: FastifyRequest, reply: FastifyReply) => Promise<T>;
  /** Adds the hooks that start and record calls. @param contentType is set for every request */
  addHooks(app: FastifyInstance, contentType: string): void;
}

/** Makes `CallRecords`. */
export function createCallRecords(services: ApiServices, now: () => number, metrics: Metrics): CallRecords {
  const calls = new WeakMap<IncomingMessage, Call>();
  const addressOf = sourceAddresses(services.config.access.proxies);
  /**
   * Calls whose handler is running, and calls whose connection was closed. A call is recorded once, when both are over.
   */
  const running = new Set<Call>();
  const gone = new WeakSet<Call>();
  const recorded = new WeakSet<Call>();
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
  const record = (call: Call): void => {
    if (recorded.has(call)) return;
    recorded.add(call);
    services.audit.write(auditEvent(call));
    metrics.countCall(call.named === false ? 'UnknownOperation' : call.name, call.error?.code ?? 'ok');
  };
  return {
    begin,
    record,
    of: (request) => calls.get(request)!,
    answering: (answer) => async (request, reply) => {
      const call = calls.get(request.raw)!;
      running.add(call);
      try {
        return await answer(request, reply, call);
      } catch (error) {
        call.error ??= error instanceof ApiError ? error : asApiError(error as Error, request.id);
        throw error;
      } finally {
        running.delete(call);
        if (gone.has(call)) record(call);
      }
    },
    addHooks(app, contentType) {
      app.addHook('onRequest', async (request, reply) => {
        if (isHealthRequest(request)) return;
        const call = begin(request.raw, request.id);
        // A client may disconnect before the response; what was done for it stays done.
        reply.raw.once('close', () => {
          gone.add(call);
          if (!running.has(call)) record(call);
        });
        reply.header('x-amzn-RequestId', request.id);
        request.raw.headers['content-type'] = contentType;
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
      app.addHook('onError', async (request, _reply, error) => {
        const call = calls.get(request.raw);
        if (call !== undefined) call.error = error instanceof ApiError ? error : asApiError(error, request.id);
      });
    },
  };
}
