/** One POST to a receiver, and what its answer means. Redirects are not followed. */
import { postText } from '../platform/http.ts';
import { DeliveryError } from './receiver.ts';

/** Bytes of an answer that are read: its beginning goes into the record of a failure. */
const ANSWER_LIMIT = 4096;
/** Characters of an answer that a message shows. */
const SHOWN = 200;
/** Answers about this event, which the next attempt would meet too. All others are tried again: a server or a key that is wrong can be put right. */
const PERMANENT = [400, 413, 415, 422];

/**
 * Posts a body. Returns `200 OK` or the like.
 * @throws {DeliveryError} for any other answer than 2xx
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  const { status, text, retryAfter } = await postText(url, { headers, body, signal, limit: ANSWER_LIMIT });
  if (status >= 200 && status < 300) return `answered ${status}`;
  const said = plain(text);
  const message = `answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 410) throw new DeliveryError(message, 'gone');
  if (status >= 300 && status < 400)
    throw new DeliveryError(`answered ${status}, a redirect, which Ingot does not follow`, 'passing');
  throw new DeliveryError(message, PERMANENT.includes(status) ? 'permanent' : 'passing', secondsOf(retryAfter));
}

function plain(text: string): string {
  return text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, SHOWN);
}

function secondsOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
}
