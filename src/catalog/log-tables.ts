/** Tables of log groups and streams. Times are ISO-8601 text. */
import type { Generated } from 'kysely';

/** These tables by name, as Kysely sees them. */
export interface LogTables {
  log_groups: LogGroupTable;
  log_streams: LogStreamTable;
  pipeline_log: PipelineLogTable;
  log_destinations: LogDestinationTable;
  log_shipments: LogShipmentTable;
}

/** Groups: they outlive the images and pipelines that write to them. */
interface LogGroupTable {
  account: string;
  region: string;
  name: string;
  created: string;
  /** Days that events are kept; null for always. */
  retention_days: number | null;
}

/** Under which name an image's log is found. Several images may share a stream, where a group was chosen. */
interface LogStreamTable {
  image_arn: string;
  account: string;
  region: string;
  group_name: string;
  name: string;
  created: string;
}

/** Events of the logs of pipelines. */
interface PipelineLogTable {
  seq: Generated<number>;
  account: string;
  region: string;
  group_name: string;
  stream: string;
  time: string;
  /** JSON of a `PipelineLogRecord`. */
  record: string;
}

/** Places that logs are shipped to. */
interface LogDestinationTable {
  name: string;
  /** Logs that were begun before are not shipped. */
  since: string;
  /** Number of the last shipped event of the logs of pipelines. */
  pipelines_after: number;
  failing_since: string | null;
  error: string | null;
}

/** How much of an image's log a place has. */
interface LogShipmentTable {
  destination: string;
  image_arn: string;
  /** In bytes. */
  position: number;
  done: number;
}
