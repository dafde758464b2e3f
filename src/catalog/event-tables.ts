/**
 * Tables of events: what happened, who receives it, and what could not be delivered. JSON is text, times are ISO-8601.
 */
import type { Generated } from 'kysely';

/** The tables of events by name, as Kysely sees them. */
export interface EventTables {
  outbox: OutboxTable;
  receivers: ReceiverTable;
  deliveries: DeliveryTable;
  trace_positions: TracePositionTable;
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
  /** JSON: the image as it was then, with its tags; only for images in a final status. */
  snapshot: string | null;
  /** Topic that also gets it. */
  topic_arn: string | null;
  /** The payload of a step for the topic. */
  topic_payload: string | null;
}

/** The state of a configured receiver. */
export interface ReceiverTable {
  name: string;
  /** `seq` up to which every event was delivered, skipped, or is in `deliveries`. */
  position: number;
  /** Hash of its settings: changed ones are tried at once. */
  settings_hash: string;
  /** `gone`: it answered that it accepts no more events. */
  state: 'ok' | 'failing' | 'gone';
  /** Failures in a row. */
  failures: number;
  /** When it is retried, while its circuit is open. */
  next_attempt: string | null;
  /** Number of delivered events. */
  delivered: number;
  last_success: string | null;
  last_failure: string | null;
  last_error: string | null;
  /** Token of the confirmation that was sent to it last. */
  confirm_token: string | null;
  /** When its subscription was confirmed. */
  confirmed: string | null;
}

/** A delivery that failed. */
export interface DeliveryTable {
  receiver: string;
  seq: number;
  event_id: string;
  /** `retry`: it will be retried. `dead`: given up; a person can replay it. `replay`: a person requested it. */
  state: 'retry' | 'dead' | 'replay';
  attempts: number;
  next_attempt: string | null;
  first_failure: string;
  last_failure: string;
  error: string;
}

/** How far traces of builds were exported. */
interface TracePositionTable {
  /** `otlp`. */
  exporter: string;
  /** `seq` in the outbox. */
  position: number;
}
