/** The types of destinations. */

/** One event that is shipped. */
export interface ShippedEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly message: string;
  /** The progress record, or the record of a pipeline's decision. */
  readonly record: unknown;
}

/** Events of one stream, in order: at most 1,000, at most about 512 KiB. */
interface Shipment {
  readonly account: string;
  readonly region: string;
  readonly group: string;
  readonly stream: string;
  readonly events: readonly ShippedEvent[];
}

/** Where logs go. */
export interface Destination {
  /** Sends events and returns once the destination has accepted all of them. @throws if it did not */
  send(shipment: Shipment, signal: AbortSignal): Promise<void>;
}

/** How a destination type reads its settings. */
interface SettingsReading {
  readonly read: (member: string, required?: boolean) => string | undefined;
  readonly fault: (member: string, message: string) => void;
  readonly isAbsolute: (path: string) => boolean;
}

/** A kind of destination. */
export interface DestinationType {
  readonly settings: readonly string[];
  /** @returns `undefined` if a setting is invalid */
  readonly open: (reading: SettingsReading) => Destination | undefined;
}
