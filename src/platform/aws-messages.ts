/** Amazon SNS and Amazon EventBridge, with the AWS SDK's credentials and retries. The SDK is loaded on first use. */
import { clientOptions, type AwsSettings } from './aws-secrets.ts';

/** AWS rejected a request. */
export class AwsRefused extends Error {
  override readonly name = 'AwsRefused';
  /** Whether a retry would be rejected too. */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.permanent = permanent;
  }
}

const PERMANENT: readonly string[] = ['InvalidParameter', 'InvalidParameterException', 'ValidationException'];

/** A message for a topic. */
export interface TopicMessage {
  readonly topicArn: string;
  /** At most 256 KiB. */
  readonly message: string;
  /** ASCII, at most 100 characters. */
  readonly subject: string;
  /** Sent as the attribute `eventId`. */
  readonly eventId: string;
}

/** Publishes a message. Returns the id that SNS gave it. @throws {AwsRefused}, or the SDK's error */
export async function publishToTopic(settings: AwsSettings, message: TopicMessage): Promise<string> {
  const { PublishCommand, SNSClient } = await import('@aws-sdk/client-sns');
  const client = new SNSClient(clientOptions(settings));
  try {
    const command = new PublishCommand({
      TopicArn: message.topicArn,
      Message: message.message,
      Subject: message.subject,
      MessageAttributes: { eventId: { DataType: 'String', StringValue: message.eventId } },
    });
    const answer = await client.send(command, { abortSignal: settings.signal });
    return answer.MessageId ?? '';
  } catch (error) {
    throw refused(error, settings.signal);
  } finally {
    client.destroy();
  }
}

/** An event for a bus. */
export interface BusEvent {
  /** Name or ARN (default: AWS's default bus). */
  readonly bus?: string | undefined;
  readonly source: string;
  readonly detailType: string;
  /** JSON. */
  readonly detail: string;
  readonly resources: readonly string[];
  readonly time: Date;
}

/** Puts an event on a bus. Returns the id that EventBridge gave it. @throws {AwsRefused}, or the SDK's error */
export async function putBusEvent(settings: AwsSettings, event: BusEvent): Promise<string> {
  const { EventBridgeClient, PutEventsCommand } = await import('@aws-sdk/client-eventbridge');
  const client = new EventBridgeClient(clientOptions(settings));
  try {
    const command = new PutEventsCommand({
      Entries: [
        {
          EventBusName: event.bus,
          Source: event.source,
          DetailType: event.detailType,
          Detail: event.detail,
          Resources: [...event.resources],
          Time: event.time,
        },
      ],
    });
    const { Entries: entries = [] } = await client.send(command, { abortSignal: settings.signal });
    const [entry] = entries;
    if (entry?.ErrorCode !== undefined)
      throw new AwsRefused(`${entry.ErrorCode}: ${entry.ErrorMessage ?? ''}`, entry.ErrorCode === 'MalformedDetail');
    return entry?.EventId ?? '';
  } catch (error) {
    throw refused(error, settings.signal);
  } finally {
    client.destroy();
  }
}

function refused(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof AwsRefused) return error;
  const { name, message } = error as Error;
  return new AwsRefused(`AWS answered ${name}: ${message}`, PERMANENT.includes(name), { cause: error });
}
