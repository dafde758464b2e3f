/** Signed requests byte by byte: what no client sends. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { request as httpRequest } from 'node:http';
import type { Connection } from '../../src/platform/api-client.ts';

/** An answer, read. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What is sent. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Names and values in turn, sent after those that are signed. */
  readonly after?: readonly string[];
}

/** Sends a request, with a body whatever the method. */
export async function sendRaw(
  connection: Connection,
  { method, path, query = {}, body, after = [] }: RawRequest,
): Promise<RawAnswer> {
  const signer = new SignatureV4({
    service: 'imagebuilder',
    region: connection.region,
    credentials: connection.credentials,
    sha256: Sha256,
  });
  const host = `${connection.host}:${connection.port}`;
  const length: Record<string, string> =
    body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  // The server reads no body of a GET, so that a hash of it would not fit.
  if (method === 'GET' && body !== undefined) length['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
  const { headers } = await signer.sign({
    method,
    protocol: 'http:',
    hostname: host,
    path,
    query: { ...query },
    headers: { host, ...length },
    ...(body === undefined ? {} : { body }),
  });
  const search = new URLSearchParams(query).toString();
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      host: connection.host,
      port: connection.port,
      agent: false,
      method,
      path: search === '' ? path : `${path}?${search}`,
      headers: [...Object.entries(headers).flat(), ...after],
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let text = '';
      answer
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }));
    });
    sent.end(body);
  });
}
