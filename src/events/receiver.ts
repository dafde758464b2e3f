/** The contract of receivers. README.md says how to add one. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { EventEnvelope } from './envelope.ts';

/** Settings of a receiver as in `config.yaml`, with secrets resolved. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a receiver delivers. */
export interface Delivery {
  readonly event: EventEnvelope;
  /** The event's JSON, a topic's message, or what the rule's template makes. */
  readonly body: string;
  readonly contentType: 'application/json' | 'text/plain';
  /** The text about the event, for people. */
  readonly notice: Notice;
  /** The topic that the message was published to. */
  readonly topicArn: string | undefined;
  /** The image in its final status. */
  readonly image: Image | undefined;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The id of the subscription that the receiver confirmed. */
  readonly subscription?: string | undefined;
}

/** What a confirmation is for: a subscription, or the restoration of one that was ended. */
export type ConfirmationKind = 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';

/** A text about an event. It may contain anything that a user entered, so escape it. */
export interface Notice {
  readonly title: string;
  readonly lines: readonly string[];
  readonly link: string | undefined;
  readonly tone: 'good' | 'bad' | 'neutral';
}

/** Validates the settings of a receiver. A text may contain a reference to a secret that is not resolved yet. */
export interface SettingsReader {
  text(name: string, options?: { readonly required?: boolean }): string | undefined;
  /** An http or https URL without user and fragment. */
  url(name: string, options?: { readonly required?: boolean }): void;
  texts(name: string, options?: { readonly required?: boolean }): void;
  flag(name: string): void;
  /** Whether a flag is true. */
  isSet(name: string): boolean;
  fault(name: string, problem: string): void;
}

/** One type of receiver. */
export interface ReceiverType {
  /**
   * Whether events without a topic cannot be delivered with these settings: the receiver then publishes to the topic of
   * an event, so only topics that the configuration names in full may be assigned to it.
   */
  readonly needsTopic?: (settings: Settings) => boolean;
  /**
   * Sends the request to confirm a subscription. Absent for types that have none, and returns `undefined` if these
   * settings need none.
   */
  readonly confirmation?: (
    settings: Settings,
  ) => ((kind: ConfirmationKind, token: string, signal: AbortSignal) => Promise<string>) | undefined;
  /** Its settings besides the common ones, described for the schema and docs/config.md. */
  readonly settings: Readonly<Record<string, SettingDescription>>;
  /** Validates the settings; faults go to `read.fault`. */
  check(read: SettingsReader): void;
  /**
   * Delivers one event.
   * @param settings with secrets resolved
   * @param signal aborted when the attempt times out
   * @returns a few words about the answer
   * @throws {DeliveryError} if the receiver rejects it; any other error is retried
   */
  deliver(settings: Settings, delivery: Delivery, signal: AbortSignal): Promise<string>;
}

/** A setting, for the schema of `config.yaml`. */
export interface SettingDescription {
  readonly help: string;
  readonly type: 'text' | 'texts' | 'url' | 'flag';
}

/** A receiver rejected an event. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /**
   * `permanent`: the receiver will never accept this event. `gone`: it will accept no events any more. `passing`: it is
   * retried.
   */
  readonly kind: 'passing' | 'permanent' | 'gone';
  /** Seconds to wait before the next attempt, if the receiver asked for it. */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, kind: DeliveryError['kind'], retryAfterSeconds?: number) {
    super(message);
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
