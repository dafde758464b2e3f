/** Downloads files from web servers, through this host's proxy if it has one. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { askServer, type HttpAnswer } from './http.ts';

/** A transfer failed; the message is for the user. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

/** Options of a download. */
export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Sent to the first server only, not to the targets of redirects. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A larger response is an error. */
  readonly maxBytes: number;
  /** Called with the number of bytes so far, and the total if the server gave it. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void;
  /** Time without data after which the transfer fails, in milliseconds (default: one minute). */
  readonly stallMs?: number;
}

/** A finished download. */
export interface Downloaded {
  /** The final URL, after redirects. */
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly sha512: string;
}

const MAX_REDIRECTS = 5;
const STALL_MS = 60_000;

/**
 * Downloads a file to the disk. If it fails, the caller removes the partial file.
 * @param url http or https; a redirect from https to http is not followed
 * @param path created, mode 0600
 * @throws {DownloadError} if there is no response, the status is not 200, or the file is truncated, too large or
 * stalled
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<Downloaded> {
  const hashes = { sha256: createHash('sha256'), sha512: createHash('sha512') };
  const file = await open(path, 'w', 0o600);
  try {
    const { url: final, bytes } = await receive(url, options, async (chunk) => {
      hashes.sha256.update(chunk);
      hashes.sha512.update(chunk);
      await file.writeFile(chunk);
    });
    await file.sync();
    return { url: final, bytes, sha256: hashes.sha256.digest('hex'), sha512: hashes.sha512.digest('hex') };
  } finally {
    await file.close();
  }
}

/** Downloads a small file into memory. */
export async function downloadSmall(
  url: string,
  options: DownloadOptions,
): Promise<{ readonly url: string; readonly content: Buffer }> {
  const chunks: Buffer[] = [];
  const { url: final } = await receive(url, options, async (chunk) => void chunks.push(chunk));
  return { url: final, content: Buffer.concat(chunks) };
}

async function receive(
  first: string,
  options: DownloadOptions,
  take: (chunk: Buffer) => Promise<void>,
): Promise<{ readonly url: string; readonly bytes: number }> {
  let url = new URL(first);
  for (let redirects = 0; ; redirects++) {
    const secure = url.protocol === 'https:';
    const { answer, close } = await ask(url, redirects === 0 ? options.headers : undefined, options);
    try {
      const status = answer.statusCode!;
      if ([301, 302, 303, 307, 308].includes(status) && answer.headers.location !== undefined) {
        answer.destroy();
        if (redirects === MAX_REDIRECTS)
          throw new DownloadError(`${shown(first)} redirects more than ${MAX_REDIRECTS} times`);
        const next = new URL(answer.headers.location, url);
        if (!['http:', 'https:'].includes(next.protocol) || (secure && next.protocol === 'http:'))
          throw new DownloadError(`${shown(url)} redirects to ${shown(next)}, which is not followed: it is not https`);
        url = next;
        continue;
      }
      if (status !== 200) {
        answer.destroy();
        throw new DownloadError(
          `${shown(url)} answered ${status}${status === 404 ? ' (not found)' : status === 403 ? ' (forbidden)' : ''}`,
        );
      }
      return { url: url.href, bytes: await read(url, answer, options, take) };
    } finally {
      close();
    }
  }
}

async function ask(
  url: URL,
  headers: Readonly<Record<string, string>> | undefined,
  { signal, stallMs = STALL_MS }: DownloadOptions,
): Promise<HttpAnswer> {
  try {
    return await askServer(url, {
      headers: { ...headers, 'accept-encoding': 'identity' },
      signal,
      proxy: 'host',
      stallMs,
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason as Error;
    throw new DownloadError(`${shown(url)} cannot be reached: ${(error as Error).message}`, { cause: error });
  }
}

async function read(
  url: URL,
  answer: IncomingMessage,
  { maxBytes, onProgress, signal, stallMs = STALL_MS }: DownloadOptions,
  take: (chunk: Buffer) => Promise<void>,
): Promise<number> {
  const total = /^\d+$/.test(answer.headers['content-length'] ?? '')
    ? Number(answer.headers['content-length'])
    : undefined;
  if (total !== undefined && total > maxBytes) {
    answer.destroy();
    throw new DownloadError(`${shown(url)} has ${total} bytes; ${maxBytes} at most are allowed`);
  }
  let bytes = 0;
  answer.setTimeout(stallMs, () => answer.destroy(new Error(`nothing came for ${Math.round(stallMs / 1000)} s`)));
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new DownloadError(`${shown(url)} sends more than ${maxBytes} bytes, which is the limit`);
      await take(chunk);
      onProgress?.(bytes, total);
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason as Error;
    if (error instanceof DownloadError || (error as NodeJS.ErrnoException).syscall === 'write') throw error;
    throw new DownloadError(
      `the transfer of ${shown(url)} broke off after ${bytes} of ${total ?? 'an unknown number of'} bytes: ` +
        `${(error as Error).message}. Try again`,
      { cause: error },
    );
  }
  if (total !== undefined && bytes !== total)
    throw new DownloadError(`the transfer of ${shown(url)} broke off after ${bytes} of ${total} bytes. Try again`);
  return bytes;
}

/** A URL without possible secrets: user, password and query. */
export function shown(address: string | URL): string {
  if (!URL.canParse(String(address))) return String(address);
  const url = new URL(address);
  return `${url.protocol}//${url.host}${url.pathname}`;
}
