/** The types of destinations. */

/** One event that is shipped. */
export interface ShippedEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly message: string;
  /** The progress record, or that of a pipeline's decision. */
  readonly record: unknown;
}

/** Events of one stream, in order: at most 1,000, at most some 512 KiB. */
interface Shipment {
  readonly account: string;
  readonly region: string;
  readonly group: string;
  readonly stream: string;
  readonly events: readonly ShippedEvent[];
}

/** Where logs go. */
export interface Destination {
  /** Sends events; returns once the destination has them. @throws when it does not have them, or not all */
  send(shipment: Shipment, signal: AbortSignal): Promise<void>;
}

/** What a kind of destination reads its settings with. */
interface SettingsReading {
  readonly read: (member: string, required?: boolean) => string | undefined;
  readonly fault: (member: string, message: string) => void;
  readonly isAbsolute: (path: string) => boolean;
}

/** A kind of destination. */
export interface DestinationType {
  readonly settings: readonly string[];
  /** @returns `undefined` after a fault */
  readonly open: (reading: SettingsReading) => Destination | undefined;
}
