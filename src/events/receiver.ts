/** The contract of receivers. README.md says how to add one. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { EventEnvelope } from './envelope.ts';

/** Settings of a receiver, as in `config.yaml`, its secrets filled in. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a receiver gets. */
export interface Delivery {
  readonly event: EventEnvelope;
  /** The event's JSON, a topic's message, or what the rule's template makes. */
  readonly body: string;
  readonly contentType: 'application/json' | 'text/plain';
  /** What it says to a person. */
  readonly notice: Notice;
  /** Topic whose message it is. */
  readonly topicArn: string | undefined;
  /** The image at its end. */
  readonly image: Image | undefined;
  /** 1 for the first. */
  readonly attempt: number;
}

/** An event in words. Texts may hold anything that a user named: escape them. */
export interface Notice {
  readonly title: string;
  readonly lines: readonly string[];
  readonly link: string | undefined;
  readonly tone: 'good' | 'bad' | 'neutral';
}

/** What a receiver's settings are checked with. A text may hold a reference to a secret, which has no value yet. */
export interface SettingsReader {
  text(name: string, options?: { readonly required?: boolean }): string | undefined;
  /** http or https, without a user or a fragment. */
  url(name: string, options?: { readonly required?: boolean }): void;
  texts(name: string, options?: { readonly required?: boolean }): void;
  flag(name: string): void;
  fault(name: string, problem: string): void;
}

/** One kind of receiver. */
export interface ReceiverType {
  /** Its settings beside those that all have, each described for the schema and for docs/config.md. */
  readonly settings: Readonly<Record<string, SettingDescription>>;
  /** Checks its settings; what is wrong goes to `read.fault`. */
  check(read: SettingsReader): void;
  /**
   * Delivers one event.
   * @param settings with secrets in the place of references
   * @param signal aborted when it takes too long
   * @returns what it answered, in a few words
   * @throws {DeliveryError} when it does not take it; any other error is tried again
   */
  deliver(settings: Settings, delivery: Delivery, signal: AbortSignal): Promise<string>;
}

/** A setting, for the schema of `config.yaml`. */
export interface SettingDescription {
  readonly help: string;
  readonly type: 'text' | 'texts' | 'url' | 'flag';
}

/** A receiver that did not take an event. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** `permanent`: this event will never be taken. `gone`: none will. */
  readonly kind: 'passing' | 'permanent' | 'gone';
  /** Seconds after which it wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, kind: DeliveryError['kind'], retryAfterSeconds?: number) {
    super(message);
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
