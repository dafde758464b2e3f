/** The routes under `/ingot/`. Like operations they need a signature; unlike operations they have their own schema. */
import type { Readable } from 'node:stream';
import type { Session } from '../../launches/types.ts';
import type { RequestContext } from '../context.ts';

/** A request to one of Ingot's own routes. */
interface IngotRequest {
  /** The path as received, still percent-encoded. */
  readonly path: string;
  /** The query as received, without its question mark. */
  readonly query: string;
  /** Decoded parameters of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Aborted when the client disconnects or the server stops. */
  readonly signal: AbortSignal;
}

/** A JSON answer, a stream, or a session for a WebSocket: see `session.ts`. */
export type IngotAnswer =
  | { readonly json: object }
  | { readonly stream: Readable; readonly type: string }
  | { readonly session: () => Promise<Session> };

/** One route. */
export interface IngotRoute {
  /** Its name in policies: `ingot:LaunchInstance`. */
  readonly action: `ingot:${string}`;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/ingot/instances/:id`, in which a parameter is one segment. */
  readonly path: string;
  /** Whether it reads a body: a JSON object, or bytes. Other routes reject a body. */
  readonly body?: true | 'bytes';
  /** Answers with a session, so the request must ask for an upgrade to a WebSocket. */
  readonly upgrade?: true;
  /** ARN of the resource for policies; `resources.ts` has the forms. */
  resource(params: Readonly<Record<string, string>>, context: RequestContext): string;
  /** @throws {ApiError} before the stream has begun */
  handle(request: IngotRequest, context: RequestContext): Promise<IngotAnswer>;
}
