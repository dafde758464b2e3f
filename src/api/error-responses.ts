/** Responses to errors: of a request, and on a connection that is not valid HTTP. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { maxHeaderSize, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { fullAt, isDiskFull, MAKE_ROOM } from '../platform/disk-full.ts';
import { newUuid } from '../platform/ids.ts';
import {
  ApiError,
  internalFailure,
  requestTooLarge,
  serializationError,
  serviceUnavailable,
} from '../resources/errors.ts';
import { target } from './http-request.ts';

/**
 * Largest body in bytes. The largest request of the model (a distribution configuration with full lists) is far
 * smaller.
 */
export const BODY_LIMIT = 1 << 20;

/** How long headers may take, and bodies, in milliseconds. */
export const BODY_MS = 60_000;

const SQLITE_BUSY = 5;

/**
 * Sends an error: an ApiError as it is, a client's fault that Fastify found with the matching code, and any other error
 * with only the request id.
 */
export function sendError(
  error: Error & { readonly statusCode?: number; readonly code?: string },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const told = publicError(error, request);
  if (told.status === 429) reply.header('retry-after', '1');
  void reply
    .code(told.status)
    .header('x-amzn-RequestId', request.id)
    .header('x-amzn-ErrorType', told.code)
    .header('content-type', 'application/json')
    .send(JSON.stringify({ __type: told.code, message: told.message }));
}

/**
 * Answers a request that is not HTTP, or too slow, and closes the connection, because the start of the next request is
 * unknown.
 */
export function rejectConnection(
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
      // The parser failed before it knew the method; a response to HEAD has no body.
      Buffer.isBuffer(error.rawPacket) && error.rawPacket.toString('latin1', 0, 5) === 'HEAD ' ? '' : body,
    ].join('\r\n'),
  );
}

/** Ends a request whose body does not arrive in time. */
export function limitBodyTime(request: IncomingMessage): void {
  const late = setTimeout(() => {
    const error = Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    if (!request.complete) rejectConnection(error, request.socket);
  }, BODY_MS).unref();
  const arrived = (): void => clearTimeout(late);
  request.once('end', arrived).once('close', arrived);
}

/** The error that a client gets. The details are logged. */
export function publicError(
  error: Error & { readonly statusCode?: number; readonly code?: string },
  request: FastifyRequest,
): ApiError {
  const told = error instanceof ApiError ? error : asApiError(error, request.id);
  if (told.status >= 500)
    request.log.error(
      { err: error, requestId: request.id, method: request.method, path: target(request.raw).path },
      'a request failed',
    );
  else request.log.debug({ requestId: request.id, code: told.code }, told.message);
  return told;
}

/** Any error as an `ApiError`. */
export function asApiError(
  error: Error & { readonly statusCode?: number; readonly code?: string },
  requestId: string,
): ApiError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return requestTooLarge(BODY_LIMIT);
  // Another process has been writing for longer than a request waits. Clients retry by themselves.
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
