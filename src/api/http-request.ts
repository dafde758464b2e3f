/** Reads the parts of an HTTP request. */
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { decodeQuery } from './codec.ts';

/** The body of a request that has none. */
export const NO_BODY = Buffer.alloc(0);

/** Path and query of a request, as received. */
export function target(request: IncomingMessage): { readonly path: string; readonly query: string } {
  const url = request.url!;
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

/** A header that occurs at most once. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** The body as bytes; empty without one. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : NO_BODY;
}

/** The parameters in a query, for the audit log. */
export function parametersOf(query: string): Readonly<Record<string, string>> {
  return Object.fromEntries(decodeQuery(query).filter(([name]) => !/^x-amz-/i.test(name)));
}
