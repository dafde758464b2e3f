/** The one gateway to web servers. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline, Readable } from 'node:stream';

/** A request to a server. */
export interface HttpQuestion {
  readonly method?: string;
  /** Path and query exactly as sent, in place of the address's: for signed requests. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable | undefined;
  /** The Unix socket that the server listens on: the address then gives path and query only. */
  readonly socketPath?: string;
  readonly signal?: AbortSignal | undefined;
  /** `host`: the proxy of this process's environment. `none`: no proxy. Otherwise the proxy's URL. */
  readonly proxy: 'host' | 'none' | { readonly address: string };
  /** Time of silence after which the request fails, in milliseconds. */
  readonly stallMs?: number;
}

/** A response, before its body is read. */
export interface HttpAnswer {
  readonly answer: IncomingMessage;
  /** Closes the connection. Call it when the response has been read, or is not needed. */
  close(): void;
}

/**
 * Sends a request over a separate connection. Redirects are returned, not followed.
 * @param url http or https
 * @throws the system's error if there is no response; the signal's reason if it is aborted
 */
export async function askServer(url: URL | string, question: HttpQuestion): Promise<HttpAnswer> {
  const { method = 'GET', path, headers = {}, body, socketPath, signal, proxy, stallMs } = question;
  const secure = new URL(url).protocol === 'https:';
  const settings =
    proxy === 'none'
      ? {}
      : { proxyEnv: proxy === 'host' ? process.env : { http_proxy: proxy.address, https_proxy: proxy.address } };
  // A server that is not told to close reads the rest of a body that it refuses, so that its answer arrives.
  const keepAlive = body instanceof Readable;
  const agent = secure ? new HttpsAgent({ ...settings, keepAlive }) : new HttpAgent({ ...settings, keepAlive });
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)(url, {
        method,
        headers,
        agent,
        signal,
        timeout: stallMs,
        ...(path === undefined ? {} : { path }),
        ...(socketPath === undefined ? {} : { socketPath }),
      });
      sent.once('response', resolve);
      if (stallMs !== undefined)
        sent.once('timeout', () => sent.destroy(new Error(`no answer within ${Math.round(stallMs / 1000)} s`)));
      // This listener stays: invalid HTTP in the middle of a response is reported here as well as by the end of the
      // response.
      sent.on('error', (error) => reject(signal?.aborted ? (signal.reason as Error) : error));
      if (body instanceof Readable) pipeline(body, sent, (error) => error == null || reject(error));
      else sent.end(body);
    });
    return { answer, close: () => agent.destroy() };
  } catch (error) {
    agent.destroy();
    throw error;
  }
}

/** The response to a HEAD request. */
export interface HeadAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Sends a HEAD request. Redirects are returned, not followed.
 * @param url http or https
 * @param options.proxy URL of a proxy (default: none)
 * @throws the system's error if there is no response; the signal's reason if it is aborted
 */
export async function headOf(
  url: string,
  options: { readonly signal: AbortSignal; readonly proxy?: string },
): Promise<HeadAnswer> {
  const { answer, close } = await askServer(url, {
    method: 'HEAD',
    signal: options.signal,
    proxy: options.proxy === undefined ? 'none' : { address: options.proxy },
  });
  try {
    answer.resume();
    return { status: answer.statusCode!, headers: answer.headers };
  } finally {
    close();
  }
}

const LONGEST_JSON = 1 << 20;

/**
 * Fetches a JSON document (GET), through the environment's proxy if it has one. Redirects are not followed.
 * @throws {Error} if the status is not 200, or the response is larger than a mebibyte or not JSON; the system's error
 * if there is no response
 */
export async function getJson(url: string, options: { readonly signal: AbortSignal }): Promise<unknown> {
  const { answer, close } = await askServer(url, {
    headers: { accept: 'application/json' },
    signal: options.signal,
    proxy: 'host',
  }).catch((error: unknown) => {
    throw options.signal.aborted ? new Error(`${url} did not answer in time`) : error;
  });
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_JSON) throw new Error(`${url} returned more than ${LONGEST_JSON} bytes`);
      chunks.push(chunk);
    }
    if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
    } catch {
      throw new Error(`${url} did not return JSON`);
    }
  } finally {
    close();
  }
}

/** The response to a POST. */
export interface PostAnswer {
  readonly status: number;
  /** The beginning of the body. */
  readonly text: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | undefined;
}

/**
 * Posts a text, through the environment's proxy if it has one. Redirects are returned, not followed.
 * @param options.limit bytes of the response that are read
 * @throws the system's error if there is no response; the signal's reason if it is aborted
 */
export async function postText(
  url: string,
  options: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly signal: AbortSignal;
    readonly limit: number;
  },
): Promise<PostAnswer> {
  const { body, signal, limit } = options;
  const { answer, close } = await askServer(url, {
    method: 'POST',
    headers: { ...options.headers, 'content-length': String(Buffer.byteLength(body)) },
    body,
    signal,
    proxy: 'host',
  });
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if ((length += chunk.length) >= limit) break;
    }
    const text = Buffer.concat(chunks).subarray(0, limit).toString('utf8');
    return { status: answer.statusCode!, text, retryAfter: answer.headers['retry-after'] };
  } catch (error) {
    throw signal.aborted ? (signal.reason as Error) : error;
  } finally {
    close();
  }
}
