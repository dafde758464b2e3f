/** Uploads files to the server in parts, continuing where an earlier run stopped. */
import { RequestRefused, signedJson, type Connection } from '../../platform/api-client.ts';
import { sleep } from '../../platform/clock.ts';
import type { Received } from '../../storage/kept-files.ts';
import { CommandFailed } from '../command.ts';
import type { LocalFile } from './find.ts';

/** Bytes per request: the server's limit. */
const PART = 1 << 20;
/** Maximum attempts of one request, with 1, 2, 4 and 8 seconds between. */
const TRIES = 5;
/** How often the server may have lost what it received. */
const ROUNDS = 3;

/**
 * Uploads a file, unless the server has it.
 * @returns whether anything was sent
 * @throws {CommandFailed} if the file changes meanwhile
 * @throws {RequestRefused} if the server rejects it
 */
export async function sendFile(connection: Connection, file: LocalFile, signal: AbortSignal): Promise<boolean> {
  let { received, complete } = await sendPart(connection, file, 0, Buffer.alloc(0), signal);
  if (complete) return false;
  for (let round = 0; round < ROUNDS && !complete; round++)
    ({ received, complete } = await sendFrom(connection, file, received, signal));
  if (!complete) throw new CommandFailed(`${file.path} could not be sent: it changes, or the server loses what it got`);
  return true;
}

/** Sends the rest, until it is complete or the server requests another part. */
async function sendFrom(
  connection: Connection,
  file: LocalFile,
  from: number,
  signal: AbortSignal,
): Promise<Pick<Received, 'received' | 'complete'>> {
  let passed = 0;
  let sent = from;
  let waiting: Buffer[] = [];
  let length = 0;
  const flush = async (): Promise<Received> => {
    const part = Buffer.concat(waiting);
    const answer = await sendPart(connection, file, sent, part, signal);
    sent += part.length;
    [waiting, length] = [[], 0];
    return answer;
  };
  for await (const chunk of file.read()) {
    const start = Math.max(0, from - passed);
    passed += chunk.length;
    for (let rest = chunk.subarray(start); rest.length > 0; ) {
      const taken = rest.subarray(0, PART - length);
      waiting.push(taken);
      length += taken.length;
      rest = rest.subarray(taken.length);
      if (length < PART) continue;
      const answer = await flush();
      if (answer.complete || answer.received !== sent) return answer;
    }
  }
  return flush();
}

async function sendPart(
  connection: Connection,
  { sha256, size }: LocalFile,
  offset: number,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Received> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await signedJson<Received>(connection, {
        method: 'POST',
        path: `/ingot/files/${sha256}`,
        query: { size: String(size), offset: String(offset) },
        body,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= TRIES || !passes(error)) throw error;
      await sleep(1000 << (attempt - 1), signal);
    }
  }
}

/** Whether an error may be temporary: the server is busy, or the connection broke. */
function passes(error: unknown): boolean {
  if (error instanceof RequestRefused) return error.status === 429 || error.status === 503;
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(String((error as NodeJS.ErrnoException).code));
}
