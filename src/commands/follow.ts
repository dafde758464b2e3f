/** The log of an image as it grows. */
import { recordsOf, RequestRefused, signedRequest, type Connection } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
import type { ProgressRecord } from '../resources/progress.ts';
import { CommandFailed } from './command.ts';

/** How often to reconnect to a server that ends, or start it again. */
const RECONNECTS = 20;

/** Options for reading a log. */
export interface FollowOptions {
  /** Continues until the image has ended and everything was read. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Called for a new connection after one broke. */
  readonly reconnect: () => Promise<Connection>;
}

/**
 * The records of an image's log, in order and without duplicates. A broken connection is resumed at its position.
 * @throws {CommandFailed} if the server does not come back
 * @throws {RequestRefused} if the image does not exist
 */
export async function* followImage(
  connection: Connection,
  imageArn: string,
  options: FollowOptions,
): AsyncGenerator<ProgressRecord> {
  const path = `/ingot/images/${encodeURIComponent(imageArn)}/log`;
  let current = connection;
  let read = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await signedRequest(current, {
        method: 'GET',
        path,
        query: { follow: String(options.follow), after: String(read) },
        signal: options.signal,
      });
      for await (const record of recordsOf<ProgressRecord & { error?: string }>(answer)) {
        if (record.error !== undefined && record.type === undefined) throw new CommandFailed(record.error);
        read++;
        attempt = 0;
        yield record;
      }
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof RequestRefused || error instanceof CommandFailed) throw error;
      if (attempt >= RECONNECTS)
        throw new CommandFailed(`the connection to the server broke: ${(error as Error).message}`);
      await sleep(250, options.signal);
      current = await options.reconnect();
    }
  }
}
