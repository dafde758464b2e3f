/** Clients of an Ingot server: the AWS SDK's for Image Builder's operations, signed requests for Ingot's own. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { SignatureV4 } from '@smithy/signature-v4';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

/** Where a server is and who speaks to it. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** An answer other than success of one of Ingot's own routes. */
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

/** The URL of a server, as the AWS CLI's endpoint variables take it. */
export function endpointOf({ host, port }: Pick<Connection, 'host' | 'port'>): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** The SDK's client for a server. */
export function imagebuilderClient(connection: Connection): ImagebuilderClient {
  return new ImagebuilderClient({ endpoint: endpointOf(connection), region: connection.region, credentials: connection.credentials });
}

/**
 * Sends a signed request to one of Ingot's own routes.
 * @param path begins with `/ingot/`; parts of it are percent-encoded by the caller
 * @returns the answer, its body not read yet
 * @throws {RequestRefused} for an answer other than success
 * @throws the system's error when there is no connection
 */
export async function signedRequest(
  connection: Connection,
  request: { readonly method: string; readonly path: string; readonly query?: Readonly<Record<string, string>>; readonly body?: object; readonly signal?: AbortSignal },
): Promise<IncomingMessage> {
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const { hostname, path, headers } = await sign(connection, request, body);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = httpRequest({
      host: hostname,
      port: connection.port,
      method: request.method,
      path,
      headers,
      agent: false,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    sent.once('response', resolve);
    sent.once('error', reject);
    sent.end(body);
  });
  if (answer.statusCode! >= 200 && answer.statusCode! < 300) return answer;
  throw await refusal(answer);
}

async function sign(
  connection: Connection, request: { readonly method: string; readonly path: string; readonly query?: Readonly<Record<string, string>> }, body?: string,
): Promise<{ readonly hostname: string; readonly path: string; readonly headers: Readonly<Record<string, string>> }> {
  const url = new URL(endpointOf(connection));
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  // The host header has to be what is signed, so it is set by hand.
  const signer = new SignatureV4({ service: 'imagebuilder', region: connection.region, credentials: connection.credentials, sha256: Sha256, uriEscapePath: true });
  const { headers } = await signer.sign({
    method: request.method,
    protocol: 'http:',
    hostname,
    port: connection.port,
    path: request.path,
    query: { ...request.query },
    headers: { host: url.host, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }) },
    ...(body === undefined ? {} : { body }),
  });
  const query = new URLSearchParams(request.query).toString();
  return { hostname, path: query === '' ? request.path : `${request.path}?${query}`, headers };
}

/**
 * Opens a WebSocket on one of Ingot's own routes that take an upgrade. It is paused: nothing comes before the caller resumes it.
 * @throws {RequestRefused} for an answer other than the upgrade
 * @throws the system's error when there is no connection
 */
export async function signedSocket(connection: Connection, request: { readonly path: string; readonly query?: Readonly<Record<string, string>> }): Promise<WebSocket> {
  const { path, headers } = await sign(connection, { method: 'GET', ...request });
  const socket = new WebSocket(`${endpointOf(connection).replace(/^http/, 'ws')}${path}`, { headers, perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.off('error', reject);
      socket.pause();
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, answer) => void refusal(answer).then(reject, reject));
  });
}

async function refusal(answer: IncomingMessage): Promise<RequestRefused> {
  const text = await readText(answer);
  let message: string | undefined;
  try {
    message = (JSON.parse(text) as { message?: string }).message;
  } catch {
    message = undefined;
  }
  const code = String(answer.headers['x-amzn-errortype'] ?? 'UnknownError').split(':')[0]!;
  return new RequestRefused(code, answer.statusCode!, message ?? `the server answered ${answer.statusCode}`);
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Sends a signed request and reads its answer as JSON. Throws as `signedRequest` does. */
export async function signedJson<T>(connection: Connection, request: Parameters<typeof signedRequest>[1]): Promise<T> {
  return JSON.parse(await readText(await signedRequest(connection, request))) as T;
}

/** The lines of an answer that flows; a line that the connection's end cut short is an error, as is a broken connection. */
export async function* linesOf(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer) {
    rest += chunk as string;
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') yield line.trim();
  }
  if (rest.trim() !== '') throw new Error('the answer ended in the middle of a line');
}
