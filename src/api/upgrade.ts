/** Routes that become a WebSocket. Until the upgrade, a request is authenticated and answered like any other. */
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { logger } from '../platform/log.ts';
import { newUuid } from '../platform/ids.ts';
import { ApiError, internalFailure, invalidRequest } from '../resources/errors.ts';
import { serveSession } from './ingot/session.ts';
import type { IngotAnswer } from './ingot/route.ts';

/** Largest message in bytes; clients send in pieces. */
const MESSAGE_LIMIT = 1 << 20;

/**
 * Whether a request asks for a WebSocket that can be granted. RFC 9110 (7.8) lets a server ignore every other
 * `Upgrade`, such as `h2c`, or a WebSocket on another route: such a request is answered as plain HTTP.
 */
export function asksForWebSocket(request: IncomingMessage): boolean {
  const { method, httpVersion, headers } = request;
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    !hasBody(request) &&
    headers.upgrade?.trim().toLowerCase() === 'websocket'
  );
}

/** Whether a request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/**
 * Serves upgrades.
 * @param answer identifies the caller and begins the session; an error that it throws is the response
 */
export function serveUpgrades(
  app: FastifyInstance,
  closing: AbortSignal,
  answer: (request: IncomingMessage, requestId: string, signal: AbortSignal) => Promise<IngotAnswer>,
): void {
  const server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_LIMIT, perMessageDeflate: false });
  server.on('wsClientError', (error, socket) =>
    refuse(socket, newUuid(), invalidRequest(`The WebSocket handshake is not valid: ${error.message}.`)),
  );
  app.server.on('upgrade', (request, socket, head) => {
    const requestId = newUuid();
    const gone = new AbortController();
    socket.once('close', () => gone.abort(new Error('the client is gone')));
    socket.on('error', () => {});
    answer(request, requestId, AbortSignal.any([gone.signal, closing]))
      .then((found) => {
        if (!('session' in found)) return refuse(socket, requestId, internalFailure(requestId));
        server.handleUpgrade(request, socket, head, (accepted) => void serveSession(accepted, found.session, closing));
      })
      .catch((error: unknown) => {
        if (!(error instanceof ApiError)) logger().error({ err: error, requestId }, 'an upgrade failed');
        refuse(socket, requestId, error instanceof ApiError ? error : internalFailure(requestId));
      });
  });
}

function refuse(socket: Duplex, requestId: string, error: ApiError): void {
  const body = JSON.stringify({ __type: error.code, message: error.message });
  socket.end(
    [
      `HTTP/1.1 ${error.status} ${error.code}`,
      `x-amzn-RequestId: ${requestId}`,
      `x-amzn-ErrorType: ${error.code}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
