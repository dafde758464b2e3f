/**
 * The message that Amazon SNS posts to a subscribed URL. Its `Signature` is empty, because only AWS has the keys that
 * SNS libraries accept. With a `secret`, the request has a Standard Webhooks signature instead.
 */
import { timestamp } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { post } from '../post.ts';
import type { ConfirmationKind, Delivery, ReceiverType } from '../receiver.ts';
import { checkSecret, signedHeaders } from './web-hook.ts';
import { isTopicArn } from '../topic-message.ts';

/** Maximum characters of a subject in SNS. */
const LONGEST_SUBJECT = 100;

export const snsHttp: ReceiverType = {
  settings: {
    url: { type: 'url', help: 'URL that events are posted to.' },
    secret: { type: 'text', help: 'Key of the signature: `whsec_` and base64, as Standard Webhooks has it.' },
    topicArn: { type: 'text', help: 'Topic that messages name, where an event has none of its own.' },
    rawMessageDelivery: { type: 'flag', help: 'Post the message without the envelope of SNS.' },
    confirm: {
      type: 'flag',
      help: 'Post a SubscriptionConfirmation first, and messages only after its SubscribeURL was visited.',
    },
    serverUrl: {
      type: 'url',
      help: 'URL of this server for the SubscribeURL and UnsubscribeURL. Required with `confirm`.',
    },
  },
  check(read) {
    read.url('url', { required: true });
    checkSecret(read.text('secret'), (problem) => read.fault('secret', problem));
    checkTopic(read.text('topicArn'), (problem) => read.fault('topicArn', problem));
    read.flag('rawMessageDelivery');
    read.flag('confirm');
    read.url('serverUrl', { required: read.isSet('confirm') });
    if (read.isSet('confirm') && read.text('topicArn') === undefined)
      read.fault('topicArn', 'is required with confirm: the confirmation names it');
  },
  confirmation(settings) {
    if (settings['confirm'] !== true) return undefined;
    return (kind, token, signal) => {
      const topicArn = String(settings['topicArn']);
      const id = newUuid();
      const body = JSON.stringify(confirmationMessage(kind, String(settings['serverUrl']), { topicArn, token, id }));
      const headers = {
        'content-type': 'text/plain; charset=UTF-8',
        'user-agent': 'Amazon Simple Notification Service Agent',
        'x-amz-sns-message-type': kind,
        'x-amz-sns-message-id': id,
        'x-amz-sns-topic-arn': topicArn,
        ...(typeof settings['secret'] === 'string' ? signedHeaders(settings, { event: { id }, body }) : {}),
      };
      return post(String(settings['url']), headers, body, signal);
    };
  },
  deliver(settings, delivery, signal) {
    const raw = settings['rawMessageDelivery'] === true;
    const topicArn = topicOf(delivery, settings['topicArn']);
    const body = raw ? delivery.body : JSON.stringify(snsMessage(delivery, topicArn, settings['serverUrl']));
    const headers = {
      'content-type': 'text/plain; charset=UTF-8',
      'user-agent': 'Amazon Simple Notification Service Agent',
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-message-id': delivery.event.id,
      'x-amz-sns-topic-arn': topicArn,
      ...(delivery.subscription === undefined
        ? {}
        : { 'x-amz-sns-subscription-arn': subscriptionArn(topicArn, delivery.subscription) }),
      ...(raw ? { 'x-amz-sns-rawdelivery': 'true' } : {}),
      ...(typeof settings['secret'] === 'string' ? signedHeaders(settings, { ...delivery, body }) : {}),
    };
    return post(String(settings['url']), headers, body, signal);
  },
};

/** Reports a fault if the ARN of a topic is invalid. */
export function checkTopic(topicArn: string | undefined, fault: (problem: string) => void): void {
  if (topicArn !== undefined && !isTopicArn(topicArn))
    fault('must be the ARN of a topic, such as arn:aws:sns:us-east-1:123456789012:images');
}

/** The topic of a delivery. */
function topicOf({ topicArn, event }: Delivery, configured: unknown): string {
  return (
    topicArn ?? (typeof configured === 'string' ? configured : `arn:aws:sns:${event.region}:${event.account}:ingot`)
  );
}

/** The message in the form of SNS. */
function snsMessage(delivery: Delivery, topicArn: string, serverUrl: unknown): object {
  return {
    Type: 'Notification',
    MessageId: delivery.event.id,
    TopicArn: topicArn,
    Subject: subjectOf(delivery),
    Message: delivery.body,
    Timestamp: delivery.event.time.replace('Z', '.000Z'),
    SignatureVersion: '1',
    Signature: '',
    SigningCertURL: '',
    UnsubscribeURL:
      delivery.subscription === undefined
        ? ''
        : queryUrl(String(serverUrl), {
            Action: 'Unsubscribe',
            SubscriptionArn: subscriptionArn(topicArn, delivery.subscription),
          }),
  };
}

function subscriptionArn(topicArn: string, subscription: string): string {
  return `${topicArn}:${subscription}`;
}

function queryUrl(serverUrl: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(serverUrl);
  url.search = new URLSearchParams(parameters).toString();
  return url.toString();
}

/**
 * The request of SNS to confirm a subscription, or to restore one that was ended. Source: SNS Developer Guide, parsing
 * Amazon SNS message formats.
 */
function confirmationMessage(
  kind: ConfirmationKind,
  serverUrl: string,
  { topicArn, token, id }: { readonly topicArn: string; readonly token: string; readonly id: string },
): object {
  return {
    Type: kind,
    MessageId: id,
    Token: token,
    TopicArn: topicArn,
    Message:
      kind === 'SubscriptionConfirmation'
        ? `You have chosen to subscribe to the topic ${topicArn}.\n` +
          'To confirm the subscription, visit the SubscribeURL included in this message.'
        : `You have chosen to deactivate the subscription to the topic ${topicArn}.\n` +
          'To cancel this operation and restore the subscription, visit the SubscribeURL included in this message.',
    SubscribeURL: queryUrl(serverUrl, { Action: 'ConfirmSubscription', TopicArn: topicArn, Token: token }),
    Timestamp: timestamp(),
    SignatureVersion: '1',
    Signature: '',
    SigningCertURL: '',
  };
}

/** A title as an SNS subject: ASCII, on one line. */
export function subjectOf({ notice }: Pick<Delivery, 'notice'>): string {
  return notice.title.replaceAll(/[^ -~]/g, '?').slice(0, LONGEST_SUBJECT);
}
