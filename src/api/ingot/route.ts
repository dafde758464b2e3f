/** The routes under `/ingot/`. Like the operations they are signed; unlike them they have a schema of their own. */
import type { Readable } from 'node:stream';
import type { Session } from '../../launches/types.ts';
import type { RequestContext } from '../context.ts';

/** A request to one of Ingot's own routes. */
interface IngotRequest {
  /** Path as it came, still percent-encoded. */
  readonly path: string;
  /** Query as it came, without its question mark. */
  readonly query: string;
  /** The path's parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Aborts when the client goes, or the server stops. */
  readonly signal: AbortSignal;
}

/** An answer at once, one that flows, or a session that the connection becomes: see `session.ts`. */
export type IngotAnswer =
  | { readonly json: object }
  | { readonly stream: Readable; readonly type: string }
  | { readonly session: () => Promise<Session> };

/** One route. */
export interface IngotRoute {
  /** Its name in policies: `ingot:LaunchInstance`. */
  readonly action: `ingot:${string}`;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/ingot/instances/:id`: a parameter is one segment. */
  readonly path: string;
  /** Whether it reads a body: a JSON object, or bytes. Other routes reject a body. */
  readonly body?: true | 'bytes';
  /** Answers with a session, so the request has to ask for an upgrade to a WebSocket. */
  readonly upgrade?: true;
  /** ARN of what its action is about, for policies; `resources.ts` has the forms. */
  resource(params: Readonly<Record<string, string>>, context: RequestContext): string;
  /** @throws {ApiError} before an answer has begun to flow */
  handle(request: IngotRequest, context: RequestContext): Promise<IngotAnswer>;
}
