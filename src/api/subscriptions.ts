/**
 * `GET /?Action=ConfirmSubscription&Token=…`: the SubscribeURL of a SubscriptionConfirmation. The token is the
 * authorization, as on AWS, so the request has no signature.
 */
import { confirmReceiver } from '../catalog/receivers.ts';
import { timestamp } from '../platform/clock.ts';
import { invalidParameter } from '../resources/errors.ts';
import type { ApiServices } from './context.ts';

/** Whether a query is that of a SubscribeURL. @param query without its question mark */
export function isConfirmation(query: string): boolean {
  return new URLSearchParams(query).get('Action') === 'ConfirmSubscription';
}

/**
 * Confirms the subscription of a receiver. Returns the answer of SNS, in XML.
 * @throws {ApiError} if no receiver has the token
 */
export async function confirmSubscription(
  { catalog }: Pick<ApiServices, 'catalog'>,
  query: string,
  requestId: string,
): Promise<string> {
  const parameters = new URLSearchParams(query);
  const token = parameters.get('Token') ?? '';
  const topicArn = parameters.get('TopicArn') ?? '';
  const receiver = /^[0-9a-f]{128}$/.test(token)
    ? await catalog.transaction((trx) => confirmReceiver(trx, token, timestamp()))
    : undefined;
  // A topic's ARN has no character that XML would read.
  if (receiver === undefined || !/^[\w:-]{1,400}$/.test(topicArn))
    throw invalidParameter('Invalid token, or the receiver has changed since it was sent.');
  return (
    '<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>' +
    `<SubscriptionArn>${topicArn}:${receiver.name}</SubscriptionArn></ConfirmSubscriptionResult><ResponseMetadata>` +
    `<RequestId>${requestId}</RequestId></ResponseMetadata></ConfirmSubscriptionResponse>\n`
  );
}
