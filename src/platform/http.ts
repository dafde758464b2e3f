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
export async function headOf(url: string, options: { readonly signal: AbortSignal; readonly proxy?: string }): Promise<HeadAnswer> {
  const secure = new URL(url).protocol === 'https:';
  const settings = options.proxy === undefined ? {} : { proxyEnv: { http_proxy: options.proxy, https_proxy: options.proxy } };
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
