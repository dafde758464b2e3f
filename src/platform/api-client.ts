/** Clients of an Ingot server: the AWS SDK for Image Builder's operations, signed requests for Ingot's own routes. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { SignatureV4 } from '@smithy/signature-v4';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { askServer } from './http.ts';

/** The address of a server, and credentials for it. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** An error response from one of Ingot's own routes. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Maximum bytes of a line, and of a whole response. */
const ANSWER_LIMIT = 256 << 20;
/** Maximum bytes of an error response. */
const REFUSAL_LIMIT = 1 << 20;
/** Maximum bytes of a WebSocket message. The server sends output of commands in pieces of about 64 KiB. */
const MESSAGE_LIMIT = 16 << 20;

/** The error for a response that does not come from an Ingot server. */
function notAnIngotAnswer(detail: string): RequestRefused {
  return new RequestRefused(
    'InvalidAnswer',
    200,
    `the server's answer is not valid: ${detail}; expected an Ingot server of this version. Check the address and ` +
      'the port',
  );
}

/** The URL of a server, as for the AWS CLI's endpoint variables. */
export function endpointOf({ host, port }: Pick<Connection, 'host' | 'port'>): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** The SDK's client for a server. */
export function imagebuilderClient(connection: Connection): ImagebuilderClient {
  return new ImagebuilderClient({
    endpoint: endpointOf(connection),
    region: connection.region,
    credentials: connection.credentials,
  });
}

/**
 * Sends a signed request to one of Ingot's own routes.
 * @param path begins with `/ingot/`; the caller percent-encodes its parts
 * @returns the response, before its body is read
 * @throws {RequestRefused} for an unsuccessful response
 * @throws the system's error if the connection fails
 */
export async function signedRequest(
  connection: Connection,
  request: {
    readonly method: string;
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    /** A JSON object, or bytes. */
    readonly body?: object | Uint8Array;
    readonly signal?: AbortSignal;
  },
): Promise<IncomingMessage> {
  const body =
    request.body === undefined || request.body instanceof Uint8Array ? request.body : JSON.stringify(request.body);
  const { path, headers } = await sign(connection, request, body);
  const { answer, close } = await askServer(endpointOf(connection), {
    path,
    method: request.method,
    headers,
    body,
    signal: request.signal,
    proxy: 'none',
  });
  answer.once('close', close);
  if (answer.statusCode! >= 200 && answer.statusCode! < 300) return answer;
  throw await refusal(answer);
}

async function sign(
  connection: Connection,
  request: { readonly method: string; readonly path: string; readonly query?: Readonly<Record<string, string>> },
  body?: string | Uint8Array,
): Promise<{ readonly path: string; readonly headers: Readonly<Record<string, string>> }> {
  const url = new URL(endpointOf(connection));
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  // The Host header must be the signed one, so it is set here.
  const signer = new SignatureV4({
    service: 'imagebuilder',
    region: connection.region,
    credentials: connection.credentials,
    sha256: Sha256,
    uriEscapePath: true,
  });
  const { headers } = await signer.sign({
    method: request.method,
    protocol: 'http:',
    hostname,
    port: connection.port,
    path: request.path,
    query: { ...request.query },
    headers: {
      host: url.host,
      ...(body === undefined
        ? {}
        : {
            'content-type': typeof body === 'string' ? 'application/json' : 'application/octet-stream',
            'content-length': String(Buffer.byteLength(body)),
            // The signer uses this header; its own hash is written in JavaScript and slow for a megabyte.
            'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
          }),
    },
    body,
  });
  const query = new URLSearchParams(request.query).toString();
  return { path: query === '' ? request.path : `${request.path}?${query}`, headers };
}

/**
 * Opens a WebSocket on one of Ingot's own routes. It is paused, so that nothing arrives before the caller resumes it.
 * @throws {RequestRefused} for a response other than the upgrade
 * @throws the system's error if the connection fails
 */
export async function signedSocket(
  connection: Connection,
  request: { readonly path: string; readonly query?: Readonly<Record<string, string>> },
): Promise<WebSocket> {
  const { path, headers } = await sign(connection, { method: 'GET', ...request });
  const socket = new WebSocket(`${endpointOf(connection).replace(/^http/, 'ws')}${path}`, {
    headers,
    perMessageDeflate: false,
    maxPayload: MESSAGE_LIMIT,
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.pause();
      resolve(socket);
    });
    // This listener stays after the connection opens: an 'error' event without a listener ends the process, and the
    // caller adds its own listener later.
    socket.on('error', reject);
    socket.once('unexpected-response', (_request, answer) => {
      const told =
        answer.statusCode! < 300
          ? Promise.reject(notAnIngotAnswer(`no WebSocket but the status ${answer.statusCode}`))
          : refusal(answer);
      void told.then(reject, reject).finally(() => answer.destroy());
    });
  });
}

async function refusal(answer: IncomingMessage): Promise<RequestRefused> {
  const code = String(answer.headers['x-amzn-errortype'] ?? 'UnknownError').split(':')[0]!;
  let message: unknown;
  try {
    message = (JSON.parse(await readText(answer, REFUSAL_LIMIT)) as { readonly message?: unknown } | null)?.message;
  } catch {
    message = undefined;
  }
  return new RequestRefused(
    code,
    answer.statusCode!,
    typeof message === 'string' ? message : `the server answered ${answer.statusCode}`,
  );
}

async function readText(answer: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer);
    if ((length += (chunk as Buffer).length) > limit) throw notAnIngotAnswer(`it has more than ${limit} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson<T>(text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notAnIngotAnswer((error as Error).message);
  }
  if (typeof value !== 'object' || value === null) throw notAnIngotAnswer('it is not a JSON object');
  return value as T;
}

/**
 * Sends a signed request and parses its response as JSON. Throws as `signedRequest` does, and if the response is not a
 * JSON object.
 */
export async function signedJson<T>(connection: Connection, request: Parameters<typeof signedRequest>[1]): Promise<T> {
  return parseJson<T>(await readText(await signedRequest(connection, request), ANSWER_LIMIT));
}

/**
 * The records of a streamed response, one JSON object per line. A truncated last line is an error, and so is a broken
 * connection.
 * @throws {RequestRefused} for a line that is not a JSON object
 */
export async function* recordsOf<T>(answer: IncomingMessage): AsyncGenerator<T> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer) {
    const lines = (chunk as string).split('\n');
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    if (rest.length > ANSWER_LIMIT) throw notAnIngotAnswer(`a line has more than ${ANSWER_LIMIT} bytes`);
    for (const line of lines) if (line.trim() !== '') yield parseJson<T>(line);
  }
  if (rest.trim() !== '') throw new Error('the answer ended in the middle of a line');
}
