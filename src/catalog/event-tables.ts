/** Tables of events: what happened, who is told of it, and what could not be delivered. JSON is text, times are ISO-8601. */
import type { Generated } from 'kysely';

/** The tables of events by name, as Kysely sees them. */
export interface EventTables {
  outbox: OutboxTable;
  receivers: ReceiverTable;
  deliveries: DeliveryTable;
}

/** Events to be sent. `seq` gives their order. */
export interface OutboxTable {
  seq: Generated<number>;
  id: string;
  time: string;
  /** Detail type, such as `EC2 Image Builder Image State Change`. */
  type: string;
  /** ARN. */
  resource: string;
  previous_status: string | null;
  status: string;
  /** JSON: the detail. */
  payload: string;
  /** JSON list of the ARNs that follow `resource` in the envelope. */
  resources: string | null;
  /** JSON: the image as it was then, with its tags. Of images at their end. */
  snapshot: string | null;
  /** Topic that is told of it too. */
  topic_arn: string | null;
  /** What a step sends to the topic. */
  topic_payload: string | null;
}

/** Where a receiver of the configuration stands. */
export interface ReceiverTable {
  name: string;
  /** `seq` up to which every event was delivered, skipped, or is in `deliveries`. */
  position: number;
  /** Of its settings: changed ones are tried at once. */
  settings_hash: string;
  /** `gone`: it answered that it wants no more events. */
  state: 'ok' | 'failing' | 'gone';
  /** Failures without a success between them. */
  failures: number;
  /** When it is tried again, while its circuit is open. */
  next_attempt: string | null;
  /** Events that were delivered. */
  delivered: number;
  last_success: string | null;
  last_failure: string | null;
  last_error: string | null;
}

/** A delivery that failed. */
export interface DeliveryTable {
  receiver: string;
  seq: number;
  event_id: string;
  /** `retry`: it is tried again. `dead`: given up, for a person to replay. `replay`: a person asked for it. */
  state: 'retry' | 'dead' | 'replay';
  attempts: number;
  next_attempt: string | null;
  first_failure: string;
  last_failure: string;
  error: string;
}
