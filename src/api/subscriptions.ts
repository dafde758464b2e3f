/**
 * `GET /?Action=ConfirmSubscription&Token=…` and `GET /?Action=Unsubscribe&SubscriptionArn=…`: the SubscribeURL and
 * UnsubscribeURL of messages. Token and ARN are the authorization, as on AWS, so the requests have no signature.
 */
import { confirmReceiver, endSubscription, subscriptionId } from '../catalog/receivers.ts';
import { timestamp } from '../platform/clock.ts';
import { invalidParameter } from '../resources/errors.ts';
import type { ApiServices } from './context.ts';

/** The operations that need no signature. */
const ACTIONS = { ConfirmSubscription: confirmSubscription, Unsubscribe: unsubscribe } as const;

/** The operation of a query that needs no signature, or `undefined`. @param query without its question mark */
export function subscriptionAction(query: string): keyof typeof ACTIONS | undefined {
  const action = new URLSearchParams(query).get('Action');
  return action !== null && Object.hasOwn(ACTIONS, action) ? (action as keyof typeof ACTIONS) : undefined;
}

/**
 * Runs it. Returns the answer of SNS, in XML.
 * @throws {ApiError} if there is no such token or subscription
 */
export function changeSubscription(
  action: keyof typeof ACTIONS,
  services: Pick<ApiServices, 'catalog'>,
  query: string,
  requestId: string,
): Promise<string> {
  return ACTIONS[action](services, query, requestId);
}

async function confirmSubscription(
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
  const arn = `${topicArn}:${subscriptionId(token)}`;
  return (
    '<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>' +
    `<SubscriptionArn>${arn}</SubscriptionArn></ConfirmSubscriptionResult><ResponseMetadata>` +
    `<RequestId>${requestId}</RequestId></ResponseMetadata></ConfirmSubscriptionResponse>\n`
  );
}

async function unsubscribe(
  { catalog }: Pick<ApiServices, 'catalog'>,
  query: string,
  requestId: string,
): Promise<string> {
  const [, id] = /:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(
    new URLSearchParams(query).get('SubscriptionArn') ?? '',
  ) ?? [''];
  const receiver =
    id === undefined ? undefined : await catalog.transaction((trx) => endSubscription(trx, id, timestamp()));
  if (receiver === undefined) throw invalidParameter('Invalid SubscriptionArn, or the subscription has ended.');
  return (
    '<UnsubscribeResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ResponseMetadata>' +
    `<RequestId>${requestId}</RequestId></ResponseMetadata></UnsubscribeResponse>\n`
  );
}
