/** A POST to a receiver and the meaning of its answer. Redirects are not followed. */
import { postText } from '../platform/http.ts';
import { DeliveryError } from './receiver.ts';

/** Bytes of an answer that are read. Its beginning is recorded with a failure. */
const ANSWER_LIMIT = 4096;
/** Characters of an answer in a message. */
const SHOWN = 200;
/**
 * Statuses that reject this event, so that a retry would fail too. All other failures are retried, because a server or
 * a key can be fixed.
 */
const PERMANENT = [400, 413, 415, 422];

/**
 * Posts a body. Returns `200 OK` or the like.
 * @throws {DeliveryError} for any status other than 2xx
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

/** Headers of a message for people. Its text has no id, so that a gateway can drop a duplicate by this one. */
export function chatHeaders(eventId: string): Readonly<Record<string, string>> {
  return { 'content-type': 'application/json', 'idempotency-key': eventId };
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
