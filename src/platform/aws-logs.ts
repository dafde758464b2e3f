/** CloudWatch Logs of AWS, with the AWS SDK, which is loaded on first use. */
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { clientOptions, type AwsSettings } from './aws-secrets.ts';
import { logger } from './log.ts';

/** Limits of one request. Source: API Reference, PutLogEvents. */
const MOST_EVENTS = 10_000;
const MOST_BYTES = 1_048_576;
const EVENT_BYTES = 26;
const LONGEST_SPAN_MS = 24 * 3_600_000;
/** Longest message in bytes; longer ones are cut. */
const LONGEST_MESSAGE = 256 * 1024 - EVENT_BYTES;

interface Event {
  readonly time: number;
  readonly message: string;
}

/** Sends events to a stream. Creates the stream and its group if they do not exist. @throws the SDK's error */
export async function putLogEvents(
  settings: AwsSettings,
  logGroupName: string,
  logStreamName: string,
  events: readonly Event[],
): Promise<void> {
  const { CloudWatchLogsClient: Client, PutLogEventsCommand } = await import('@aws-sdk/client-cloudwatch-logs');
  const client = new Client(clientOptions(settings));
  const abortSignal = settings.signal;
  try {
    for (const logEvents of batchesOf(events)) {
      const put = () =>
        client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [...logEvents] }), {
          abortSignal,
        });
      const { rejectedLogEventsInfo: rejected } = await put().catch(async (error: Error) => {
        if (error.name !== 'ResourceNotFoundException') throw error;
        await makeStream(client, logGroupName, logStreamName, abortSignal);
        return put();
      });
      if (rejected !== undefined)
        logger().warn({ group: logGroupName, stream: logStreamName, rejected }, 'CloudWatch Logs rejected events');
    }
  } finally {
    client.destroy();
  }
}

async function makeStream(
  client: CloudWatchLogsClient,
  logGroupName: string,
  logStreamName: string,
  abortSignal: AbortSignal | undefined,
): Promise<void> {
  const { CreateLogGroupCommand, CreateLogStreamCommand } = await import('@aws-sdk/client-cloudwatch-logs');
  const unlessThere = (error: Error): void => {
    if (error.name !== 'ResourceAlreadyExistsException') throw error;
  };
  await client.send(new CreateLogGroupCommand({ logGroupName }), { abortSignal }).catch(unlessThere);
  await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }), { abortSignal }).catch(unlessThere);
}

/** Splits events into batches that requests accept, ordered by time. */
function* batchesOf(
  events: readonly Event[],
): Generator<readonly { readonly timestamp: number; readonly message: string }[]> {
  let batch: { timestamp: number; message: string }[] = [];
  let bytes = 0;
  for (const { time, message } of events.toSorted((a, b) => a.time - b.time)) {
    const text =
      Buffer.byteLength(message) > LONGEST_MESSAGE
        ? Buffer.from(message)
            .subarray(0, LONGEST_MESSAGE - 3)
            .toString('utf8')
        : message;
    // AWS rejects an empty message.
    const event = { timestamp: time, message: text === '' ? ' ' : text };
    const size = Buffer.byteLength(event.message) + EVENT_BYTES;
    const first = batch[0]?.timestamp ?? time;
    if (batch.length >= MOST_EVENTS || bytes + size > MOST_BYTES || time - first >= LONGEST_SPAN_MS) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(event);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
