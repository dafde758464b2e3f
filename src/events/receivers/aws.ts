/** Amazon SNS and Amazon EventBridge, with the credentials that the AWS SDK finds on this host. */
import { AwsRefused, publishToTopic, putBusEvent } from '../../platform/aws-messages.ts';
import type { AwsSettings } from '../../platform/aws-secrets.ts';
import {
  DeliveryError,
  type ReceiverType,
  type SettingDescription,
  type Settings,
  type SettingsReader,
} from '../receiver.ts';
import { checkTopic, subjectOf } from './sns-http.ts';

const AWS_SETTINGS: Readonly<Record<string, SettingDescription>> = {
  region: { type: 'text', help: "Region. Default: the event's." },
  endpoint: { type: 'url', help: 'Endpoint URL. Default: that of AWS.' },
  profile: { type: 'text', help: 'Profile of the AWS configuration files.' },
};

/** `source` of events on a bus: AWS reserves those that begin with `aws.`. */
const BUS_SOURCE = 'ingot.imagebuilder';

export const sns: ReceiverType = {
  needsTopic: ({ topicArn }) => topicArn === undefined,
  settings: {
    topicArn: {
      type: 'text',
      help: 'Topic that messages are published to. Default: that of the image, which events.topics must name in full.',
    },
    ...AWS_SETTINGS,
  },
  check(read) {
    checkTopic(read.text('topicArn'), (problem) => read.fault('topicArn', problem));
    checkAws(read);
  },
  async deliver(settings, delivery, signal) {
    const topicArn = settings['topicArn'] ?? delivery.topicArn;
    if (typeof topicArn !== 'string')
      throw new DeliveryError('the event has no topic, and the receiver has no topicArn', 'permanent');
    // A topic's Region is in its ARN.
    const region = topicArn.split(':')[3]!;
    const message = { topicArn, message: delivery.body, subject: subjectOf(delivery), eventId: delivery.event.id };
    const id = await refusing(publishToTopic(awsSettings(settings, region, signal), message));
    return `published as ${id}`;
  },
};

export const eventBridge: ReceiverType = {
  settings: {
    bus: { type: 'text', help: 'Name or ARN of the event bus. Default: the default bus.' },
    source: {
      type: 'text',
      help: `\`source\` of the events, which on AWS cannot begin with \`aws.\`. Default: ${BUS_SOURCE}.`,
    },
    ...AWS_SETTINGS,
  },
  check(read) {
    read.text('bus');
    read.text('source');
    checkAws(read);
  },
  async deliver(settings, { event }, signal) {
    const { bus, source = BUS_SOURCE } = settings;
    const put = putBusEvent(awsSettings(settings, event.region, signal), {
      bus: bus === undefined ? undefined : String(bus as string),
      source: String(source as string),
      detailType: event['detail-type'],
      // EventBridge assigns its own event id, so Ingot's goes into the detail.
      detail: JSON.stringify({ ...event.detail, 'ingot-event-id': event.id }),
      resources: event.resources,
      time: new Date(event.time),
    });
    return `accepted as ${await refusing(put)}`;
  },
};

function checkAws(read: SettingsReader): void {
  read.text('region');
  read.url('endpoint');
  read.text('profile');
}

function awsSettings(settings: Settings, region: string, signal: AbortSignal): AwsSettings {
  const text = (name: string): string | undefined => settings[name] as string | undefined;
  const [endpoint, profile] = [text('endpoint'), text('profile')];
  return {
    region: text('region') ?? region,
    signal,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
  };
}

async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AwsRefused) throw new DeliveryError(error.message, error.permanent ? 'permanent' : 'passing');
    throw error;
  }
}
