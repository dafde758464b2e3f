/** Questions to web servers, through this host's proxy where it has one. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** What a server said about an address. */
export interface HeadAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Asks for the headers of an address (HEAD). Redirects are answers.
 * @param url http or https
 * @param options.proxy address of a proxy; none when absent
 * @throws the system's error when there is no answer; the signal's reason when it is aborted
 */
export async function headOf(
  url: string,
  options: { readonly signal: AbortSignal; readonly proxy?: string },
): Promise<HeadAnswer> {
  const secure = new URL(url).protocol === 'https:';
  const settings =
    options.proxy === undefined ? {} : { proxyEnv: { http_proxy: options.proxy, https_proxy: options.proxy } };
  const agent = secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)(url, { method: 'HEAD', agent, signal: options.signal });
      sent.once('response', resolve);
      sent.once('error', (error) => reject(options.signal.aborted ? (options.signal.reason as Error) : error));
      sent.end();
    });
    answer.resume();
    return { status: answer.statusCode!, headers: answer.headers };
  } finally {
    agent.destroy();
  }
}

const LONGEST_JSON = 1 << 20;

/**
 * Asks for a JSON document (GET), through the proxy of the environment where there is one. Redirects are not followed.
 * @throws {Error} for another answer than 200, more than a mebibyte, or what is no JSON; the system's error when there
 *   is no answer
 */
export async function getJson(url: string, options: { readonly signal: AbortSignal }): Promise<unknown> {
  const secure = new URL(url).protocol === 'https:';
  const agent = secure ? new HttpsAgent({ proxyEnv: process.env }) : new HttpAgent({ proxyEnv: process.env });
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)(url, {
        agent,
        signal: options.signal,
        headers: { accept: 'application/json' },
      });
      sent.once('response', resolve);
      sent.once('error', (error) =>
        reject(options.signal.aborted ? new Error(`${url} did not answer in time`) : error),
      );
      sent.end();
    });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_JSON) throw new Error(`${url} answers more than ${LONGEST_JSON} bytes`);
      chunks.push(chunk);
    }
    if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
    } catch {
      throw new Error(`${url} answers no JSON`);
    }
  } finally {
    agent.destroy();
  }
}
